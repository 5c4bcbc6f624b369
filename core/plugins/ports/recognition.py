"""The port for text recognition (OCR): it reads the text in the picture of a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pdfsluice.core.models.layout import Box

from .opening import UNOPENED, Opener


@dataclass(frozen=True, slots=True)
class RecognizedWord:
    """A word in a picture.

    Attributes:
        text: The word, with its punctuation.
        box: Its rectangle in pixels from the upper left corner of the picture.
    """

    text: str
    box: Box


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognizedPage:
    """The text in the picture of a page.

    Attributes:
        width: Width of the picture in pixels.
        height: Height of the picture in pixels.
        lines: The words of each line, in reading order; an empty line ends a paragraph.
    """

    width: int
    height: int
    lines: Sequence[Sequence[RecognizedWord]] = ()


class TextRecognizer(Protocol):
    """A reader of the text in the pictures of pages."""

    async def obstacle(self) -> str:
        """Return what is missing to read pictures, and how to get it; empty if nothing is.

        Called when a document is to be read. If the text is not empty, the next recognizer is
        asked; if none can work, the text is what the owner of the document is shown.
        """
        ...

    async def recognize(self, picture: bytes) -> RecognizedPage:
        """Read the text in a JPEG of a page, which is drawn as the page is displayed.

        Raises:
            StageFailed: This picture cannot be read; the page stays without text.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRecognizerSpec:
    """Descriptor of a text recognizer; earlier ones are asked first.

    Attributes:
        recognizer: The recognizer; called for each page without text.
        open: Opens the recognizer when the program starts and closes it when the program ends;
            given in place of ``recognizer`` if the recognizer holds processes or connections.
        resolution: The dots per inch in which pages are drawn for it.
        pages_per_document: How many pages of a document it reads at most.
    """

    name: str
    recognizer: TextRecognizer = UNOPENED
    open: Opener[TextRecognizer] | None = None
    resolution: int = 300
    pages_per_document: int = 1000
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
