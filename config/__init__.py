"""Typed settings: where each value comes from and what it may be."""

if __name__ == "config":
    raise ImportError("import this package as 'pdfsluice.config', not as 'config'")
