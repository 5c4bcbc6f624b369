"""The part of Tesseract's C interface (``capi.h``) that reading a page needs."""

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_NAMES = ("libtesseract.so.5", "libtesseract.so.4", "libtesseract.5.dylib", "libtesseract.so")
_AUTOMATIC, _AUTOMATIC_WITH_ORIENTATION = 3, 1  # TessPageSegMode
_ORIENTATION = "osd"
"""The trained data by which pages that lie on a side are turned."""


class LibraryMissing(Exception):
    """The library is not installed, or is another one."""


class LanguageMissing(Exception):
    """There is no trained data for a language."""


class Library:
    """The loaded library.

    Args:
        path: Its file; if empty, the system's is looked up.

    Raises:
        LibraryMissing: There is none.
    """

    def __init__(self, path: str) -> None:
        self._functions = _load((path,) if path else _NAMES)
        pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
        try:
            self._declare("Version", text)
            self._declare("BaseAPICreate", pointer)
            self._declare("BaseAPIInit3", number, pointer, text, text)
            self._declare("BaseAPIEnd", None, pointer)
            self._declare("BaseAPIDelete", None, pointer)
            self._declare("BaseAPIGetAvailableLanguagesAsVector", ctypes.POINTER(text), pointer)
            self._declare("DeleteTextArray", None, ctypes.POINTER(text))
            self._declare("BaseAPISetPageSegMode", None, pointer, number)
            self._declare("BaseAPISetImage", None, pointer, text, *[number] * 4)
            self._declare("BaseAPISetSourceResolution", None, pointer, number)
            self._declare("BaseAPIGetTsvText", pointer, pointer, number)
            self._declare("BaseAPIClear", None, pointer)
            self._declare("DeleteText", None, pointer)
        except AttributeError as error:
            raise LibraryMissing(str(error)) from error

    def _declare(self, name: str, result: object, *arguments: object) -> None:
        function = getattr(self._functions, f"Tess{name}")
        function.restype, function.argtypes = result, arguments

    @property
    def version(self) -> str:
        """The version of the library."""
        return str(self._functions.TessVersion().decode())

    def languages(self, data: str) -> Sequence[str]:
        """Return the languages for which there is trained data.

        Args:
            data: The folder of the data; the library's own if empty.
        """
        handle = self._functions.TessBaseAPICreate()
        try:
            # A folder is opened together with a language; one that fails has been opened.
            self._functions.TessBaseAPIInit3(handle, data.encode() or None, _ORIENTATION.encode())
            names = self._functions.TessBaseAPIGetAvailableLanguagesAsVector(handle)
            available = [name.decode() for name in _until_null(names)]
            self._functions.TessDeleteTextArray(names)
        finally:
            self._functions.TessBaseAPIDelete(handle)
        return available

    @contextmanager
    def reader(self, languages: Sequence[str], data: str) -> Iterator["Reader"]:
        """Open a reader of some languages; closed at the end.

        Raises:
            LanguageMissing: There is no data for one of them.
        """
        handle = self._functions.TessBaseAPICreate()
        try:
            names = "+".join(languages).encode()
            if self._functions.TessBaseAPIInit3(handle, data.encode() or None, names):
                raise LanguageMissing("+".join(languages))
            turns = _ORIENTATION in self.languages(data)
            mode = _AUTOMATIC_WITH_ORIENTATION if turns else _AUTOMATIC
            self._functions.TessBaseAPISetPageSegMode(handle, mode)
            yield Reader(self._functions, handle)
        finally:
            self._functions.TessBaseAPIEnd(handle)
            self._functions.TessBaseAPIDelete(handle)


class Reader:
    """A reader of pictures in the languages for which it was opened."""

    def __init__(self, functions: ctypes.CDLL, handle: int) -> None:
        self._functions = functions
        self._handle = handle

    def read(self, pixels: bytes, width: int, height: int, resolution: int) -> str:
        """Return the text in a picture as tab-separated values, one row for each word.

        Args:
            pixels: One byte for each pixel, row by row: 0 is black.
            width: Pixels of a row.
            height: Number of rows.
            resolution: Dots per inch.
        """
        functions, handle = self._functions, self._handle
        functions.TessBaseAPISetImage(handle, pixels, width, height, 1, width)
        functions.TessBaseAPISetSourceResolution(handle, resolution)
        address = functions.TessBaseAPIGetTsvText(handle, 0)
        try:
            return ctypes.string_at(address).decode("utf-8", "replace") if address else ""
        finally:
            functions.TessDeleteText(address)
            functions.TessBaseAPIClear(handle)


def _load(names: Sequence[str]) -> ctypes.CDLL:
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise LibraryMissing(names[0])


def _until_null(strings: "ctypes._Pointer[ctypes.c_char_p]") -> Iterator[bytes]:
    number = 0
    while strings and (text := strings[number]):
        yield bytes(text)
        number += 1
