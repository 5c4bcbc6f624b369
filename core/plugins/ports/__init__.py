"""The interfaces that plugins implement, grouped by what they serve.

Only protocols and descriptors belong here; code that uses them belongs to the other rooms.
"""
