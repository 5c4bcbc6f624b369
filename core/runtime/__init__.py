"""Builds what runs from settings and plugins: opens it in order, and closes it.

What connects rooms with each other belongs here: for a server, for a command, for a program that
inspects files. What a room does belongs to the room.
"""
