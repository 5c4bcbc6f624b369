"""The demonstration: its command, and the sample document that it draws.

Nothing here is read by a server or by tests of the scanner.
"""
