"""Finds plugins, checks what they register and hands it to the rest of the core.

The ports that plugins implement are in ``ports``. Nothing here knows a particular plugin.
"""
