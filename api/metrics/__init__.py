"""The server in figures for Prometheus: what is measured, and how it is asked for.

What happens is counted where it happens, by instruments; what is, is collected when it is asked
for. Every label has a closed list of values, but for `account`, and `name` of `wa_account_info`:
only accounts that this server knows now have one, and what was measured of a deleted account is
gone with it. An account that is renamed still has one name.
"""
