"""How fast the two PDF stages are together, and how much memory they take.

    python benchmarks/scanner/speed.py [--megabytes 64] [--slice 262144] [--plain]
    python benchmarks/scanner/speed.py --floods [--megabytes 8]

Generates a text-heavy PDF (many small Flate streams), one with its objects in object
streams, an image-heavy one, one of links, and ones with junk or the smallest objects between
a header and a trailer, and feeds them through both stages on one core.

With ``--floods`` the files are all small parts, made to cost time; what is printed is how fast
they pass once the steps that every file has are spent.
"""

import argparse
import os
import random
import resource
import statistics
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from pdfsluice.core.plugins.ports.streams import StageContext
from pdfsluice.plugins.pdf.streaming.scan import Scan
from pdfsluice.plugins.pdf.streaming.stages import make_stages
from pdfsluice.plugins.pdf.syntax.effort import Allowance
from tests.support.floods import FLOODS

_WORDS = [f"word{i}" for i in range(3000)]


def _content(rng: random.Random) -> bytes:
    """Write a page of text as a content stream."""
    lines = (" ".join(rng.choices(_WORDS, k=9)) for _ in range(45))
    return b"BT /F1 10 Tf 72 720 Td " + b"".join(f"({line}) ' ".encode() for line in lines) + b"ET"


class _File:
    """A writer of objects and a cross-reference table."""

    def __init__(self) -> None:
        self.out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
        self.places: list[int] = []

    def add(self, body: bytes) -> int:
        self.places.append(len(self.out))
        self.out += b"%d 0 obj\n%s\nendobj\n" % (len(self.places), body)
        return len(self.places)

    def stream(self, entries: bytes, data: bytes) -> int:
        return self.add(b"<<%s/Length %d>>\nstream\n%s\nendstream" % (entries, len(data), data))

    def finish(self) -> bytes:
        root = self.add(b"<</Type/Catalog/Pages 1 0 R>>")
        start = len(self.out)
        self.out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(self.places) + 1)
        self.out += b"".join(b"%010d 00000 n \n" % place for place in self.places)
        self.out += b"trailer\n<</Size %d/Root %d 0 R>>\n" % (len(self.places) + 1, root)
        self.out += b"startxref\n%d\n%%%%EOF\n" % start
        return bytes(self.out)


def text_heavy(size: int) -> bytes:
    """Pages with one small Flate stream each, plain page dictionaries and links."""
    rng = random.Random(1)
    pages = [zlib.compress(_content(rng)) for _ in range(50)]
    file = _File()
    file.add(b"<</Type/Pages/Kids[]/Count 0>>")
    while len(file.out) < size:
        data = rng.choice(pages)
        content = file.stream(b"/Filter/FlateDecode", data)
        file.add(
            b"<</Type/Page/Parent 1 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F1 3 0 R"
            b"/F2 4 0 R>>/ProcSet[/PDF/Text]>>/Contents %d 0 R/Rotate 0>>" % content
        )
    return file.finish()


def packed(size: int) -> bytes:
    """The same, with page dictionaries in object streams of a hundred."""
    rng = random.Random(2)
    pages = [zlib.compress(_content(rng)) for _ in range(50)]
    file = _File()
    file.add(b"<</Type/Pages/Kids[]/Count 0>>")
    number = 1_000_000
    while len(file.out) < size:
        bodies = [
            b"<</Type/Page/Parent 1 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F1 3 0 R"
            b"/F2 4 0 R>>/ProcSet[/PDF/Text]>>/Contents %d 0 R/Rotate 0>> "
            % file.stream(b"/Filter/FlateDecode", rng.choice(pages))
            for _ in range(100)
        ]
        pairs, offset = b"", 0
        for body in bodies:
            pairs += b"%d %d " % (number, offset)
            number, offset = number + 1, offset + len(body)
        entries = b"/Type/ObjStm/N 100/First %d/Filter/FlateDecode" % len(pairs)
        file.stream(entries, zlib.compress(pairs + b"".join(bodies)))
    return file.finish()


def image_heavy(size: int) -> bytes:
    """Images of two megabytes each, which do not compress."""
    file = _File()
    file.add(b"<</Type/Pages/Kids[]/Count 0>>")
    image = os.urandom(2_000_000)
    while len(file.out) < size:
        file.stream(
            b"/Type/XObject/Subtype/Image/Width 1000/Height 666/BitsPerComponent 8"
            b"/ColorSpace/DeviceRGB/Filter/DCTDecode",
            image,
        )
    return file.finish()


