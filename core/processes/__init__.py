"""Limited child processes in which untrusted bytes and heavy libraries run.

What the children do with a file belongs to ``scanning``, ``documents`` or a plugin.
"""
