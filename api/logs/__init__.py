"""The server's log: how a line looks, what it must not tell, and how it is written without waiting.

What is logged stands where it happens.
"""
