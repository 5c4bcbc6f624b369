"""The Model Context Protocol: documents as tools of language models.

Programs that drive a language model send messages to ``/mcp`` (streamable HTTP); the tools
read and never change anything.
"""
