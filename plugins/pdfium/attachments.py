"""The text of files that are attached to a document, such as invoices in XML.

A file is inflated as far as it may be long, so that one that is compressed a thousandfold
costs no memory. XML is read as text: no entity is resolved.
"""

import re
import zlib
from collections.abc import Iterator
from html import unescape
from pathlib import Path, PurePosixPath

import pikepdf

from pdfsluice.core.documents.text.notes import NoteKind, PageNote

_MAX_FILES = 10
_MAX_STORED = 4 * 1024 * 1024  # bytes of a file, compressed
_MAX_TEXT = 256 * 1024  # bytes of a file that are read
_MAX_NAME = 200
_MAX_CHARACTER = 4  # bytes in UTF-8
_SUFFIXES = frozenset({".xml", ".txt", ".csv", ".json", ".md", ".html", ".htm"})
_MARKED_UP = frozenset({".xml", ".html", ".htm"})
_ELEMENT = re.compile(r"<(?:[\w.-]{1,80}+:)?([\w.-]{1,80}+)[^<>]{0,2000}+>([^<>]++)")
_DAMAGE = (pikepdf.PdfError, ValueError, TypeError, RuntimeError, AttributeError, KeyError)


def attached_texts(path: Path) -> Iterator[PageNote]:
    """Yield the text files that are attached to a document (ISO 32000-1, 7.11.4).

    Portfolios and wrappers around encrypted documents are left out; their notes report it.
    """
    try:
        with pikepdf.open(path) as pdf:
            if "/Collection" not in pdf.Root:
                yield from _texts(pdf)
    except _DAMAGE:
        return


def _texts(pdf: pikepdf.Pdf) -> Iterator[PageNote]:
    for name in list(pdf.attachments)[:_MAX_FILES]:
        try:
            file = pdf.attachments[name]
            if file.obj.get("/EP") or file.relationship == pikepdf.Name.EncryptedPayload:
                continue
            filename = PurePosixPath(file.filename or name).name[:_MAX_NAME]
            suffix = PurePosixPath(filename).suffix.lower()
            if suffix in _SUFFIXES:
                text = _decoded(_content(file.get_file().obj))
                if suffix in _MARKED_UP:
                    text = _values(text)
                yield PageNote(NoteKind.ATTACHMENT, text, filename)
        except _DAMAGE:
            continue


def _content(stream: pikepdf.Object) -> bytes:
    """Return the beginning of a stream that has one filter at most."""
    if int(stream.stream_dict.get("/Length", 0)) > _MAX_STORED:
        return b""
    filters = stream.stream_dict.get("/Filter", pikepdf.Array())
    names: list[pikepdf.Object] = [filters] if isinstance(filters, pikepdf.Name) else list(filters)
    data = stream.read_raw_bytes()
    if not names:
        return data[:_MAX_TEXT]
    if names != [pikepdf.Name.FlateDecode] or "/DecodeParms" in stream.stream_dict:
        return b""
    try:
        return zlib.decompressobj().decompress(data, _MAX_TEXT)
    except zlib.error:
        return b""


def _decoded(data: bytes) -> str:
    """Return text in UTF-8 or UTF-16, or else in the usual encoding of old files."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "ignore")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        is_cut = len(data) == _MAX_TEXT and error.start > len(data) - _MAX_CHARACTER
        return data.decode("utf-8-sig", "ignore") if is_cut else data.decode("cp1252", "replace")


def _values(markup: str) -> str:
    """Return the elements that contain text, each with its name."""
    return "; ".join(
        f"{name} {' '.join(unescape(value).split())}"
        for name, value in _ELEMENT.findall(markup)
        if value.strip()
    )
