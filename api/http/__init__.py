"""The handlers of the REST interface and what their requests and answers look like.

Which path leads to which handler is in `api/routes.py`.
"""
