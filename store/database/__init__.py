"""The database: opened, migrated, waited for, closed. What is in it is for `store/models.py`.

Others use `opening` and `timeouts`.
"""
