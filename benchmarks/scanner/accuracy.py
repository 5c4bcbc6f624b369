"""How much the two PDF stages see, against labelled files.

    python benchmarks/scanner/accuracy.py FOLDER [--chunk-size 1,4096,262144] [--plain]

FOLDER holds ``labels.tsv`` (columns file, label, kinds, note) and the files in ``pdf/``.
Without FOLDER, the generated evasive documents are the files. Prints recall and false
positives for each kind, over undamaged files, and every miss.
"""

import argparse
import csv
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from pdfsluice.core.models.findings import FindingKind
from tests.support.evasive_pdfs import cells, evasive_pdf
from tests.support.scanning import scan_bytes

_IMPLIED = {FindingKind.FORMS_XFA: FindingKind.FORMS_ACROFORM}
_UNSETTLED = {
    "aa_empty": "additional_actions",
    "ef_empty": "embedded_files",
}
"""Notes that make a kind neither right nor wrong to report."""


@dataclass(frozen=True)
class Labelled:
    """A file and what is in it."""

    name: str
    data: bytes
    kinds: frozenset[str]
    unsettled: frozenset[str] = frozenset()
    judged: bool = True


def labelled(folder: Path) -> Iterator[Labelled]:
    """Read a folder of labelled files."""
    with (folder / "labels.tsv").open(newline="") as table:
        for row in csv.DictReader(table, delimiter="\t"):
            note = row["note"]
            unsettled = {kind for word, kind in _UNSETTLED.items() if word in note}
            if row["label"] != "benign":  # damage that keeps a part from being read
                unsettled.add(FindingKind.UNREAD)
            yield Labelled(
                name=row["file"],
                data=(folder / "pdf" / row["file"]).read_bytes(),
                kinds=frozenset(filter(None, row["kinds"].split(","))),
                unsettled=frozenset(unsettled),
                judged=row["label"] != "notpdf" and "open=" not in note,
            )


def generated() -> Iterator[Labelled]:
    """Write every kind in every evasive way."""
    for kind, technique in cells():
        implied = {_IMPLIED.get(FindingKind(kind), kind)}
        yield Labelled(
            name=f"{kind}: {technique}",
            data=evasive_pdf(kind, technique),
            kinds=frozenset({kind, *implied}),
            unsettled=frozenset({"malformed"}),
        )


def measure(files: list[Labelled], size: int, *, fast: bool) -> None:
    """Scan the files in pieces of one size and print what was right."""
    right: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    false: Counter[str] = Counter()
    begin = time.process_time()
    for file in files:
        kinds = scan_bytes(file.data, size=size, fast=fast).kinds
        right.update(file.kinds & kinds)
        missed.update(lost := file.kinds - kinds)
        wrong = kinds - file.kinds - file.unsettled if file.judged else set()
        false.update(wrong)
        for text, set_of in (("missed", lost), ("false", wrong)):
            for kind in sorted(set_of):
                print(f"  {text:7} {kind:24} {file.name}")
    seconds = time.process_time() - begin
    total = sum(len(file.data) for file in files)
    print(f"\n{len(files)} files, {total / 1e6:.1f} MB, pieces of {size}: {seconds:.2f} s")
    print(f"{'kind':26}{'right':>7}{'missed':>8}{'recall':>9}{'false':>7}")
    for kind in sorted({*right, *missed, *false}):
        total = right[kind] + missed[kind]
        recall = f"{right[kind] / total:8.2%}" if total else "       -"
        print(f"{kind:26}{right[kind]:7}{missed[kind]:8} {recall}{false[kind]:7}")


def main() -> None:
    """Measure over a folder, or over generated documents."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--chunk-size", default="262144", help="sizes, with commas between")
    parser.add_argument("--plain", action="store_true", help="without hyperscan")
    arguments = parser.parse_args()
    files = list(labelled(arguments.folder) if arguments.folder else generated())
    for size in map(int, arguments.chunk_size.split(",")):
        measure(files, size, fast=not arguments.plain)


if __name__ == "__main__":
    main()
