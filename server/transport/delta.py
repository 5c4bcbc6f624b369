"""Decodes a chunk that was sent as its difference from a document.

The body is a sequence of instructions. Each begins with 17 bytes: its kind, an offset and a length
of 8 bytes each, the most significant byte first.

====  =======  =========================================================================
kind  what     meaning
====  =======  =========================================================================
1     copy     ``length`` bytes of the document, from ``offset`` on; 32 bytes at least
2     literal  the next ``length`` bytes of the body; ``offset`` is 0
====  =======  =========================================================================
"""

import struct
from collections.abc import Iterator
from typing import Final

from pdfsluice.core.documents.bases import BaseFile
from pdfsluice.core.errors import ProtocolError
from pdfsluice.core.uploads.receiving import Slice

DELTA_TYPE: Final = "application/vnd.pdfsluice.delta"
"""The media type of a chunk that is sent as a delta."""
MIN_COPY: Final = 32
"""Bytes of the shortest copy; each costs time, however short it is."""
_INSTRUCTION = struct.Struct(">BQQ")
_COPY, _LITERAL = 1, 2
_OUTPUT_BYTES = 256 * 1024


class DeltaDecoder:
    """A decoder of instructions into the bytes of a chunk, within fixed memory.

    The reader of the bytes stops at the length that it expects, so a small body cannot become a
    large one.

    Args:
        base: The document from which bytes are copied.
    """

    def __init__(self, base: BaseFile) -> None:
        self._base = base
        self._head = bytearray()
        self._literal = 0

    @property
    def finished(self) -> bool:
        """Whether the input so far ends with an instruction."""
        return not self._head and not self._literal

    def decode(self, data: Slice) -> Iterator[Slice]:
        """Yield the bytes of the next instructions, in pieces of at most 256 KiB.

        Raises:
            ProtocolError: An instruction is malformed, or copies what the document does not have.
            BaseChanged: The document's file has become shorter.
        """
        with memoryview(data) as view:
            position = 0
            while position < len(view):
                if self._literal:
                    piece = view[position : position + min(self._literal, _OUTPUT_BYTES)]
                    self._literal -= len(piece)
                    position += len(piece)
                    yield piece
                    continue
                missing = _INSTRUCTION.size - len(self._head)
                self._head += view[position : position + missing]
                position += missing
                if len(self._head) == _INSTRUCTION.size:
                    yield from self._follow(*_INSTRUCTION.unpack(self._head))

    def _follow(self, kind: int, offset: int, length: int) -> Iterator[Slice]:
        self._head.clear()
        if kind == _LITERAL and offset == 0 and length > 0:
            self._literal = length
        elif kind == _COPY and length >= MIN_COPY:
            yield from self._copied(offset, length)
        else:
            raise ProtocolError(
                f"the delta has a malformed instruction: kind {kind}, offset {offset},"
                f" length {length}",
                hint=f"Kind 1 copies {MIN_COPY} bytes or more; kind 2 has offset 0 and a length.",
            )

    def _copied(self, offset: int, length: int) -> Iterator[Slice]:
        end = offset + length
        if end > self._base.size:
            raise ProtocolError(
                f"the delta copies the bytes {offset} to {end} of a document of"
                f" {self._base.size} bytes",
                hint="Ask for the document's units, and make the delta again.",
                details={"offset": offset, "length": length, "file_size": self._base.size},
            )
        buffer = memoryview(bytearray(min(length, _OUTPUT_BYTES)))
        while offset < end:
            piece = buffer[: min(len(buffer), end - offset)]
            self._base.read_into(offset, piece)
            offset += len(piece)
            yield piece
