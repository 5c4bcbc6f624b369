"""The deep pass is bounded: bombs, time and memory that run out are findings."""

import zlib
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, String

from pdfsluice.core.models.findings import (
    Finding,
    FindingKind,
    StageReport,
    Trigger,
)
from pdfsluice.plugins.pdf.deep import inspection
from pdfsluice.plugins.pdf.deep.options import DeepOptions
from pdfsluice.plugins.pdf.deep.stage import DeepStage
from tests.support import active_pdfs as pdfs
from tests.support.shares import share

K = FindingKind
T = Trigger


async def inspect(stage: DeepStage, path: Path, *known: Finding) -> StageReport:
    return await stage.inspect(pdfs.completion_context(path, *known))


def told(report: StageReport) -> set[tuple[str, str | None]]:
    return {(finding.kind, finding.trigger) for finding in report.findings}


PREDICTOR_BOMB = b"/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 2147483647>>"


async def test_bombs_are_findings_and_the_stage_continues(tmp_path: Path) -> None:
    stage = DeepStage(
        DeepOptions.model_validate({"workers": 1, "memory": "400 MiB", "stream_memory": "8 MiB"})
    )
    good = pdfs.write(tmp_path / "good.pdf", pdfs.named_script)
    try:
        for name, content in _bombs().items():
            path = tmp_path / f"{name}.pdf"
            path.write_bytes(content)
            report = await inspect(stage, path)
            assert {f.kind for f in report.findings} <= {
                K.MALFORMED,
                K.RESOURCE_LIMIT,
                K.EMBEDDED_FILES,
                K.UNREAD,
            }, name
            assert report.findings, name
            assert told(await inspect(stage, good)) == {(K.JAVASCRIPT, T.NAMED)}, name
    finally:
        await stage.close()


def _bombs() -> dict[str, bytes]:
    head = (
        b"%PDF-1.5\n1 0 obj<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(a) 4 0 R]"
        b">>>>>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Resources<<>>>>endobj\n"
    )
    spec = b"4 0 obj<</Type/Filespec/F(a)/EF<</F 5 0 R>>>>endobj\n"
    flat = zlib.compress(zlib.compress(bytes(256 << 20), 9), 9)
    data = zlib.compress(b"x" * 100)

    def stream(entries: bytes, content: bytes) -> bytes:
        return b"5 0 obj<</Length %d%s>>stream\n%s\nendstream endobj\n" % (
            len(content),
            entries,
            content,
        )

    nested = b"[" * 100_000 + b"]" * 100_000
    return {
        "inflating": pdfs.with_xref(
            head + spec + stream(b"/Filter[/FlateDecode/FlateDecode]", flat)
        ),
        "predictor": pdfs.with_xref(head + spec + stream(PREDICTOR_BOMB, data)),
        "filters": pdfs.with_xref(
            head + spec + stream(b"/Filter[" + b"/FlateDecode" * 1000 + b"]", data)
        ),
        "xref stream": (
            b"%%PDF-1.5\n1 0 obj<</Type/XRef/Size 9/W[1 2 1]/Root 2 0 R/Length %d%s>>stream\n%s\n"
            b"endstream endobj\nstartxref\n9\n%%%%EOF\n" % (len(data), PREDICTOR_BOMB, data)
        ),
        "nesting": pdfs.with_xref(head + b"4 0 obj" + nested + b"endobj\n"),
    }


async def test_time_that_runs_out_leaves_what_was_seen(tmp_path: Path) -> None:
    stage = DeepStage(DeepOptions.model_validate({"workers": 1, "wall_seconds": 1e-9}))
    link = pdfs.annotation(A=Dictionary(S=Name.URI, URI=String("https://example.org/")))
    path = pdfs.write(tmp_path / "f.pdf", *[link] * 300)
    try:
        report = await inspect(stage, path)
    finally:
        await stage.close()
    assert (K.RESOURCE_LIMIT, None) in told(report)
    assert [u.reason for u in report.unscanned] == ["limit"]
    assert report.facts["page_count"] == 1
    assert not report.settles


@pytest.mark.long
async def test_memory_that_runs_out_is_a_finding(tmp_path: Path) -> None:
    options: dict[str, Any] = {"workers": 1, "memory": "256 MiB", "stream_memory": "512 MiB"}
    stage = DeepStage(DeepOptions.model_validate(options))
    content = zlib.compress(zlib.compress(bytes(200 << 20), 9), 9)
    filters = Array([Name.FlateDecode, Name.FlateDecode])
    path = tmp_path / "f.pdf"
    with pdfs.make(pdfs.attached(content, Filter=filters)) as pdf:
        pdf.save(path, stream_decode_level=pikepdf.StreamDecodeLevel.none)
    try:
        report = await inspect(stage, path)
        good = await inspect(stage, pdfs.write(tmp_path / "good.pdf"))
    finally:
        await stage.close()
    assert report.unscanned
    assert good.findings == ()


@pytest.mark.long
@pytest.mark.parametrize("batch", share([3, 1, 10], every=3, nightly=[10]))
def test_a_file_that_is_reopened_gives_the_same_findings(tmp_path: Path, batch: int) -> None:
    """As happens to files with very many objects; no earlier result is lost."""
    path = pdfs.write(
        tmp_path / "f.pdf",
        pdfs.page_script,
        pdfs.attached(pdfs.windows_program(), "a.exe"),
        pdfs.annotation(A=pdfs.javascript("click()")),
        pdfs.opens_with(pdfs.javascript("open()")),
        **pdfs.OBJECT_STREAMS,
    )
    path.write_bytes(path.read_bytes().replace(b"startxref\n", b"startxref\n9"))
    whole = inspection.inspect(path, 60)
    parts = inspection.inspect(path, 60, max_objects=batch)
    assert {s.kind for s in whole.findings} >= {K.EXECUTABLE, K.JAVASCRIPT, K.MALFORMED}
    assert parts == whole
