"""Scans whole documents with the PDF scanner, in pieces of any size."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pdfsluice.core.models.findings import Finding, Revision, Unscanned
from pdfsluice.plugins.pdf.streaming.scan import Scan
from pdfsluice.plugins.pdf.syntax.effort import Allowance


@dataclass(frozen=True)
class Scanned:
    """The reports of both stages."""

    findings: tuple[Finding, ...]
    unscanned: tuple[Unscanned, ...]
    early: tuple[Finding, ...]

    @property
    def kinds(self) -> set[str]:
        """Kinds found in the current revision."""
        return {str(f.kind) for f in self.findings if f.revision is Revision.CURRENT}

    @property
    def codes(self) -> set[str]:
        """Codes of what is malformed or exhausting."""
        return {f.details["code"] for f in self.findings if "code" in f.details}

    def of(self, kind: str) -> list[Finding]:
        """Findings of one kind."""
        return [f for f in self.findings if f.kind == kind]


def scan_pieces(
    pieces: Iterable[bytes], *, fast: bool = True, allowance: Allowance | None = None
) -> Scanned:
    """Scan a document that comes in pieces."""
    scan = Scan(fast=fast, allowance=allowance)
    early: list[Finding] = []
    for piece in pieces:
        scan.feed(memoryview(piece))
        early += scan.structure.new() + scan.new_findings()
    scan.finish()
    reports = scan.structure_report(), scan.security_report()
    return Scanned(
        findings=reports[0].findings + reports[1].findings,
        unscanned=reports[0].unscanned + reports[1].unscanned,
        early=tuple(early),
    )


def scan_bytes(
    data: bytes,
    *,
    size: int = 256 * 1024,
    fast: bool = True,
    allowance: Allowance | None = None,
) -> Scanned:
    """Scan a document in pieces of one size."""
    pieces = (data[i : i + size] for i in range(0, len(data), size))
    return scan_pieces(pieces, fast=fast, allowance=allowance)


def corpus() -> Path | None:
    """Return the folder of labelled PDFs, where there is one."""
    beside = Path(__file__).parents[2].parent / "shared" / "corpus"
    folder = Path(os.environ.get("PDFSLUICE_CORPUS", beside))
    return folder if (folder / "labels.tsv").is_file() else None
