"""The JSON that the REST API answers with, built from the objects of the core.

Reading a request belongs to ``requests``.
"""
