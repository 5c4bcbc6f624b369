"""Distinguishes programs, scripts and macros from harmless attachments.

Only the content and the name are looked at; nothing is run, and archives are listed, not
unpacked. What a reader can start with a double-click counts as executable.
"""

import io
import re
import struct
import zipfile
from collections.abc import Iterable

_BY_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x7fELF", "a Linux program (ELF)"),
    (b"\xfe\xed\xfa\xce", "a macOS program (Mach-O)"),
    (b"\xfe\xed\xfa\xcf", "a macOS program (Mach-O)"),
    (b"\xce\xfa\xed\xfe", "a macOS program (Mach-O)"),
    (b"\xcf\xfa\xed\xfe", "a macOS program (Mach-O)"),
    (b"\xca\xfe\xba\xbe", "a macOS or Java program"),
    (b"dex\n", "an Android program"),
    (b"L\0\0\0\x01\x14\x02\0", "a Windows shortcut"),
    (b"!<arch>\n", "a program library or package"),
)
_BY_EXTENSION: dict[str, str] = {
    **dict.fromkeys(("exe", "scr", "pif", "cpl", "dll"), "a Windows program"),
    **dict.fromkeys(("msi", "msp", "msix", "appx"), "a Windows installer"),
    **dict.fromkeys(("bat", "cmd"), "a Windows command script"),
    **dict.fromkeys(("ps1", "psm1", "psd1"), "a PowerShell script"),
    **dict.fromkeys(("vbs", "vbe", "wsf", "wsh", "wsc", "sct"), "a Windows script"),
    **dict.fromkeys(("js", "jse"), "a script"),
    **dict.fromkeys(("hta",), "an HTML application"),
    **dict.fromkeys(("lnk", "scf", "settingcontent-ms"), "a Windows shortcut"),
    **dict.fromkeys(("reg",), "a Windows registry file"),
    **dict.fromkeys(("chm",), "a Windows help file with scripts"),
    **dict.fromkeys(("jar", "class"), "a Java program"),
    **dict.fromkeys(("apk",), "an Android program"),
    **dict.fromkeys(("sh", "command"), "a shell script"),
    **dict.fromkeys(("pkg", "dmg", "scpt"), "a macOS program"),
    **dict.fromkeys(("docm", "dotm", "xlsm", "xltm", "xlam", "pptm", "potm", "ppam", "ppsm",
                     "sldm"), "an Office document with macros"),
}  # fmt: skip
_TEXT_EXTENSIONS = frozenset(
    {"bat", "cmd", "ps1", "psm1", "psd1", "vbs", "wsf", "wsh", "js", "reg", "sh", "command"}
)
"""Extensions of scripts that are written in plain text."""
_TEXT_MARKS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"\A\s*#!\s*/"), "a script"),
    (re.compile(rb"<hta:application", re.IGNORECASE), "an HTML application"),
    (re.compile(rb"<(?:job|package)\b[^<]{0,500}<script\b", re.IGNORECASE), "a Windows script"),
    (re.compile(rb"\A\s*@echo\s+off\b", re.IGNORECASE), "a Windows command script"),
    (re.compile(rb"\A\s*(?:Windows Registry Editor|REGEDIT4)"), "a Windows registry file"),
    (re.compile(rb"\b(?:CreateObject|new\s+ActiveXObject)\s*\(\s*[\"']"
                rb"(?:WScript\.Shell|Shell\.Application)", re.IGNORECASE), "a Windows script"),
)  # fmt: skip
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_MACROS = tuple(name.encode("utf-16-le") for name in ("_VBA_PROJECT", "Macros", "VBA"))
_OLE_INSTALLER = b"\x84\x10\x0c\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46"
_HEAD = 64 * 1024
_MAX_NAMES = 10_000
_PE_POINTER = 0x3C


def describe_executable(content: bytes, name: str) -> str | None:
    """Return the kind of executable that an attachment is, or ``None``.

    Args:
        content: The attachment, or as much of its beginning as is known.
        name: Its file name, as the document gives it.
    """
    return (
        _by_magic(content)
        or _windows_program(content)
        or _ole_document(content)
        or _archive(content)
        or _by_text(content)
        or _by_name(name)
    )


def is_text_script(content: bytes, name: str) -> bool:
    """Return whether an executable attachment is a script in plain text.

    What it does can then be read; a program, an archive or a shortcut is judged by its type.
    """
    binary = _by_magic(content) or _windows_program(content) or _ole_document(content)
    if binary or content.startswith(b"PK"):
        return False
    _, _, extension = name.rstrip(" .").rpartition(".")
    return _by_name(name) is None or extension.strip().lower() in _TEXT_EXTENSIONS


def _by_magic(content: bytes) -> str | None:
    return next((what for magic, what in _BY_MAGIC if content.startswith(magic)), None)


def _windows_program(content: bytes) -> str | None:
    """Recognise PE, NE and LE programs, and DOS programs without a second header."""
    if not content.startswith((b"MZ", b"ZM")):
        return None
    if len(content) >= _PE_POINTER + 4:
        (pointer,) = struct.unpack_from("<I", content, _PE_POINTER)
        if content[pointer : pointer + 2] in {b"PE", b"NE", b"LE", b"LX"}:
            return "a Windows program"
    if b"\0" in content[:_PE_POINTER]:  # a text that begins with MZ has no NUL bytes
        return "a DOS or Windows program"
    return None


def _ole_document(content: bytes) -> str | None:
    if not content.startswith(_OLE):
        return None
    if _OLE_INSTALLER in content:
        return "a Windows installer"
    if any(name in content for name in _OLE_MACROS):
        return "an Office document with macros"
    return None


def _archive(content: bytes) -> str | None:
    if not content.startswith(b"PK"):
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [entry.filename for entry in archive.infolist()[:_MAX_NAMES]]
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, struct.error):
        return "an Office document with macros" if b"vbaProject.bin" in content else None
    return _listed(names)


def _listed(names: Iterable[str]) -> str | None:
    lowered = [name.lower() for name in names]
    if any(name.endswith("vbaproject.bin") for name in lowered):
        return "an Office document with macros"
    if "meta-inf/manifest.mf" in lowered and any(name.endswith(".class") for name in lowered):
        return "a Java program"
    if "classes.dex" in lowered:
        return "an Android program"
    inside = next((name for name in lowered if _by_name(name)), None)
    return None if inside is None else f"an archive that holds {_by_name(inside)}"


def _by_text(content: bytes) -> str | None:
    head = _decoded(content[:_HEAD])
    return next((what for mark, what in _TEXT_MARKS if mark.search(head)), None)


def _decoded(head: bytes) -> bytes:
    """Return text without UTF-16 and byte-order marks, for the patterns."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head.decode("utf-16", errors="replace").encode()
    return head.removeprefix(b"\xef\xbb\xbf")


def _by_name(name: str) -> str | None:
    _, dot, extension = name.rstrip(" .").rpartition(".")
    return _BY_EXTENSION.get(extension.strip().lower()) if dot else None
