"""What a page tells: heard, checked, limited, and put into reports.

Nothing here is believed because the page says it. `actors/browser/page` uses `binding`.
"""