def junk(size: int) -> bytes:
    """Random bytes, null bytes, spaces, integers and names where objects belong."""
    kinds = [os.urandom(1_000_000), bytes(1_000_000), b" " * 1_000_000, b"1 " * 500_000]
    kinds.append(b"/A" * 500_000)
    file = _File()
    file.add(b"<</Type/Pages/Kids[]/Count 0>>")
    while len(file.out) < size:
        for kind in kinds:
            file.out += kind
    return file.finish()


def tiny_objects(size: int) -> bytes:
    """Objects that are no more than a number."""
    file = _File()
    file.add(b"<</Type/Pages/Kids[]/Count 0>>")
    while len(file.out) < size:
        file.add(b"1")
    return file.finish()


def links(size: int) -> bytes:
    """Annotations that lead to the web, none of them in an object stream."""
    file = _File()
    file.add(b"<</Type/Pages/Kids[]/Count 0>>")
    while len(file.out) < size:
        file.add(
            b"<</Type/Annot/Subtype/Link/Border[0 0 0]/Rect[72.5 100.25 300.5 112.75]/P 3 0 R"
            b"/A<</Type/Action/S/URI/URI(https://www.example.org/a/path/%d)>>>>" % len(file.out)
        )
    return file.finish()


FILES: dict[str, Callable[[int], bytes]] = {
    "text-heavy": text_heavy,
    "object streams": packed,
    "image-heavy": image_heavy,
    "links": links,
    "junk": junk,
    "tiny objects": tiny_objects,
}


def _slices(data: bytes, size: int) -> Iterator[tuple[int, memoryview]]:
    view = memoryview(data)
    return ((start, view[start : start + size]) for start in range(0, len(data), size))


def scan(data: bytes, size: int, *, fast: bool) -> float:
    """Feed a file through both stages; return the seconds of processor time."""
    context = StageContext(session_id="speed", filename="x.pdf", total_size=len(data))
    stages = [spec.open(context) for spec in make_stages(fast=fast)]
    begin = time.process_time()
    for offset, piece in _slices(data, size):
        for stage in stages:
            stage.feed(piece, offset)
    for stage in stages:
        stage.finish()
    spent = time.process_time() - begin
    for stage in stages:
        stage.close()
    return spent


FIRST = 100_000
"""Steps that a flood has before it is limited; with all that a file has it would take long."""
SLOWEST = 25


def flood(name: str, size: int, step: int, *, fast: bool) -> tuple[float, float, bool]:
    """Scan a flood.

    Returns:
        Megabytes per second once it is limited, or of all of it if it is not; the longest
        time that a slice took, in milliseconds; and whether it was limited.
    """
    data = b"%PDF-1.7\n" + FLOODS[name](size)
    scan = Scan(fast=fast, allowance=Allowance(first=FIRST))
    begin = last = time.process_time()
    done, worst, limited = 0, 0.0, False
    for offset, piece in _slices(data, step):
        scan.feed(piece)
        now = time.process_time()
        worst, last = max(worst, now - last), now
        if not limited and "flood" in {f.details.get("code") for f in scan.structure.new()}:
            begin, done, limited = now, offset + len(piece), True
    return (len(data) - done) / max(last - begin, 1e-6) / 1e6, worst * 1000, limited


def floods(size: int, step: int, *, fast: bool) -> None:
    """Print which floods pass most slowly."""
    rates = sorted((flood(name, size, step, fast=fast), name) for name in FLOODS)
    print(f"the slowest {SLOWEST} of {len(rates)} floods, {size / 1e6:.0f} MB each")
    print(f"{'MB/s':>8} {'ms/slice':>9}")
    for (rate, worst, limited), name in rates[:SLOWEST]:
        print(f"{rate:8.0f} {worst:9.0f}   {name}{'' if limited else ' (not limited)'}")


def main() -> None:
    """Print megabytes per second of processor time, and the growth of memory."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, help="size of each file; 64, of floods 8")
    parser.add_argument("--slice", type=int, default=256 * 1024, help="bytes fed at a time")
    parser.add_argument("--plain", action="store_true", help="without hyperscan")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--floods", action="store_true", help="files that are made to cost time")
    arguments = parser.parse_args()
    size = (arguments.megabytes or (8 if arguments.floods else 64)) * 1_000_000
    if arguments.floods:
        floods(size, arguments.slice, fast=not arguments.plain)
        return
    print(f"{'file':16} {'MB/s':>8} {'best':>8}   growth of peak memory")
    for name, make in FILES.items():
        data = make(size)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        times = [
            scan(data, arguments.slice, fast=not arguments.plain) for _ in range(arguments.rounds)
        ]
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        middle, best = statistics.median(times), min(times)
        rates = (len(data) / seconds / 1e6 for seconds in (middle, best))
        print(f"{name:16} {next(rates):8.0f} {next(rates):8.0f}   {grown:.1f} MiB")


if __name__ == "__main__":
    main()
