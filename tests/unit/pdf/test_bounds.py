"""Bombs and traps: bounded time and memory, and a finding for what was not read."""

import json
import resource
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.evasive_pdfs import noise
from tests.support.scanning import scan_pieces

pytestmark = pytest.mark.nightly

MIB = 1 << 20
LIMIT = 32 * MIB
HEAD = b"%PDF-1.7\n"
LAUNCH = b"\n9 0 obj <</S/Launch/F(x)>> endobj\n"


def _object_stream(data: bytes, filters: bytes = b"/Filter/FlateDecode") -> bytes:
    return b"7 0 obj <</Type/ObjStm/N 1/First 4%s/Length %d>> stream\n%s\nendstream endobj\n" % (
        filters,
        len(data),
        data,
    )


def _deflated(byte: bytes, size: int) -> bytes:
    deflater = zlib.compressobj(9)
    pieces = [deflater.compress(byte * MIB) for _ in range(size // MIB)]
    return b"".join(pieces) + deflater.flush()


def _long_table() -> Iterator[bytes]:
    """A file whose cross-reference table is longer than what is kept."""
    count, rows = 400_000, 1000
    yield HEAD + b"xref\n0 %d\n" % count
    for first in range(0, count, rows):
        yield b"".join(b"%010d 00000 n \n" % (9 + i) for i in range(first, first + rows))
    yield b"trailer<</Size 9/Root 1 0 R>>\nstartxref\n9\n%%EOF\n"


def _repeat(unit: bytes, size: int) -> Iterator[bytes]:
    block = unit * (256 * 1024 // len(unit) + 1)
    return (block for _ in range(size // len(block) + 1))


def _wrapped(before: bytes, middle: Iterator[bytes], behind: bytes = b"") -> Iterator[bytes]:
    yield HEAD + before
    yield from middle
    yield behind + LAUNCH


TRAPS: dict[str, Callable[[], Iterator[bytes]]] = {
    "inflate bomb": lambda: iter([HEAD + _object_stream(_deflated(b"x", 100 * MIB)) + LAUNCH]),
    "inflate bomb twice over": lambda: iter(
        [
            HEAD
            + _object_stream(
                zlib.compress(_deflated(b"x", 100 * MIB)), b"/Filter[/FlateDecode/FlateDecode]"
            )
            + LAUNCH
        ]
    ),
    "many inflate bombs": lambda: _wrapped(
        b"", iter([_object_stream(_deflated(b" ", 8 * MIB))] * 100)
    ),
    "run-length bomb": lambda: _wrapped(
        b"", iter([_object_stream(b"\x81 " * 2 * MIB, b"/Filter/RunLengthDecode")] * 3)
    ),
    "many filters": lambda: iter(
        [HEAD + _object_stream(b"x" * 1000, b"/Filter[" + b"/A85" * 20_000 + b"]") + LAUNCH]
    ),
    "wide predictor": lambda: iter(
        [
            HEAD
            + _object_stream(
                _deflated(b"\4", 2 * MIB),
                b"/Filter/FlateDecode/DecodeParms<</Predictor 15/Columns 1000000>>",
            )
            + LAUNCH
        ]
    ),
    "deep arrays": lambda: _wrapped(b"1 0 obj ", _repeat(b"[", MIB // 2), b" endobj"),
    "deep dictionaries": lambda: _wrapped(b"1 0 obj ", _repeat(b"<</JS", MIB // 2), b" endobj"),
    "endless name": lambda: _wrapped(b"1 0 obj /", _repeat(b"A", 16 * MIB), b" endobj"),
    "endless escapes": lambda: _wrapped(b"1 0 obj /", _repeat(b"#41", 4 * MIB), b" endobj"),
    "endless string": lambda: _wrapped(b"1 0 obj (/JS", _repeat(b"a", 32 * MIB), b") endobj"),
    "endless escaped string": lambda: _wrapped(
        b"1 0 obj (/JS", _repeat(b"\\)", MIB), b") endobj"
    ),
    "endless hexadecimal string": lambda: _wrapped(
        b"1 0 obj </JS", _repeat(b"41 ", 16 * MIB), b"> endobj"
    ),
    "endless comment": lambda: _wrapped(b"1 0 obj %", _repeat(b"x", 32 * MIB), b"\n 1 endobj"),
    "endless white space": lambda: _wrapped(b"1 0 obj ", _repeat(b" ", 32 * MIB), b" endobj"),
    "endless junk": lambda: _wrapped(b"", _repeat(noise(100_000), 2 * MIB)),
    "endless digits": lambda: _wrapped(b"", _repeat(b"1 ", 2 * MIB)),
    "tiny objects": lambda: _wrapped(b"", _repeat(b"1 0 obj 1 endobj\n", MIB // 2)),
    "tiny active objects": lambda: _wrapped(b"", _repeat(b"1 0 obj<</S/URI>>endobj\n", MIB // 2)),
    "tiny streams": lambda: _wrapped(
        b"", _repeat(b"1 0 obj<</Length 1>>stream\nx\nendstream endobj\n", 4 * MIB)
    ),
    "long cross-reference table": lambda: _wrapped(
        b"xref\n0 99999999\n", _repeat(b"0000000009 00000 n \n", 32 * MIB)
    ),
    "many sections": lambda: _wrapped(b"", _repeat(b"xref\n0 0\ntrailer<</Prev 9>>\n", MIB // 2)),
    "a great array": lambda: _wrapped(b"1 0 obj [/JS", _repeat(b"1 0 R ", MIB), b"] endobj"),
    "a great dictionary": lambda: _wrapped(
        b"1 0 obj <</JS(", _repeat(b")/A(", MIB), b")>> endobj"
    ),
    "a great array of strings": lambda: _wrapped(
        b"1 0 obj [/JS", _repeat(b"(" + b"s" * 4000 + b")", 16 * MIB), b"] endobj"
    ),
    "a great array of names": lambda: _wrapped(
        b"1 0 obj [/JS", _repeat(b"/" + b"n" * 60_000, 16 * MIB), b"] endobj"
    ),
    "an object stream of many": lambda: iter(
        [HEAD + _object_stream(_deflated(b"1 ", 4 * MIB), b"/First 9999999/Filter/Fl") + LAUNCH]
    ),
    "a long table": lambda: _wrapped(b"", _long_table()),
    "many links": lambda: _wrapped(
        b"",
        (b"%d 0 obj<</AA %d 0 R/Next %d 0 R>>endobj\n" % (i, i + 1, i + 2) for i in range(8_000)),
    ),
    "one huge stream": lambda: _wrapped(
        b"1 0 obj<</Length 99999999999>>stream\n", _repeat(noise(65_537), 128 * MIB), b"\nendstream"
    ),
    "a huge object stream": lambda: _wrapped(
        b"1 0 obj<</Type/ObjStm/N 1/First 4>>stream\n",
        _repeat(noise(65_537), 16 * MIB),
        b"\nendstream endobj",
    ),
    "objects inside streams": lambda: _wrapped(
        b"", iter([b"1 0 obj<</Length 59>>stream\n" + b"2 0 obj <</JS(x)>> endobj\n" * 2 + b"x" * 7
                   + b"\nendstream endobj\n"] * 5_000)
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    """The output of one process that scanned every trap, with its peak of memory."""
    output = subprocess.run(
        [sys.executable, "-m", "tests.unit.pdf.test_bounds"],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        check=True,
    ).stdout
    return {entry["trap"]: entry for entry in map(json.loads, output.splitlines())}


def test_memory_stays_bounded(report: dict[str, Any]) -> None:
    assert set(report) == set(TRAPS)
    grown = {trap: entry["grown"] for trap, entry in report.items()}
    assert max(grown.values()) < LIMIT, grown


def test_nothing_after_a_trap_is_missed(report: dict[str, Any]) -> None:
    assert [trap for trap, entry in report.items() if "launch" not in entry["kinds"]] == []


@pytest.mark.parametrize(
    ("trap", "code"),
    [
        ("inflate bomb", "inflates"),
        ("inflate bomb twice over", "inflates"),
        ("deep arrays", "too-deep"),
        ("endless name", "endless-token"),
        ("a great dictionary", "too-many-values"),
    ],
)
def test_a_trap_is_a_finding(report: dict[str, Any], trap: str, code: str) -> None:
    assert code in report[trap]["codes"]
    assert "resource_limit" in report[trap]["kinds"]


@pytest.mark.parametrize("trap", ["a great dictionary", "deep arrays"])
def test_an_object_of_which_not_all_is_kept_is_unscanned(report: dict[str, Any], trap: str) -> None:
    assert "values" in report[trap]["unscanned"]


@pytest.mark.parametrize("trap", ["inflate bomb", "many inflate bombs", "a huge object stream"])
def test_what_was_not_read_is_unscanned(report: dict[str, Any], trap: str) -> None:
    assert "limit" in report[trap]["unscanned"]


def _report() -> None:
    """Scan every trap; print the peak of memory so far, and the findings."""
    scan_pieces([HEAD + LAUNCH])
    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, make in TRAPS.items():
        begin = time.process_time()
        scanned = scan_pieces(make())
        entry = {
            "trap": name,
            "grown": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) * 1024,
            "seconds": round(time.process_time() - begin, 2),
            "kinds": sorted(scanned.kinds),
            "codes": sorted(scanned.codes),
            "unscanned": sorted({unscanned.reason for unscanned in scanned.unscanned}),
        }
        print(json.dumps(entry))


if __name__ == "__main__":
    _report()
