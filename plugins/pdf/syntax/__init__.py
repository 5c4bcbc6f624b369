"""PDF syntax: tokens, objects, filters, and the walk over an arriving file.

Belongs here: what bytes mean by ISO 32000-2, clause 7, within bounded time and memory. What an
object does, and whether that is dangerous, belongs in ``streaming`` and ``deep``.
"""
