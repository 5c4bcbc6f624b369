"""Finished documents: the library, background jobs, previews and the reading of pages.

What leads to a document belongs to ``uploads``.
"""
