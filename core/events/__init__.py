"""Passes events to the sinks of this node and to nodes at which clients watch.

How events reach them belongs here. The events themselves belong to ``core.models``, and what a
client is sent belongs to the server.
"""
