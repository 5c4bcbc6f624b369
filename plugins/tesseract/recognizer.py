"""The text recognizer ``tesseract``: the parent's side."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from pdfsluice.core import (
    Box,
    ChildAccess,
    ChildFailed,
    ChildPool,
    RecognizedPage,
    RecognizedWord,
    StageFailed,
    plain_environment,
)
from pdfsluice.core.documents.text.reading import in_words

from .options import TesseractOptions

_RECYCLE_AFTER = 100  # pages; with the child goes whatever the library has leaked
_ONE_THREAD = {"OMP_THREAD_LIMIT": "1"}  # more of them take more processor time for a page


class Tesseract:
    """A recognizer with Tesseract in child processes, which end when idle.

    Args:
        options: What it reads, and what it may use.
        processes: How many pictures are read at a time.
    """

    def __init__(self, options: TesseractOptions, *, processes: int = 1) -> None:
        self._options = options
        data = str(options.data_dir or "")
        self._about: Mapping[str, Any] = {
            "library": options.library,
            "data": data,
            "languages": list(options.languages),
        }
        self._pool = ChildPool(
            "pdfsluice.plugins.tesseract.worker",
            options.limits(),
            access=ChildAccess(readable=[path for path in (options.library, data) if path]),
            environment={**plain_environment(), **_ONE_THREAD},
            size=processes,
            recycle_after=_RECYCLE_AFTER,
        )

    async def obstacle(self) -> str:
        """Return whether the library or data for a language is missing; empty if not."""
        try:
            state = await self._pool.ask(self._about)
        except ChildFailed as failure:
            return f"Tesseract cannot be loaded: {in_words(failure)}."
        packages = [_package(name) for name in state["missing"]]
        if not state["version"]:
            wanted = dict.fromkeys(["tesseract-ocr", *packages])
            return (
                "Tesseract is not installed on the server."
                f" The operator installs it: apt install {' '.join(wanted)}"
            )
        if packages:
            names = ", ".join(map(repr, state["missing"]))
            return (
                f"Tesseract has no data for the language {names}."
                f" The operator installs it: apt install {' '.join(packages)}"
            )
        return ""

    async def recognize(self, picture: bytes) -> RecognizedPage:
        """Read the text in a JPEG.

        Raises:
            StageFailed: It takes too long or too much memory, or the library crashed.
        """
        request = {
            **self._about,
            "picture": base64.b64encode(picture).decode(),
            "resolution": self._options.resolution,
        }
        try:
            return _page(await self._pool.ask(request))
        except ChildFailed as failure:
            raise StageFailed(
                f"OCR failed: {in_words(failure)}.", details={"reason": failure.reason}
            ) from failure
        except (LookupError, TypeError, ValueError, OverflowError) as error:
            raise StageFailed("OCR failed: its process broke the protocol.") from error

    async def close(self) -> None:
        """End the child processes."""
        await self._pool.close()


def _package(language: str) -> str:
    """Return Debian's package with the data of a language."""
    return f"tesseract-ocr-{language.lower().replace('_', '-').replace('/', '-')}"


def _page(reply: Mapping[str, Any]) -> RecognizedPage:
    return RecognizedPage(
        width=int(reply["width"]),
        height=int(reply["height"]),
        lines=[_line(words) for words in reply["lines"]],
    )


def _line(words: Sequence[Sequence[Any]]) -> Sequence[RecognizedWord]:
    return [RecognizedWord(str(text), Box(*map(float, edges))) for text, *edges in words]
