"""The built-in plugins, written as a third party would write them.

None imports another, nor the server; each uses the public names of `pdfsluice.core`.
"""

if __name__ == "plugins":
    raise ImportError("import this package as 'pdfsluice.plugins', not as 'plugins'")
