"""The Python client library and the `pdfsluice` command."""

if __name__ == "client":
    raise ImportError("import this package as 'pdfsluice.client', not as 'client'")
