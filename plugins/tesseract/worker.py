"""The child process that reads pictures with Tesseract."""

import base64
import io
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

from PIL import Image

from pdfsluice.core import serve

from .library import LanguageMissing, Library, LibraryMissing, Reader

_MAX_PIXELS = 60_000_000
_MIN_CONFIDENCE = 20.0
_WORD_LEVEL = "5"
_COLUMNS = 12

Line = list[tuple[str, int, int, int, int]]


class _Readers:
    """The reader of the languages that were asked for last."""

    def __init__(self) -> None:
        self._key: tuple[str, ...] = ()
        self._reader: Reader | None = None
        self._open = ExitStack()

    def get(self, library: str, data: str, languages: list[str]) -> Reader:
        key = (library, data, *languages)
        if self._reader is None or key != self._key:
            self._open.close()
            self._reader = None
            self._reader = self._open.enter_context(Library(library).reader(languages, data))
            self._key = key
        return self._reader

    def handle(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """Answer one request: whether pictures can be read, or the words of a picture."""
        library, data, languages = request["library"], request["data"], request["languages"]
        if "picture" not in request:
            return _state(library, data, languages)
        reader = self.get(library, data, languages)
        picture = _grey(base64.b64decode(request["picture"]))
        table = reader.read(picture.tobytes(), *picture.size, request["resolution"])
        return {"width": picture.width, "height": picture.height, "lines": list(_lines(table))}


def _state(path: str, data: str, languages: list[str]) -> Mapping[str, Any]:
    """Return the version of the library and the languages that it lacks."""
    try:
        library = Library(path)
    except LibraryMissing:
        return {"version": "", "missing": languages}
    try:
        available = library.languages(data)
        missing = [name for name in languages if name not in available]
        if not missing:
            with library.reader(languages, data):
                pass
    except LanguageMissing:
        return {"version": library.version, "missing": languages}
    return {"version": library.version, "missing": missing}


def _grey(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data), formats=["JPEG"])
    if picture.width * picture.height > _MAX_PIXELS:
        raise ValueError(f"the picture has {picture.width} by {picture.height} pixels")
    return picture.convert("L")


def _lines(table: str) -> Iterator[Line]:
    """Yield the words of each line with their edges; an empty line ends a paragraph.

    The columns are: level, page, block, paragraph, line, word, left, top, width, height,
    confidence, text.
    """
    line: Line = []
    place: list[str] = []
    for row in table.splitlines():
        cells = row.split("\t")
        if len(cells) != _COLUMNS or cells[0] != _WORD_LEVEL or not cells[-1].strip():
            continue
        if float(cells[10]) < _MIN_CONFIDENCE:
            continue
        if cells[2:5] != place and line:
            yield line
            line = []
            if cells[2:4] != place[:2]:
                yield []
        place = cells[2:5]
        left, top, width, height = map(int, cells[6:10])
        line.append((cells[-1].strip(), left, top, left + width, top + height))
    if line:
        yield line


if __name__ == "__main__":
    serve(_Readers().handle)
