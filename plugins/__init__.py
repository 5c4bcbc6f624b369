"""The built-in plugins, written as a third party would write them."""

if __name__ == "plugins":
    raise ImportError("import this package as 'pdfsluice.plugins', not as 'plugins'")
