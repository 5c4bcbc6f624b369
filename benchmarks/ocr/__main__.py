"""``python -m benchmarks.ocr``: how well and how fast pictures of pages are read.

Pages of known text in the standard fonts are drawn by the renderer in 300 dots per inch, as an OCR
job has them drawn, and read by Tesseract in its limited process. A word is right if it is spelled
as in the truth, with its case and punctuation, at its place in the order of the words.

With ``--uploads`` a server reads a scan while files are uploaded to it. The process that reads is
stopped for every second upload; the figure is the speed next to it as a share of the speed without.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

import psutil

from benchmarks.ocr.pages import FONTS, Page, pages_of, write_scan
from benchmarks.support.files import workspace
from benchmarks.support.processes import Server, pdfsluice
from benchmarks.support.uploads import delete, upload
from pdfsluice.core.documents.text.recognized import PageSize
from pdfsluice.core.testing.pdfs import write_large_pdf
from pdfsluice.plugins.pdfium.options import PdfiumOptions
from pdfsluice.plugins.pdfium.renderer import PdfiumPictures
from pdfsluice.plugins.tesseract.options import TesseractOptions
from pdfsluice.plugins.tesseract.recognizer import Tesseract

MIB = 1024 * 1024
SIZES = (8, 9, 10, 11, 12, 14)
WORKER = "pdfsluice.plugins.tesseract.worker"
TEXTS = Path(__file__).parents[2] / "docs" / "explanation"


@dataclass(frozen=True)
class Result:
    """What became of one page."""

    font: str
    points: int
    words: int
    right: int
    cpu_seconds: float


def main() -> int:
    """Measure and print; return 1 if a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ocr", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two pages")
    parser.add_argument("--uploads", type=int, default=0, help="pairs of uploads next to OCR")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    with workspace() as folder:
        text = " ".join(file.read_text() for file in sorted(TEXTS.glob("*.md")))
        fonts, sizes = (FONTS[:1], SIZES[:2]) if options.quick else (FONTS, SIZES)
        pages = list(pages_of(text, fonts, sizes))
        results = asyncio.run(_read(pages, folder))
        figures = dict(_figures(results))
        if options.uploads:
            figures["upload speed next to OCR"] = _beside_uploads(pages, folder, options.uploads)
    for name, value in figures.items():
        sys.stdout.write(f"{name:34} {value:8.4f}\n")
    if options.json:
        options.json.write_text(json.dumps(figures))
    return 0 if figures["word accuracy"] >= 0.97 else 1


async def _read(pages: list[Page], folder: Path) -> list[Result]:
    renderer, reader = PdfiumPictures(PdfiumOptions()), Tesseract(TesseractOptions())
    results = []
    try:
        for page in pages:
            path = folder / "page.pdf"
            path.write_bytes(page.pdf())
            width = PageSize(page.width, page.height).picture_width(300)
            picture = await renderer.render(path, 1, width=width)
            await reader.obstacle()  # the process has begun, as after the first page
            before = _cpu_seconds()
            recognized = await reader.recognize(picture)
            seconds = _cpu_seconds() - before
            words = [word.text for line in recognized.lines for word in line]
            right = _right(page.words, words)
            results.append(Result(page.font, page.points, len(page.words), right, seconds))
    finally:
        await renderer.close()
        await reader.close()
    return results


def _right(truth: list[str], words: list[str]) -> int:
    """Return how many words are right and in their place."""
    matcher = SequenceMatcher(None, truth, words, autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks())


def _cpu_seconds() -> float:
    """Return the processor time of the processes that read."""
    total = 0.0
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if WORKER in child.cmdline():
                times = child.cpu_times()
                total += times.user + times.system
    return total


def _figures(results: list[Result]) -> Iterator[tuple[str, float]]:
    def accuracy(chosen: list[Result]) -> float:
        return sum(each.right for each in chosen) / sum(each.words for each in chosen)

    yield "word accuracy", accuracy(results)
    for font in dict.fromkeys(each.font for each in results):
        yield f"word accuracy, {font}", accuracy([r for r in results if r.font == font])
    for points in dict.fromkeys(each.points for each in results):
        yield f"word accuracy, {points} pt", accuracy([r for r in results if r.points == points])
    seconds = [each.cpu_seconds for each in results]
    yield "words a page", statistics.mean(each.words for each in results)
    yield "processor seconds a page", statistics.mean(seconds)
    yield "processor seconds, slowest page", max(seconds)


def _beside_uploads(pages: list[Page], folder: Path, pairs: int) -> float:
    """Return the speed of uploads next to OCR as a share of the speed without it."""
    scan = folder / "scan.pdf"
    asyncio.run(_write_scan(pages, scan, copies=max(1, 40 * pairs // len(pages))))
    file = folder / "large.pdf"
    write_large_pdf(file, 128 * MIB)
    seconds: dict[bool, list[float]] = {True: [], False: []}
    with pdfsluice(folder / "server", PDFSLUICE_INDEX="") as server:
        upload(server.host, server.port, scan, door="raw", chunk_size=MIB)
        _upload(server, file)  # warms the caches
        for _ in range(pairs):
            for reads in (True, False):
                worker = _worker(server)
                worker.resume() if reads else worker.suspend()
                seconds[reads].append(_upload(server, file))
            worker.resume()
    return statistics.median(seconds[False]) / statistics.median(seconds[True])


async def _write_scan(pages: list[Page], path: Path, *, copies: int) -> None:
    renderer = PdfiumPictures(PdfiumOptions())
    pictures = []
    for page in pages:
        (path.parent / "page.pdf").write_bytes(page.pdf())
        pictures.append(await renderer.render(path.parent / "page.pdf", 1, width=1700))
    await renderer.close()
    write_scan(path, pictures * copies)


def _worker(server: Server) -> psutil.Process:
    """Wait until the server reads a page; return the process that does."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for child in server.process.children():
            with suppress(psutil.NoSuchProcess):
                if WORKER in child.cmdline():
                    return child
        time.sleep(0.1)
    raise RuntimeError("the server does not read the scan")


def _upload(server: Server, file: Path) -> float:
    start = time.perf_counter()
    document = upload(server.host, server.port, file, door="raw", chunk_size=8 * MIB)
    seconds = time.perf_counter() - start
    delete(server.host, server.port, document)
    return seconds


if __name__ == "__main__":
    sys.exit(main())
