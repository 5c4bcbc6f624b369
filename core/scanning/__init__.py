"""Feeds the bytes of an upload to its stream stages, outside the server process.

Stages themselves are plugins; what follows from their findings belongs to ``uploads``.
"""
