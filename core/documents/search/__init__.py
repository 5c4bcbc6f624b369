"""Search over documents: results of an index become hits with snippets, places.

Ranking by words and vectors belongs to the index, which is a plugin.
"""
