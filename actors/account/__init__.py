"""One account: the actor, the table of its life, and what it records of it.

The browser is in `actors/browser`. From outside only the registry starts an `actor`; `view`,
`context` and the values of `restarts` are public.
"""
