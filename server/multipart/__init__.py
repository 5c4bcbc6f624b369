"""Reads multipart forms while they arrive.

What is done with the parts belongs to ``api``.
"""
