"""The pdfsluice framework: pipeline, plugin registry and ports; no HTTP and no PDF library."""

if __name__ == "core":
    raise ImportError("import this package as 'pdfsluice.core', not as 'core'")
