"""Events for clients as they happen: over a websocket, and as server-sent events.

The order of what a client hears is made in `frames`, the same for both.
"""
