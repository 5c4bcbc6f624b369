"""The tus resumable upload protocol, version 1.0, with its extensions.

Its offsets and lengths become chunks in ``appending``.
"""
