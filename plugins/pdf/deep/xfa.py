"""Scripts of XFA forms (ISO 32000-1, 12.7.8; XFA 3.3), and what makes them run."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

import pikepdf
from pikepdf import Array, Stream

MAX_FORM: Final = 32 * 1024 * 1024
"""Bytes of all packets of a form together."""
_MAX_EXCERPT: Final = 200
_BY_READER: Final = frozenset(
    {"click", "change", "enter", "exit", "full", "mousedown", "mouseenter", "mouseexit", "mouseup"}
    | {"dragenter", "dragleave", "drop", "preopen", "postopen"}
)
"""Activities of XFA events that need more of the reader than opening or printing the form."""
_SCRIPT: Final = re.compile(r"<(?:[\w.-]+:)?script[\s>/]", re.IGNORECASE)
_ENTITY: Final = re.compile(r"<!ENTITY", re.IGNORECASE)
"""In a form that is not well-formed, what an entity expands to cannot be known."""


@dataclass(slots=True)
class XfaScripts:
    """The scripts of one form.

    Attributes:
        excerpt: The beginning of a script; one that runs by itself if there is one.
        found: Whether there is a script.
        by_itself: Whether a script runs when the form is opened, closed, saved or printed.
        readable: Whether all packets could be decoded, and nothing in them is hidden.
    """

    excerpt: str = ""
    found: bool = False
    by_itself: bool = False
    readable: bool = True


def scripts_of(form: object) -> XfaScripts:
    """Return the scripts of a form.

    The packets of a form are pieces of one XML document, which may be cut anywhere. A piece that
    is well-formed by itself is read by itself, too, because some readers do so.

    Args:
        form: The value of ``/XFA``: a stream, or an array of names and streams.
    """
    result = XfaScripts()
    packets: list[bytes] = []
    for packet in _packets(form):
        content = _content(packet)
        if content is None or sum(map(len, packets)) + len(content) > MAX_FORM:
            result.readable = False
        else:
            packets.append(content)
    whole = b"".join(packets)
    if not _parse(whole, result) and not _parse(_joined(packets), result):
        texts = [each for each in packets if each.strip()]
        parsed = [_parse(each, result) for each in texts]
        if not all(parsed):
            text = _text(whole)
            result.readable &= _ENTITY.search(text) is None and "\0" not in text
            if _SCRIPT.search(text):
                result.found = result.by_itself = True  # what runs it cannot be known
    return result


def _packets(form: object) -> Iterator[Stream]:
    if isinstance(form, Stream):
        yield form
    elif isinstance(form, Array):
        yield from (item for item in form if isinstance(item, Stream))


def _content(packet: Stream) -> bytes | None:
    try:
        return packet.read_bytes()
    except (pikepdf.PikepdfError, ValueError, MemoryError):
        return None


def _text(data: bytes) -> str:
    """Decode XML by its byte order mark, or by where its null bytes stand."""
    for mark, encoding in (
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
        (b"<\0\0\0", "utf-32-le"),
        (b"\0\0\0<", "utf-32-be"),
        (b"<\0", "utf-16-le"),
        (b"\0<", "utf-16-be"),
    ):
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    return data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")


def _joined(packets: list[bytes]) -> bytes:
    """Join packets that each have an encoding and an XML declaration of their own."""
    declaration = re.compile(r"\A\s*<\?xml[^>]*\?>")
    return "".join(declaration.sub("", _text(each)) for each in packets).encode()


@dataclass(slots=True)
class _Handler:
    """A receiver of the elements of a form."""

    result: XfaScripts
    _path: list[tuple[str, str]] = field(default_factory=list)  # name, activity
    _script: list[str] | None = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Handle the start of an element; its name counts without the prefix."""
        local = name.rpartition(":")[2].lower()
        activity = next(
            (v for k, v in attributes.items() if k.rpartition(":")[2].lower() == "activity"), ""
        )
        self._path.append((local, activity.strip().lower()))
        if local == "script":
            self._script = []

    def text(self, data: str) -> None:
        """Handle character data, also of CDATA sections."""
        if self._script is not None:
            self._script.append(data)

    def end(self, _name: str) -> None:
        """Handle the end of an element."""
        local, _ = self._path.pop()
        if local != "script" or self._script is None:
            return
        source, self._script = "".join(self._script).strip(), None
        if not source:
            return
        by_itself = self._runs_by_itself()
        if (by_itself and not self.result.by_itself) or not self.result.excerpt:
            self.result.excerpt = source[:_MAX_EXCERPT]
        self.result.found = True
        self.result.by_itself |= by_itself

    def _runs_by_itself(self) -> bool:
        for local, activity in reversed(self._path):
            if local == "event":
                return activity not in _BY_READER
        return True  # calculate, validate, variables: when the form is opened


def _parse(data: bytes, result: XfaScripts) -> bool:
    """Look at the elements of a document; return whether it is well-formed.

    Expat expands the entities that the document defines, with a limit, and fetches none.
    """
    if not data.strip():
        return True
    parser = expat.ParserCreate()
    trial = XfaScripts()
    handler = _Handler(trial)
    parser.StartElementHandler = handler.start
    parser.EndElementHandler = handler.end
    parser.CharacterDataHandler = handler.text
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError):
        return False
    result.found |= trial.found
    if (trial.by_itself and not result.by_itself) or not result.excerpt:
        result.excerpt = trial.excerpt
    result.by_itself |= trial.by_itself
    return True
