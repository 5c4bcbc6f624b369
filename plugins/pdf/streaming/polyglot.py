"""Recognises other file formats around and inside a PDF by their signatures."""

import re
from collections.abc import Callable

_SIGNATURES: tuple[tuple[str, int, bytes], ...] = (
    ("zip", 0, b"PK\x03\x04"),
    ("zip", 0, b"PK\x05\x06"),
    ("exe", 0, b"MZ"),
    ("elf", 0, b"\x7fELF"),
    ("macho", 0, b"\xcf\xfa\xed\xfe"),
    ("macho", 0, b"\xce\xfa\xed\xfe"),
    ("java", 0, b"\xca\xfe\xba\xbe"),
    ("gif", 0, b"GIF87a"),
    ("gif", 0, b"GIF89a"),
    ("png", 0, b"\x89PNG\r\n\x1a\n"),
    ("jpeg", 0, b"\xff\xd8\xff"),
    ("tiff", 0, b"II*\x00"),
    ("tiff", 0, b"MM\x00*"),
    ("bmp", 0, b"BM"),
    ("ps", 0, b"%!PS"),
    ("ps", 0, b"\xc5\xd0\xd3\xc6"),
    ("rar", 0, b"Rar!\x1a\x07"),
    ("7z", 0, b"7z\xbc\xaf\x27\x1c"),
    ("gzip", 0, b"\x1f\x8b\x08"),
    ("bzip2", 0, b"BZh"),
    ("xz", 0, b"\xfd7zXZ\x00"),
    ("ole", 0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
    ("cab", 0, b"MSCF"),
    ("script", 0, b"#!"),
    ("wasm", 0, b"\x00asm"),
    ("riff", 0, b"RIFF"),
    ("ogg", 0, b"OggS"),
    ("flac", 0, b"fLaC"),
    ("mp3", 0, b"ID3"),
    ("mp4", 4, b"ftyp"),
    ("rtf", 0, b"{\\rtf"),
    ("lnk", 0, b"L\x00\x00\x00\x01\x14\x02\x00"),
    ("tar", 257, b"ustar"),
    ("dicom", 128, b"DICM"),
)
_ID3_VERSIONS = (2, 3, 4)
_TELLING = 4  # bytes
_SHORT = {"exe", "bmp", "script", "bzip2", "mp3", "gzip"}
"""Formats whose signature is too short to mean anything in the middle of a file."""

_MARKUP = re.compile(
    rb"<(?:!doctype\s+html|html[\s>]|head[\s>]|body[\s>]|script[\s>]|iframe[\s>]|svg[\s>]|\?php)",
    re.IGNORECASE,
)
_SHELL = re.compile(rb"#! ?/[a-z]")
_ANYWHERE = re.compile(
    b"|".join(
        re.escape(magic)
        for name, at, magic in _SIGNATURES
        if at == 0 and name not in _SHORT and len(magic) >= _TELLING
    )
)
_PE_OFFSET = 60
_END_OF_CENTRAL_DIRECTORY = 22

EXECUTABLES = frozenset({"exe", "elf", "macho", "java", "script", "wasm", "lnk"})
"""Formats that run, or make something run, when they are opened."""


INERT = frozenset({"html", "script"})
"""Formats that mean something at the beginning of a file only."""
_LEADS = (
    (re.compile(rb"\AHTTP/\d"), "The header of an HTTP answer"),
    (re.compile(rb"\A(?:--\S+\r?\n)?(?:MIME-Version|Content-[\w-]+|From|Received|Date|X-[\w-]+):",
                re.IGNORECASE), "The header of a message"),
    (re.compile(rb"\A(?:\x1b%-12345X|@PJL)"), "A printer job header (PJL)"),
)  # fmt: skip


def lead_of(head: bytes) -> str:
    """Return what the text before a document is, if it is of a kind that does no harm."""
    return next((what for pattern, what in _LEADS if pattern.match(head)), "")


def sniff(data: bytes) -> str:
    """Return the format that data begins with, or an empty string."""
    for name, at, magic in _SIGNATURES:
        check = _CHECKS.get(name)
        if data.startswith(magic, at) and (check is None or check(data)):
            return name
    if (match := _MARKUP.search(data[:1024])) is not None and _leads(data, match.start()):
        return "php" if match[0].lower().startswith(b"<?php") else "html"
    return ""


def _is_postscript(data: bytes) -> bool:
    """Return whether this is no old form of a PDF header (ISO 32000-1, annex H)."""
    return re.match(rb"%!PS-Adobe-\d\.\d PDF-\d", data) is None


def _is_bitmap(data: bytes) -> bool:
    """Return whether the reserved bytes of a bitmap are zero."""
    return data[6:10] == bytes(4)


def _is_dos_program(data: bytes) -> bool:
    """Return whether ``MZ`` begins a program rather than a text."""
    header = data[: _PE_OFFSET + 4]
    return len(header) < _PE_OFFSET + 4 or not header.isascii() or b"\0" in header


_CHECKS: dict[str, Callable[[bytes], bool]] = {
    "exe": _is_dos_program,
    "ps": _is_postscript,
    "bmp": _is_bitmap,
    "bzip2": lambda data: data[4:10] == b"1AY&SY",
    "mp3": lambda data: len(data) > len("ID3") and data[3] in _ID3_VERSIONS,
}
"""Further conditions for signatures that are short or have another meaning."""


def _leads(data: bytes, position: int) -> bool:
    """Return whether only white space, a byte order mark or a comment come before."""
    lead = data[:position].removeprefix(b"\xef\xbb\xbf").strip()
    return not lead or lead.startswith((b"<!--", b"<?xml"))


def find_foreign(data: bytes) -> tuple[str, int]:
    """Return format and position of the first foreign signature between objects."""
    best = ("", -1)
    lead = len(data) - len(data.lstrip(b"\0\t\n\f\r %"))
    name = sniff(data[lead:])
    if name:
        return name, lead
    for pattern in (_ANYWHERE, _MARKUP, _SHELL):
        match = pattern.search(data)
        if match is None or 0 <= best[1] <= match.start():
            continue
        if pattern is not _ANYWHERE or sniff(data[match.start() :]):
            best = (_name_of(match[0]), match.start())
    return best


def _name_of(magic: bytes) -> str:
    for name, _, signature in _SIGNATURES:
        if magic == signature:
            return name
    if magic.lower().startswith(b"<?php"):
        return "php"
    return "script" if magic.startswith(b"#!") else "html"


def ends_as_zip(tail: bytes) -> int:
    """Return how far before the end a ZIP directory record begins, or 0.

    The record must reach exactly to the end of the file (APPNOTE.TXT, 4.3.16).
    """
    position = tail.rfind(b"PK\x05\x06")
    while position >= 0:
        comment = int.from_bytes(tail[position + 20 : position + 22], "little")
        length = len(tail) - position
        if (
            length >= _END_OF_CENTRAL_DIRECTORY
            and 0 <= length - _END_OF_CENTRAL_DIRECTORY - comment <= len("\r\n")
        ):  # a line end may have been added
            return length
        position = tail.rfind(b"PK\x05\x06", 0, position)
    return 0
