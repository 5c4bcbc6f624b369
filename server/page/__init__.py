"""The page that people open in a browser, and the handlers that send its files.

The page uses the API like any other client; what it shows belongs to ``api`` and ``websocket``.
"""
