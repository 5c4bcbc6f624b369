"""Measures what is sent of a new version, and how fast it is compared.

``python -m benchmarks.delta`` starts a server, and a proxy that counts the bytes which clients
send. It uploads generated files, a scan and a manual, saves them again in several ways, and
uploads each result as a new version. ``--file`` measures files of your own. Speeds are those of
processor time.
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path

import pikepdf

from benchmarks.support.files import workspace
from pdfsluice.client import Client
from pdfsluice.client.delta import find_copies
from pdfsluice.client.models import DocumentUnits
from pdfsluice.client.open_file import OpenFile
from pdfsluice.core.documents.units import read_units
from tests.support.fault_proxy import fault_proxy
from tests.support.servers import RunningServer
from tests.support.slow_link import SlowLink

_MIB = 1024 * 1024
_SENTENCE = "The keeper of lock {page} opens the paddles {line} times before breakfast. "
_LINES = 45
_STRUCTURE_PER_PAGE = 30
Save = Callable[[Path, Path], None]


def main() -> None:
    """Run the benchmark and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=float, default=32.0, help="MiB of the scan")
    parser.add_argument("--pages", type=int, default=500, help="pages of the manual")
    parser.add_argument("--file", type=Path, action="append", default=[], help="a PDF of your own")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    with workspace() as folder:
        server = RunningServer(folder / "data")
        (folder / "data").mkdir()
        server.start()
        try:
            files = [_scan(folder, int(options.size * _MIB)), _manual(folder, options.pages)]
            figures = asyncio.run(measure(server, folder, [*files, *options.file]))
        finally:
            server.stop()
    for name, row in figures.items():
        print(f"{name:36} " + "  ".join(f"{key} {value:.4g}" for key, value in row.items()))
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=2))


async def measure(
    server: RunningServer, folder: Path, files: list[Path]
) -> Mapping[str, Mapping[str, float]]:
    """Upload each file, and each of its new versions."""
    figures: dict[str, Mapping[str, float]] = {}
    for path in files:
        async with Client(server.base_url) as client:
            for kind, save in _saves():
                changed = folder / f"{path.stem}-changed.pdf"
                save(path, changed)
                first = await client.upload(path, check_duplicates=False)
                share = await _share_sent(server, changed, first.id)
                await client.delete(first.id, all_versions=True)
                size = changed.stat().st_size
                figures[f"{path.stem}, {kind}"] = {
                    "MB": size / 1e6,
                    "sent %": share * 100,
                    "compared MB/s": size / 1e6 / _seconds_to_compare(path, changed),
                    "units MB/s": path.stat().st_size / 1e6 / _seconds_for_units(path),
                }
    return figures


async def _share_sent(server: RunningServer, path: Path, document_id: int) -> float:
    """Return the bytes that a client sends for a new version, as a share of its size."""
    link = SlowLink(1e9)
    async with (
        fault_proxy(server.port, lambda _number: link) as proxy,
        Client(proxy.base_url) as client,
    ):
        await client.upload(path, replaces=document_id)
    return link.carried / path.stat().st_size


def _seconds_for_units(path: Path) -> float:
    """Return the processor time that the server needs for the units of a file."""
    with OpenFile.opened(path) as source:
        began = time.thread_time()
        read_units(source.read, source.size)
        return time.thread_time() - began


def _seconds_to_compare(base: Path, path: Path) -> float:
    """Return the processor time that a client needs to compare two files."""
    with OpenFile.opened(base) as source:
        units = read_units(source.read, source.size)
    page = DocumentUnits(
        file_size=units.size,
        block_size=units.block_size,
        blocks=tuple(each.hex() for each in units.blocks),
        units=tuple((at, size, digest.hex()) for at, size, digest in units.units()),
    )
    with OpenFile.opened(path) as source:
        began = time.thread_time()
        find_copies(source, [page])
        return time.thread_time() - began


