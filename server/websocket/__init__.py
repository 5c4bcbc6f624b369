"""Live progress over WebSockets, and the sinks that feed it.

What an event means belongs to the core.
"""
