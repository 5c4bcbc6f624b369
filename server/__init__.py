"""The HTTP and WebSocket server on aiohttp.

It translates requests into calls of the core and errors into statuses; rules about uploads
and documents are in the core.
"""

if __name__ == "server":
    raise ImportError("import this package as 'pdfsluice.server', not as 'server'")
