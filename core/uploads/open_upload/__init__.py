"""One open upload: its owner, and an object for each of its subjects.

Its state, claims, commits, stored bytes, verdicts and progress belong here. What opens,
receives for or completes an upload imports this room, and is not imported by it.
"""
