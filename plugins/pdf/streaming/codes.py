"""The codes of damage and of unread parts, with their meaning."""

from dataclasses import dataclass

from pdfsluice.core import Severity, Unscanned

PROBLEMS: dict[str, str] = {
    "not-a-pdf": "This is not a PDF: there is neither a header (%PDF-) in the first 1,024 bytes"
    " nor an object in the first 64 KiB",
    "header-missing": "There is no PDF header in the first 1,024 bytes",
    "header-damaged": "The PDF header names no version",
    "xref-missing": "There is no cross-reference table",
    "startxref-missing": "The offset of the cross-reference table is missing",
    "startxref-wrong": "The offset of the cross-reference table is wrong",
    "xref-wrong": "The cross-reference table points to places where the object is not",
    "number-too-high": "The cross-reference table lists an object with a number that no PDF may"
    " have",
    "xref-stream-damaged": "A cross-reference stream cannot be read",
    "xref-stream-size": "A cross-reference stream has the wrong size",
    "trailer-missing": "There is no trailer",
    "trailer-damaged": "A trailer cannot be read",
    "root-missing": "The document's catalogue is missing",
    "endobj-missing": "The end of an object is missing",
    "endstream-missing": "The end of a stream is missing",
    "length-missing": "A stream has no length",
    "length-wrong": "A stream has a wrong length",
    "stream-line-end": "The line with the word 'stream' ends wrongly",
    "bad-token": "An object contains something that is no PDF syntax",
    "bad-dictionary": "A dictionary has keys that are no names",
    "unbalanced": "Brackets do not match",
    "many-values": "An object has more than one value",
    "object-stream-damaged": "An object stream cannot be read",
    "object-stream-self": "An object stream claims to contain itself",
    "endless-token": "A name or a word is far longer than any honest one",
    "leading-text": "Text, such as the header of a message, stands before the document",
    "foreign-tail": "Text that is no part of it, such as a web page, follows the document",
    "trailing-data": "More data follows after the end of the document",
    "truncated": "The file ends in the middle",
}
"""What each code of a ``malformed`` finding means."""

LIMITS: dict[str, str] = {
    "too-deep": "Values are nested deeper than any reader follows",
    "too-many-values": "An object has more values than the scanner keeps",
    "endless-token": "A name or a word is far longer than any honest one",
    "inflates": "Compressed data grows beyond what an honest file needs",
    "flood": "There are more small parts than the scanner has time to read",
    "too-much-work": "There is more compressed data than the scanner has time to read",
}
"""What each code of a ``resource_limit`` finding means."""

UNSCANNED: dict[str, str] = {
    "encrypted": "An object stream is encrypted",
    "unknown-filter": "An object stream is compressed in an unknown way",
    "damaged": "An object stream is damaged",
    "limit": "An object stream is too large to be read",
    "values": "An object has more values, or nests them deeper, than the scanner keeps",
    "flood": "A part of the file was passed because reading it would take too long",
    "crowd": "There are more actions than the scanner remembers, so that it may not know what runs"
    " them",
    "hidden-object": "The cross-reference table leads to a place at which no object was seen",
    "table": "The cross-reference table could not be followed to its end, or is larger than the"
    " scanner compares",
}
"""What each reason of an ``unscanned`` entry means."""


@dataclass(slots=True)
class Unread:
    """Regions of the file that were skipped because of the limit on work."""

    begin: int = 0
    end: int = 0
    size: int = 0
    stretches: int = 0

    def add(self, start: int, stop: int) -> None:
        """Remember the bytes between two offsets."""
        if not self.stretches:
            self.begin = start
        self.end = max(self.end, stop)
        self.size += stop - start
        self.stretches += 1

    def __bool__(self) -> bool:
        return self.stretches > 0

    def entries(self, stage: str) -> list[Unscanned]:
        """Return the size and position of what was skipped, if anything was."""
        if not self.stretches:
            return []
        message = (
            f"{UNSCANNED['flood']}: {self.size:,} bytes in {self.stretches:,} places between"
            f" the offsets {self.begin:,} and {self.end:,}."
        )
        return [Unscanned(stage=stage, reason="flood", message=message, offset=self.begin)]


GRAVE: dict[str, Severity] = {
    "not-a-pdf": Severity.CRITICAL,
    "root-missing": Severity.HIGH,
    "number-too-high": Severity.HIGH,
    "xref-missing": Severity.MEDIUM,
    "startxref-missing": Severity.MEDIUM,
    "truncated": Severity.MEDIUM,
}
"""Problems that are worse than the others."""


_EXCERPT = 120


def text_of(data: bytes) -> str:
    """Decode a text string.

    It is UTF-16 or UTF-8 with a byte order mark, or PDFDocEncoding, of which Latin-1 is near
    enough (ISO 32000-2, 7.9.2.2).
    """
    if data.startswith((b"\xfe\xff", b"\xff\xfe")):
        return data[: len(data) // 2 * 2].decode("utf-16", errors="replace")
    if data.startswith(b"\xef\xbb\xbf"):
        return data[3:].decode("utf-8", errors="replace")
    return data.decode("latin-1")


def excerpt_of(data: bytes) -> str:
    """Return the beginning of a text, printable and in one line."""
    text = text_of(data[: 4 * _EXCERPT])
    printable = "".join(c if c.isprintable() else " " for c in text)
    excerpt = " ".join(printable.split())
    return excerpt if len(excerpt) <= _EXCERPT else excerpt[: _EXCERPT - 1] + "…"
