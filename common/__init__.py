"""Helpers that every package uses: asyncio tasks, threads, the clock, the log's context.

They import no other package of the project, and know nothing of accounts, browsers or databases.
"""
