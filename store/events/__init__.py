"""Events: the ordered log of what happens, its one writer, and the bus that publishes it.

Others use `event_log`, `recorder`, `bus`, `feed` and `subscription`.
"""
