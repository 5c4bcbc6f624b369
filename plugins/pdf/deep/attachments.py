"""Embedded files: which there are, and whether any of them is a program."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import pikepdf
from pikepdf import Dictionary, Object, Pdf, Stream

from pdfsluice.core import FindingKind, Unscanned
from pdfsluice.plugins.pdf.vocabulary import RawFinding

from .budget import Budget
from .executables import describe_executable
from .messages import unscanned
from .values import dictionary_of, file_name_of, name_of

MOST_EXAMINED = 500
MOST_BYTES = 16 * 1024 * 1024
"""How much of one attachment is looked at; the list of an archive stands at its end."""

_HEADER_WITHIN = 1024
"""Readers look for the header of a PDF in this many bytes."""

_STREAM_KEYS = ("/UF", "/F", "/Unix", "/Mac", "/DOS")


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedPdf:
    """An attachment that is a PDF itself, and has to be looked into.

    Attributes:
        name: Its file name, as the document gives it.
        object: Number of the object that holds it.
        content: The whole file.
    """

    name: str
    object: int
    content: bytes


@dataclass(slots=True)
class _Attachment:
    """The object by which a reader finds an embedded file, and what is known of it."""

    named_in: int
    name: str
    hidden: bool


@dataclass(slots=True)
class Attachments:
    """Collects embedded files during the walk; examines them after it."""

    _found: dict[tuple[int, int], _Attachment] = field(default_factory=dict)
    _without_content: list[tuple[int, str, bool]] = field(default_factory=list)

    def consider(self, value: object, found: Dictionary, number: int, *, hidden: bool) -> None:
        """Note down a file specification with content, or an embedded file stream."""
        files = dictionary_of(found.get("/EF"))
        if files is not None and any(isinstance(item, Stream) for _, item in files.items()):
            name = file_name_of(found)
            streams = [files.get(key) for key in _STREAM_KEYS]
            for stream in streams:
                if isinstance(stream, Stream):
                    self._add(stream, _Attachment(number, name, hidden))
        elif files is not None and "/F" in files:
            self._without_content.append((number, file_name_of(found), hidden))
        if isinstance(value, Stream) and name_of(found.get("/Type")) == "/EmbeddedFile":
            self._add(value, _Attachment(number, "", hidden))

    def _add(self, stream: Stream, attachment: _Attachment) -> None:
        """Keep one entry for each stream; one that has a name tells more."""
        key = stream.objgen
        if attachment.name or key not in self._found:
            self._found[key] = attachment

    def examine(self, pdf: Pdf, budget: Budget) -> Iterator[RawFinding | Unscanned | AttachedPdf]:
        """Yield every embedded file, programs and PDFs among them, and what cannot be told."""
        seen: set[int] = set()
        for count, (key, attachment) in enumerate(self._found.items()):
            budget.spend()
            if attachment.named_in not in seen:
                seen.add(attachment.named_in)
                yield RawFinding(
                    kind=FindingKind.EMBEDDED_FILES,
                    object=attachment.named_in,
                    excerpt=attachment.name,
                    hidden=attachment.hidden,
                )
            if count == MOST_EXAMINED:
                yield unscanned(
                    reason="limit",
                    message=f"There are more than {MOST_EXAMINED} attachments;"
                    " the others were not looked into.",
                )
            if count < MOST_EXAMINED:
                yield from _examine(attachment, pdf.get_object(key), key[0])
        for number, name, hidden in self._without_content:
            yield RawFinding(
                kind=FindingKind.EMBEDDED_FILES, object=number, excerpt=name, hidden=hidden
            )


def _examine(
    attachment: _Attachment, stream: Object, number: int
) -> Iterator[RawFinding | Unscanned | AttachedPdf]:
    shown = f"The attachment {attachment.name!r}" if attachment.name else "An attachment"
    try:
        content = _content(stream)
    except (pikepdf.PikepdfError, zlib.error, ValueError, TypeError, MemoryError):
        yield unscanned(reason="unreadable", number=number, message=f"{shown} cannot be decoded.")
        content = b""
    what = describe_executable(content, attachment.name)
    if what is not None:
        yield RawFinding(
            kind=FindingKind.EXECUTABLE,
            object=number,
            subject=what,
            excerpt=attachment.name,
            hidden=attachment.hidden,
        )
    elif b"%PDF-" in content[:_HEADER_WITHIN] and len(content) < MOST_BYTES:
        yield AttachedPdf(name=attachment.name, object=number, content=content)
    elif len(content) >= MOST_BYTES:
        yield unscanned(
            reason="limit",
            number=number,
            message=f"{shown} is larger than {MOST_BYTES >> 20} MiB;"
            " only its beginning was looked at.",
        )


def _content(stream: Object) -> bytes:
    """Return the beginning of an embedded file, inflating no more of it than is wanted."""
    filters = stream.stream_dict.get("/Filter")
    parameters = stream.stream_dict.get("/DecodeParms")
    if filters is None:
        return bytes(memoryview(stream.get_raw_stream_buffer())[:MOST_BYTES])
    if name_of(filters) == "/FlateDecode" and parameters is None:
        raw = memoryview(stream.get_raw_stream_buffer())
        return zlib.decompressobj().decompress(raw, MOST_BYTES)
    return stream.read_bytes()[:MOST_BYTES]
