"""The life of an upload, from its creation to its document or its end.

The operations on uploads and the uploads that are open in this process belong here; each of
the rooms has one subject. What happens to the finished document belongs to ``documents``;
what looks at the bytes on their way, to ``scanning``.
"""
