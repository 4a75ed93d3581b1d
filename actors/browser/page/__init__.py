"""The WhatsApp Web page in a Chromium: opened, watched, spoken to through wa-js.

What the page tells is for `actors/browser/facts`. `actors/browser/run.py` uses `page` and `probe`.
"""
