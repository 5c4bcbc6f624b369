"""Embedded files: which there are, and whether any of them is a program."""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream

from pdfsluice.core import FindingKind, Severity, Unscanned
from pdfsluice.plugins.pdf.syntax import values
from pdfsluice.plugins.pdf.syntax.filters import decode, filter_chain
from pdfsluice.plugins.pdf.syntax.inflating import inflate_brotli
from pdfsluice.plugins.pdf.syntax.values import Value
from pdfsluice.plugins.pdf.text_scripts import is_harmless_text
from pdfsluice.plugins.pdf.vocabulary import RawFinding

from .budget import Budget
from .data_files import is_data
from .executables import describe_executable, is_text_script
from .messages import unscanned
from .values import dictionary_of, file_name_of, name_of

MAX_EXAMINED = 500
MAX_BYTES = 16 * 1024 * 1024
"""How much of one attachment is looked at; the list of an archive stands at its end."""

_LINE = re.compile(rb"[^\r\n]{0,64}(?:\r\n?|\n)")
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


@dataclass(frozen=True, slots=True)
class _Content:
    """The beginning of an embedded file, and whether it was decoded without an error."""

    data: bytes = b""
    whole: bool = True


@dataclass(slots=True)
class _Attachment:
    """An embedded file, and the object that leads a reader to it."""

    named_in: int
    name: str
    hidden: bool


@dataclass(slots=True)
class Attachments:
    """The embedded files that the walk meets, examined after it."""

    _found: dict[tuple[int, int], _Attachment] = field(default_factory=dict)
    _without_content: list[_Attachment] = field(default_factory=list)

    def consider(self, value: object, entry: Dictionary, number: int, *, hidden: bool) -> None:
        """Note a file specification with content, or an embedded file stream."""
        files = dictionary_of(entry.get("/EF"))
        if files is not None and any(isinstance(item, Stream) for _, item in files.items()):
            name = file_name_of(entry)
            streams = [files.get(key) for key in _STREAM_KEYS]
            for stream in streams:
                if isinstance(stream, Stream):
                    self._add(stream, _Attachment(number, name, hidden))
        elif files is not None and "/F" in files:
            self._without_content.append(_Attachment(number, file_name_of(entry), hidden))
        if isinstance(value, Stream) and name_of(entry.get("/Type")) == "/EmbeddedFile":
            self._add(value, _Attachment(number, "", hidden))

    def _add(self, stream: Stream, attachment: _Attachment) -> None:
        """Keep one entry for each stream, if possible one with a name."""
        key = stream.objgen
        if attachment.name or key not in self._found:
            self._found[key] = attachment

    def examine(
        self, pdf: Pdf, budget: Budget, *, encrypted: bool = False
    ) -> Iterator[RawFinding | Unscanned | AttachedPdf]:
        """Yield embedded files, programs and PDFs in them, and unscanned content.

        Args:
            pdf: The open file.
            budget: Time for the whole inspection.
            encrypted: Whether the attachments are encrypted, and nothing else.
        """
        containers: set[int | None] = set()
        for count, (key, attachment) in enumerate(self._found.items()):
            budget.spend()
            data = False
            if count < MAX_EXAMINED:
                content = _Content() if encrypted else _content(pdf.get_object(key))
                data = content.whole and is_data(content.data, attachment.name)
                yield from _examine(attachment, content, key[0], encrypted=encrypted)
            elif count == MAX_EXAMINED:
                yield unscanned(
                    reason="limit",
                    message=f"There are more than {MAX_EXAMINED} attachments;"
                    " the others were not checked.",
                )
            if attachment.named_in not in containers:
                containers.add(attachment.named_in)
                yield _embedded(attachment, Severity.INFO if data else None)
        for attachment in self._without_content:
            yield _embedded(attachment, None)


def _embedded(attachment: _Attachment, severity: Severity | None) -> RawFinding:
    return RawFinding(
        kind=FindingKind.EMBEDDED_FILES,
        object=attachment.named_in or None,
        severity=severity,
        excerpt=attachment.name,
        hidden=attachment.hidden,
    )


def _examine(
    attachment: _Attachment, contained: _Content, number: int, *, encrypted: bool
) -> Iterator[RawFinding | Unscanned | AttachedPdf]:
    subject = f"The attachment {attachment.name!r}" if attachment.name else "An attachment"
    if encrypted:
        message = f"{subject} is encrypted; it was not checked."
        yield unscanned(reason="encrypted", number=number, message=message)
    elif not contained.whole:
        message = f"{subject} cannot be decoded to its end."
        yield unscanned(reason="unreadable", number=number, message=message)
    content = contained.data
    what = describe_executable(content, attachment.name)
    if what is not None:
        harmless = is_text_script(content, attachment.name) and is_harmless_text(content)
        yield RawFinding(
            kind=FindingKind.EXECUTABLE,
            object=number,
            severity=Severity.MEDIUM if harmless else None,
            subject=what,
            excerpt=attachment.name,
            hidden=attachment.hidden,
        )
    elif b"%PDF-" in content[:_HEADER_WITHIN] and len(content) < MAX_BYTES:
        yield AttachedPdf(name=attachment.name, object=number, content=content)
    elif len(content) >= MAX_BYTES:
        yield unscanned(
            reason="limit",
            number=number,
            message=f"{subject} is larger than {MAX_BYTES >> 20} MiB;"
            " only its beginning was looked at.",
        )


def _content(stream: Object) -> _Content:
    """Return the beginning of an embedded file, or what readers save of a damaged one."""
    try:
        return _Content(_decoded(stream))
    except (pikepdf.PikepdfError, zlib.error, ValueError, TypeError, MemoryError):
        return _Content(_partly_decoded(stream), whole=False)


def _partly_decoded(stream: Object) -> bytes:
    filters, parameters = (stream.stream_dict.get(key) for key in ("/Filter", "/DecodeParms"))
    try:
        chain = filter_chain(_plain(filters), _plain(parameters)) or ()
        raw = stream.read_raw_bytes()
        line = _LINE.match(raw)  # readers pass over what follows the word "stream" in its line
        data = decode(raw, chain, MAX_BYTES).data
        return data or (decode(raw[line.end() :], chain, MAX_BYTES).data if line else b"")
    except (pikepdf.PikepdfError, ValueError, TypeError, MemoryError):
        return b""


def _plain(value: object) -> Value:
    """Return a filter or its parameters as the streaming pass has them."""
    if isinstance(value, Array):
        return [_plain(item) for item in value]
    if isinstance(value, Name):
        return values.Name(bytes(value)[1:])
    if isinstance(value, Dictionary):
        return values.Dictionary([(key[1:].encode(), _plain(each)) for key, each in value.items()])
    return value if isinstance(value, int) else None


def _decoded(stream: Object) -> bytes:
    """Decompress no more of an embedded file than is wanted."""
    filters = stream.stream_dict.get("/Filter")
    parameters = stream.stream_dict.get("/DecodeParms")
    if filters is None:
        return bytes(memoryview(stream.get_raw_stream_buffer())[:MAX_BYTES])
    if name_of(filters) == "/FlateDecode" and parameters is None:
        raw = memoryview(stream.get_raw_stream_buffer())
        return zlib.decompressobj().decompress(raw, MAX_BYTES)
    if name_of(filters) == "/BrotliDecode" and parameters is None:
        pieces = bytearray()
        for piece in inflate_brotli(bytes(memoryview(stream.get_raw_stream_buffer()))):
            pieces += piece
            if len(pieces) >= MAX_BYTES:
                break
        return bytes(pieces[:MAX_BYTES])
    return stream.read_bytes()[:MAX_BYTES]
