"""Upload protocols besides the REST API: tus and Resumable Uploads for HTTP.

What both share, appending at an offset, is in ``appending``.
"""
