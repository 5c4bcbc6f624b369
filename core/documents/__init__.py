"""Finished documents: the library, their versions, and pictures of their pages.

What leads to a document belongs to ``uploads``. Background work, search and the text of pages
have rooms of their own.
"""
