"""What the text objects of a page reveal beyond its characters, through PDFium.

Programs that print shaped text mark each cluster of glyphs with its text (``/ActualText``,
ISO 32000-1, 14.9.4). PDFium returns that text for each object of a cluster, so that marks drawn
apart from their letters double it, and it leaves out objects that are nothing but a space.
"""

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pypdfium2
import pypdfium2.raw as pdfium

from .calls import address_of
from .objects import Bounds, PageObject, objects_of

_KEY = b"ActualText"
_MAX_BYTES = 80  # of a cluster; longer texts replace whole lines and stay as they are
_MAX_MARKS = 8  # around an object
_ENCODINGS = {b"\xfe\xff": "utf-16-be", b"\xff\xfe": "utf-16-le", b"\xef\xbb\xbf": "utf-8"}
"""By the mark at the start of a text (ISO 32000-2, 7.9.2.2)."""
_PLAIN = "latin-1"  # equals PDFDocEncoding where it matters

_JOINERS = "\u200b\u200c\u200d"


@dataclass(slots=True)
class Cluster:
    """Objects that are drawn for one text.

    Attributes:
        text: The text, in reading order.
        bounds: The rectangle around all of its objects.
        origin: Position of the pen for the largest of them, the letter.
        height: The height of that one.
        area: Its size.
    """

    text: str
    bounds: Bounds
    origin: tuple[float, float]
    height: float = 0.0
    area: float = 0.0


class Blank(NamedTuple):
    """An object without any width.

    Attributes:
        x: Position of the pen.
        y: The same, upwards.
        text: A space, or the joiner that the file states.
    """

    x: float
    y: float
    text: str = " "


@dataclass(frozen=True, slots=True)
class MarkedText:
    """The clusters and the blank objects of a page.

    Attributes:
        clusters: By the addresses of their objects.
        blanks: In the order of drawing.
    """

    clusters: Mapping[int, Cluster]
    blanks: Sequence[Blank]


def marked_text_of(page: pypdfium2.PdfPage) -> MarkedText:
    """Return the clusters and blanks of a page."""
    by_mark: dict[int, Cluster | None] = {}
    clusters: dict[int, Cluster] = {}
    blanks: list[Blank] = []
    for item in objects_of(page):
        if not item.is_text:
            continue
        cluster = _cluster_around(item, by_mark)
        if cluster is not None and cluster.text.strip(_JOINERS):
            _add(cluster, item)
            clusters[item.address] = cluster
        elif cluster is not None:
            blanks.append(Blank(*item.origin, cluster.text))
        elif item.bounds[0] == item.bounds[2]:
            blanks.append(Blank(*item.origin))
    return MarkedText(clusters, blanks)


def _cluster_around(item: PageObject, by_mark: dict[int, Cluster | None]) -> Cluster | None:
    for number in range(min(item.mark_count, _MAX_MARKS)):
        mark = pdfium.FPDFPageObj_GetMark(item.handle, number)
        address = address_of(mark)
        if address not in by_mark:
            by_mark[address] = _cluster(mark, item)
        cluster = by_mark[address]
        if cluster is not None:
            return cluster
    return None


def _cluster(mark: Any, item: PageObject) -> Cluster | None:
    text = _text_of(mark)
    return Cluster(text, item.bounds, item.origin) if text.strip() else None


def _text_of(mark: Any) -> str:
    size, buffer = ctypes.c_ulong(), (ctypes.c_ubyte * _MAX_BYTES)()
    if not pdfium.FPDFPageObjMark_GetParamBlobValue(mark, _KEY, buffer, _MAX_BYTES, size):
        return ""
    if size.value > _MAX_BYTES:
        return ""
    data = bytes(buffer[: size.value])
    for start, encoding in _ENCODINGS.items():
        if data.startswith(start):
            return data[len(start) :].decode(encoding, "replace")
    return data.decode(_PLAIN)


def _add(cluster: Cluster, item: PageObject) -> None:
    left, bottom, right, top = item.bounds
    one = cluster.bounds
    cluster.bounds = (
        *(min(one[0], left), min(one[1], bottom)),
        *(max(one[2], right), max(one[3], top)),
    )
    area = (right - left) * (top - bottom)
    if area > cluster.area:
        cluster.area, cluster.height, cluster.origin = area, top - bottom, item.origin
