"""The page in a real browser, which all these tests share with a server."""
