"""Chromium as a process: found, started with its flags, spoken to over its pipe, proven gone.

It knows no pages and no WhatsApp. `actors/browser/run.py` uses `chromium`; tests use the rest.
"""
