"""How requests are read, and what is said of one that is not valid.

The models are in `api/http/schemas.py`.
"""
