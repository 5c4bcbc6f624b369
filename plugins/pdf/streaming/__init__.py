"""The streaming pass: inspects a PDF while it arrives, without seeking.

Belongs here: the stages ``pdf-structure`` and ``pdf-security`` and what they conclude from the
walk. The inspection of the whole file belongs in ``deep``.
"""
