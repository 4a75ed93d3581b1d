"""A WhatsApp Web with phones, to try and test everything without a real one.

A program of its own: it imports no other package of the project.
"""
