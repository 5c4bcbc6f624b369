"""Finished documents: the library, jobs, previews and the reading of pages.

What leads to a document belongs to ``uploads``.
"""
