"""Sockets, HTTP connections and bodies, below any handler.

Nothing here knows uploads or documents.
"""
