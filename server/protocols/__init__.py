"""Upload protocols other than our own: tus and Resumable Uploads for HTTP.

What both share, appending at an offset, is in ``appending``.
"""
