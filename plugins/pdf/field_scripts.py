"""Recognises the standard calls by which forms format and check input.

Acrobat writes them itself when an author picks a format. Their arguments are literals, so they
can do nothing else; readers run the format script of every field when a document is opened.
"""

import re
from typing import Final

MAX_SCRIPT: Final = 16 * 1024
"""Characters of a script that are looked at; a longer one is no such call."""

_STRING: Final = r"(?:\"(?:[^\"\\\r\n]|\\.)*+\"|'(?:[^'\\\r\n]|\\.)*+')"
_LITERAL: Final = rf"(?:{_STRING}|[+-]?\d+(?:\.\d*)?|true|false|null)"
_LIST: Final = rf"{_LITERAL}(?:\s*,\s*{_LITERAL})*+"
_ARGUMENT: Final = rf"(?:{_LITERAL}|new\s+Array\s*\(\s*(?:{_LIST})?\s*\)|\[\s*(?:{_LIST})?\s*\])"
_CALL: Final = (
    r"\s*AF(?:Date|Number|Percent|Range|Simple|Special|Time)"
    r"_(?:Calculate|Format|FormatEx|Keystroke|KeystrokeEx|Validate)"
    rf"\s*\(\s*(?:{_ARGUMENT}(?:\s*,\s*{_ARGUMENT})*+)?\s*\)\s*;?\s*"
)
"""Not compiled here: that takes 8 ms of each stage process, and few files have such scripts."""


def is_standard_call(script: str) -> bool:
    """Return whether a script is one standard call with literal arguments.

    An empty script is one, too: it does nothing.
    """
    if len(script) > MAX_SCRIPT:
        return False
    return not script.strip() or re.fullmatch(_CALL, script) is not None
