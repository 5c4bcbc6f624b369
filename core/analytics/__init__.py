"""Records of ended uploads: writing and keeping them, and reports over them.

What an upload costs is measured in ``core/uploads``, and the session store keeps the records.
"""
