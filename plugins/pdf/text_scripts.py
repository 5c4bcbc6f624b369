"""Judges scripts in plain text by their content, not by their name."""

import re
from typing import Final

_DANGEROUS: Final = (
    rb"wscript|activexobject|createobject|shell\.application|adodb\.|msxml2|xmlhttp|#@~\^"
    rb"|powershell|\bcmd(?:\.exe)?\s+/[ckq]|certutil|bitsadmin|mshta|regsvr32|rundll32|schtasks"
    rb"|\breg(?:\.exe)?\s+add|currentversion\\+run|\bnet\s+user\b|\bvssadmin\b|\bwmic\b"
    rb"|invoke-(?:expression|webrequest|restmethod|command)|\biex\b|download(?:string|file|data)"
    rb"|frombase64string|start-process|\bnew-object\b|add-type"
    rb"|\bcurl\b|\bwget\b|/dev/tcp|\bnc\s+-|\bncat\b|chmod\s+\S*x|\brm\s+-|base64\s+-+d|osascript"
    rb"|\bsudo\b|\bmkfifo\b|\bdd\s+if=|\bcrontab\b|\bdel\s+[/*]|\brd\s+/s|\bformat\s+[a-z]:"
    rb"|\beval\s*\(|\bunescape\s*\(|fromcharcode|new\s+function\s*\(|\bexec\s*\(|child_process"
    rb"|\bstart\s+\S+\.(?:exe|bat|cmd|vbs|js)|\bcalc(?:\.exe)?\b|\.exe\b|hta:application"
)
"""Not compiled here, because few files have such attachments; the case of letters is ignored."""
_BINARY: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
MAX_TEXT: Final = 1024 * 1024
"""Bytes in which a script is looked for what it does."""


def is_harmless_text(content: bytes) -> bool:
    """Return whether content is plain text that neither starts nor loads a program.

    Such a text may be a script by its name or its first line; it is then reported, but it is
    no attack by itself.
    """
    text = _plain(content[:MAX_TEXT])
    if not text.strip() or _BINARY.search(text) is not None:
        return False
    return re.search(_DANGEROUS, text, re.IGNORECASE) is None


def _plain(content: bytes) -> bytes:
    """Return text in UTF-8, whatever byte order mark it has."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace").encode()
    return content.removeprefix(b"\xef\xbb\xbf")
