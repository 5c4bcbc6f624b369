"""The HTTP and WebSocket server on aiohttp."""

if __name__ == "server":
    raise ImportError("import this package as 'pdfsluice.server', not as 'server'")
