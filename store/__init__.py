"""What is kept, and how what happens is told: accounts, events, and the bus.

Imports neither `actors` nor `api`. Only this package knows the database and Redis.
"""
