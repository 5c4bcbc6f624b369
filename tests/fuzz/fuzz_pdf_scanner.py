"""Coverage-guided fuzzing of the PDF scanner with atheris.

    pip install atheris
    python tests/fuzz/fuzz_pdf_scanner.py -max_total_time=600 [FOLDER OF SEEDS]

Without a folder of seeds, a few generated documents are used. Anything but a clean return is
a defect: an exception, a hang (``-timeout=10``), too much memory (``-rss_limit_mb=256``), or
findings that depend on how the file is cut into pieces.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

try:
    import atheris  # type: ignore[import-untyped]  # has no types, and is seldom installed
except ImportError:
    sys.exit("atheris is not installed: pip install atheris (Linux, Python up to 3.13)")

with atheris.instrument_imports(include=["pdfsluice"]):
    from pdfsluice.plugins.pdf.syntax.effort import Allowance
    from tests.support.evasive_pdfs import cells, evasive_pdf
    from tests.support.scanning import scan_bytes

SMALL = Allowance(first=200, bytes_for_step=32, stretch=1000, tail=200)
"""So little that inputs of a few kilobytes cost more."""


def check(data: bytes) -> None:
    """Scan the same bytes whole and in pieces."""
    if not data:
        return
    size = 1 + data[0] * 16
    for allowance in (None, SMALL):
        whole = scan_bytes(data, allowance=allowance)
        pieces = scan_bytes(data, size=size, fast=False, allowance=allowance)
        if (whole.findings, whole.unscanned) != (pieces.findings, pieces.unscanned):
            raise AssertionError(f"pieces of {size} bytes give other findings ({allowance})")


def main() -> None:
    """Run libFuzzer with the options of the command line."""
    arguments = [*sys.argv]
    if all(argument.startswith("-") for argument in arguments[1:]):
        seeds = Path(tempfile.mkdtemp(prefix="pdfsluice-seeds-"))
        for index, cell in enumerate(list(cells())[::7]):
            (seeds / f"{index}.pdf").write_bytes(evasive_pdf(*cell))
        arguments.append(str(seeds))
    atheris.Setup(arguments, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