def _saves() -> Iterator[tuple[str, Save]]:
    yield "incremental save", _append
    yield "saved by pikepdf", _with_pikepdf
    if shutil.which("qpdf"):
        yield "saved by qpdf", _with_qpdf
        yield "linearized by qpdf", lambda old, new: _with_qpdf(old, new, "--linearize")


def _append(old: Path, new: Path) -> None:
    """Append an object, its table and a trailer, as editors do (ISO 32000-1, 7.5.6)."""
    data = old.read_bytes()
    with pikepdf.open(old) as pdf:
        root, size = pdf.Root.objgen[0], int(pdf.trailer.Size)
    before = data[data.rindex(b"startxref") + 9 :].split()[0].decode()
    body = f"\n{size} 0 obj\n<</Type /Note /Text (edited)>>\nendobj\n".encode()
    table = (
        f"xref\n{size} 1\n{len(data) + 1:010d} 00000 n \ntrailer\n"
        f"<</Size {size + 1} /Root {root} 0 R /Prev {before}>>\n"
        f"startxref\n{len(data) + len(body)}\n%%EOF\n"
    )
    new.write_bytes(data + body + table.encode())


def _with_pikepdf(old: Path, new: Path) -> None:
    with pikepdf.open(old) as pdf:
        pdf.docinfo["/Title"] = "Edited"
        pdf.save(new)


def _with_qpdf(old: Path, new: Path, *options: str) -> None:
    command = ["qpdf", "--object-streams=generate", *options, str(old), str(new)]
    subprocess.run(command, check=True)


def _scan(folder: Path, size: int) -> Path:
    """Write pages that are pictures, whose bytes are as random as those of a scan."""
    result = BytesIO()
    with pikepdf.new() as pdf:
        for _ in range(max(1, size // 300_000)):
            page = pdf.add_blank_page(page_size=(595, 842)) or pdf.pages[-1]
            image = pdf.make_stream(os.urandom(300_000))
            image.Filter = pikepdf.Name.DCTDecode  # no program decodes it to save it
            image.Type, image.Subtype = pikepdf.Name.XObject, pikepdf.Name.Image
            image.Width, image.Height, image.BitsPerComponent = 1000, 100, 8
            image.ColorSpace = pikepdf.Name.DeviceRGB
            page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Im=image))
            page.Contents = pdf.make_stream(b"595 0 0 842 0 0 cm /Im Do")
        pdf.save(result, compress_streams=False, object_stream_mode=_DISABLED)
    path = folder / "scan.pdf"
    path.write_bytes(result.getvalue())
    return path


def _manual(folder: Path, pages: int) -> Path:
    """Write pages of text with a structure tree, its objects in object streams."""
    result = BytesIO()
    with pikepdf.new() as pdf:
        font = pdf.make_indirect(
            pikepdf.Dictionary(
                Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica
            )
        )
        elements = pikepdf.Array()
        for number in range(pages):
            pdf.add_blank_page(page_size=(595, 842))
            page = pdf.pages[-1]
            lines = (_SENTENCE.format(page=number, line=line) for line in range(_LINES))
            words = "".join(f"({line}{os.urandom(12).hex()}) Tj T*\n" for line in lines)
            page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
            page.Contents = pdf.make_stream(f"BT /F1 9 Tf 50 800 Td 12 TL\n{words}ET".encode())
            for paragraph in range(_STRUCTURE_PER_PAGE):
                element = pikepdf.Dictionary(
                    Type=pikepdf.Name.StructElem, S=pikepdf.Name.P, K=paragraph, Pg=page.obj
                )
                elements.append(pdf.make_indirect(element))
        pdf.Root.StructTreeRoot = pdf.make_indirect(
            pikepdf.Dictionary(Type=pikepdf.Name.StructTreeRoot, K=elements)
        )
        pdf.save(result, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    path = folder / "manual.pdf"
    path.write_bytes(result.getvalue())
    return path


_DISABLED = pikepdf.ObjectStreamMode.disable

if __name__ == "__main__":
    main()
