"""The steps from an empty database to today's tables, in order. Each is written once, then kept."""
