"""The sample document of the demonstration: its text and the program that draws it.

Nothing here is read by a server or by tests of the scanner.
"""
