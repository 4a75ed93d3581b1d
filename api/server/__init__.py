"""The server as a process: its address, connections, files, signals and memory.

What it serves is in `api/app.py`.
"""
