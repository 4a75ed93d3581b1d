"""What is said of the accounts beside their events: log lines, counts, times, who needs a human.

Nothing here decides what an account does.
"""
