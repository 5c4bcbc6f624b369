"""The streaming pass: looks at a PDF while it arrives, in one pass, without seeking.

Belongs here: the stages ``pdf-structure`` and ``pdf-security`` and what they conclude from the
walk. The look at the whole file belongs into ``deep``.
"""
