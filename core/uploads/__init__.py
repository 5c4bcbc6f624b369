"""The life of an upload, from its creation to its document or its end.

What happens to the finished document belongs to ``documents``; what looks at the bytes on
their way, to ``scanning``.
"""
