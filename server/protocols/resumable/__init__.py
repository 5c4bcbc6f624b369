"""Resumable Uploads for HTTP, the protocol of the IETF, in its current drafts.

Its offsets and lengths become chunks in ``appending``.
"""
