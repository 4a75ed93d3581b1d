"""Which server owns which account: leases taken, renewed, given up, and taken over from the dead.

The queries are in `store/leases.py`. The manager uses `keeper` and `access`; the rest is internal.
"""
