"""A parser for ``multipart/form-data`` (RFC 7578), without input or output."""

from collections.abc import Collection, Iterator

from multipart import MultipartError, MultipartSegment, PushMultipartParser

from pdfsluice.core.errors import ProtocolError
from pdfsluice.core.uploads.receiving import Slice

from .delimiter import Delimiter

MAX_FIELD_SIZE = 1024
"""Longest value of a field, in bytes."""
MAX_OVERHEAD = 64 * 1024
"""Bytes that a form may have in addition to its file."""
_MAX_LINE = 8 * 1024


class FormParts:
    """A parser of a form that keeps the fields and yields the bytes of the file.

    The parser sees the form without the bytes of the file, which are far too many to be
    copied: only their end is looked for here.

    Attributes:
        fields: The fields so far.
        has_file: Whether the file has begun.
        file_size: Bytes of the file so far.
    """

    def __init__(self, boundary: str, names: Collection[str], file: str) -> None:
        self._parser = PushMultipartParser(boundary)
        self._delimiter = Delimiter(boundary)
        self._names = names
        self._file = file
        self._received = 0
        self._held = b""
        self._in_file = False
        self._name = ""
        self._value = bytearray()
        self.fields: dict[str, str] = {}
        self.has_file = False
        self.file_size = 0

    def feed(self, data: Slice) -> Iterator[Slice]:
        """Parse the next bytes of the body, none at its end; yield those of the file.

        Raises:
            ProtocolError: The form is malformed or has a field that is not known.
        """
        if self._received - self.file_size > MAX_OVERHEAD:
            raise ProtocolError("the form has too many bytes besides the file")
        self._received += len(data)
        end = not data
        if not self.has_file:
            data = self._parse_lines(bytes(data), end=end)
        if self._in_file:
            for piece in self._file_pieces(data):
                self.file_size += len(piece)
                yield piece
        elif data:
            self._parse(data)
        if end:
            self._parse(b"")

    def _parse_lines(self, data: bytes, *, end: bool) -> bytes:
        """Parse line by line, up to the file; return what may belong to it."""
        data = self._held + data
        at = 0
        while not self.has_file and (line_end := data.find(b"\r\n", at)) >= 0:
            self._parse(data[at : line_end + 2])
            at = line_end + 2
        if self.has_file:
            self._held = b""
            return data[at:]
        if end:
            self._held = b""
            return data[at:]
        self._held = data[at:]
        if len(self._held) > _MAX_LINE:  # it is searched again after every byte
            raise ProtocolError(f"the form has a line of more than {_MAX_LINE} bytes")
        return b""

    def _file_pieces(self, data: Slice) -> Iterator[Slice]:
        """Yield the bytes of the file; parse what follows it."""
        mark, held = self._delimiter.line, self._held
        if held:  # it may be the start of the delimiter
            missing = len(mark) - len(held)
            head = held + bytes(data[:missing])
            if len(head) < len(mark) and mark.startswith(head) and data:
                self._held = head
                return
            self._held = b""
            if head == mark:
                self._end_file(head + bytes(data[missing:]))
                return
            yield held
        index = self._delimiter.find(data)
        if index >= 0:
            yield data[:index]
            self._end_file(bytes(data[index:]))
            return
        tail = bytes(data[max(0, len(data) - len(mark) + 1) :])
        start = tail.rfind(b"\r")  # of which a delimiter has one only, its first byte
        if start >= 0 and mark.startswith(tail[start:]):
            self._held = tail[start:]
        yield data[: len(data) - len(self._held)]

    def _end_file(self, rest: bytes) -> None:
        self._in_file = False
        self._parse(rest)

    def _parse(self, data: Slice) -> None:
        try:
            for event in self._parser.parse(bytes(data)):
                if isinstance(event, MultipartSegment):
                    self._begin(event.name or "")
                elif event is None:
                    self._end()
                else:
                    self._add(event)
        except MultipartError as error:
            raise ProtocolError(f"the form is malformed: {error}") from error

    def _begin(self, name: str) -> None:
        self._name = name
        if name == self._file:
            if self.has_file:
                raise ProtocolError(f"the form has more than one field {name!r}")
            self.has_file = self._in_file = True
            return
        if name not in self._names:
            raise ProtocolError(
                f"the form has a field {name[:40]!r}, which is not known",
                hint=f"Known are {', '.join(sorted(self._names))} and {self._file}.",
            )
        if name in self.fields:
            raise ProtocolError(f"the form has the field {name!r} more than once")

    def _add(self, data: bytes) -> None:
        self._value += data
        if len(self._value) > MAX_FIELD_SIZE:
            raise ProtocolError(f"the field {self._name!r} is longer than {MAX_FIELD_SIZE} bytes")

    def _end(self) -> None:
        if self._name == self._file:
            return
        try:
            self.fields[self._name] = self._value.decode()
        except UnicodeDecodeError:
            raise ProtocolError(f"the field {self._name!r} is not UTF-8 text") from None
        self._value.clear()
