"""The directory in which a Chromium keeps an account's session: locked, cleaned, measured, removed.

It knows no browser that runs. The manager and the monitor use `care` and `profile`.
"""
