"""What a table lists is seen wherever it lies, or reported as unscanned."""

import io
import os
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pikepdf
import pypdf
import pytest
from pikepdf import Array, Dictionary, Name, String

from pdfsluice.core.models.findings import (
    Decision,
    FindingKind,
    Severity,
    StageReport,
    Trigger,
)
from pdfsluice.core.scanning.merging import merge_reports
from pdfsluice.plugins.pdf.deep.opening import HIGHEST_NUMBER
from pdfsluice.plugins.pdf.deep.stage import DeepStage
from pdfsluice.plugins.policy.options import PolicyOptions
from pdfsluice.plugins.policy.policy import RulesPolicy
from tests.support import active_pdfs as pdfs
from tests.support.hidden_objects import LAUNCH, Hiding
from tests.support.scanning import scan_bytes
from tests.support.shares import share

K = FindingKind
Look = Callable[[bytes], Awaitable[StageReport]]


@pytest.fixture
def look(stage: DeepStage, tmp_path: Path) -> Look:
    """Let all stages look at a document, and merge their reports."""

    async def run(data: bytes) -> StageReport:
        path = tmp_path / "f.pdf"
        path.write_bytes(data)
        scanned = scan_bytes(data)
        context = pdfs.completion_context(path, *scanned.findings)
        session = replace(context.session, unscanned=scanned.unscanned)
        report = await stage.inspect(replace(context, session=session))
        streamed = StageReport(findings=scanned.findings, unscanned=scanned.unscanned)
        return merge_reports([streamed, report])

    return run


def verdict(report: StageReport) -> Decision:
    policy = RulesPolicy(PolicyOptions.model_validate({}))
    session = pdfs.completion_context(Path("f.pdf")).session
    return max(policy.decide(found, session) for found in report.findings)


HIDINGS = {
    "a number that qpdf takes for impossible": Hiding(),
    "the number after the last possible one": Hiding(number=200),
    "the highest number": Hiding(number=HIGHEST_NUMBER),
    "a trailer that conceals it": Hiding(size=5),
    "an end of the object": Hiding(end=b" endobj\n"),
    "a stream too long to be searched": Hiding(padding=1_100_000, number=700_000),
    "such a stream, and the end of the object": Hiding(padding=1_100_000, end=b" endobj\n"),
    "a header that does not come first": Hiding(before=b"junk\n"),
    "in the open": Hiding(in_stream=False),
}


@pytest.mark.parametrize("hiding", HIDINGS.values(), ids=HIDINGS.keys())
async def test_a_script_that_runs_on_opening_is_seen(look: Look, hiding: Hiding) -> None:
    data = hiding.write()
    report = await look(data)
    (found,) = [f for f in report.findings if f.kind == K.JAVASCRIPT]
    assert (found.trigger, found.object) == (Trigger.OPEN, hiding.number)
    assert verdict(report) is Decision.REJECT
    assert report.unscanned == ()


async def test_other_readers_find_the_hidden_script() -> None:
    """So that the documents of these tests are true ones."""
    for hiding in (Hiding(), Hiding(size=5)):
        reader = pypdf.PdfReader(io.BytesIO(hiding.write()))
        assert reader.root_object["/OpenAction"]["/JS"] == "app.alert(1)"  # type: ignore[index]


async def test_what_makes_an_action_look_like_structure_does_not_hide_it(look: Look) -> None:
    for hiding in (Hiding(content=LAUNCH), Hiding(content=LAUNCH, in_stream=False)):
        report = await look(hiding.write())
        assert {(f.kind, f.trigger) for f in report.findings} >= {(K.LAUNCH, Trigger.OPEN)}
        assert verdict(report) is Decision.REJECT


async def test_a_cross_reference_stream_hides_no_more(look: Look) -> None:
    body = (
        b"%PDF-1.5\n1 0 obj<</Type/Catalog/Pages 2 0 R/OpenAction 9000 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Resources<<>>>>endobj\n"
        b"5 0 obj<</Length 44>>stream\n9000 0 obj<</S/JavaScript/JS(x)>>"
    ).ljust(300) + b"\nendstream endobj\n"
    places = [body.index(b"%d 0 obj" % n) for n in (1, 2, 3, 9000, 5)]
    rows = zlib.compress(b"".join(b"\1" + p.to_bytes(2) + b"\0" for p in [*places, len(body)]))
    table = (
        b"6 0 obj<</Type/XRef/Size 7/W[1 2 1]/Index[1 3 9000 1 5 2]/Root 1 0 R"
        b"/Filter/FlateDecode/Length %d>>stream\n%s\nendstream endobj\n" % (len(rows), rows)
    )
    report = await look(body + table + b"startxref\n%d\n%%%%EOF\n" % len(body))
    assert (K.JAVASCRIPT, Trigger.OPEN) in {(f.kind, f.trigger) for f in report.findings}


async def test_an_attached_pdf_hides_no_more(stage: DeepStage, tmp_path: Path) -> None:
    path = pdfs.write(tmp_path / "f.pdf", pdfs.attached(Hiding().write(), "inner.pdf"))
    report = await stage.inspect(pdfs.completion_context(path))
    (found,) = [f for f in report.findings if f.kind == K.JAVASCRIPT]
    assert found.details["attachment"] == "inner.pdf"


@pytest.mark.parametrize("number", share([100, 5000], every=2))
async def test_a_damaged_table_hides_no_more(look: Look, number: int) -> None:
    data = Hiding(number=number).write().replace(b"startxref\n", b"startxref\n9")
    report = await look(data)
    assert (K.JAVASCRIPT, Trigger.OPEN) in {(f.kind, f.trigger) for f in report.findings}
    assert report.unscanned == ()


@pytest.mark.parametrize("shift", [1, -1, 3, 7, 1000])
async def test_a_table_that_is_only_wrong_leaves_nothing_unscanned(look: Look, shift: int) -> None:
    harmless = Hiding(number=5, content=b"<</S/GoTo/D[3 0 R/Fit]>>", in_stream=False, shift=shift)
    report = await look(harmless.write())
    assert report.unscanned == ()
    assert verdict(report) is Decision.NOTE


async def test_what_only_an_earlier_table_leads_to_is_reported_as_unscanned(look: Look) -> None:
    """Readers differ about which table counts where several do not fit together."""
    first = Hiding().write()
    action = b"5000 0 obj<</S/GoTo/D[3 0 R/Fit]>>endobj\n"
    table = first.rindex(b"xref\n0 5")
    update = b"xref\n5000 1\n%010d 00000 n \ntrailer<</Size 5001/Root 1 0 R/Prev %d>>\n" % (
        len(first),
        table,
    )
    end = b"startxref\n%d\n%%%%EOF\n" % (len(first) + len(action))
    report = await look(first + action + update + end)
    assert [(u.reason, u.object) for u in report.unscanned] == [("hidden-object", 5000)]
    assert max(f.severity for f in report.findings if f.kind == K.MALFORMED) is Severity.HIGH
    assert verdict(report) is Decision.FLAG


def _displaced(decoy: bytes) -> bytes:
    """Return a file with object 5 out of place, so that qpdf gives up the table.

    It does so in the middle of the walk, and before it has read the hidden object 60.
    """
    hidden = b"60 0 obj <</S/JavaScript/JS(app.alert\\(1\\))>>"
    data = b"q Q  " + hidden + b" " * 300
    bodies = (
        b"<</Type/Catalog/Pages 2 0 R/OpenAction 6 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Resources<<>>/Contents 4 0 R>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(data), data),
        b"<</A 1>>",
        b"<</S/GoTo/D[3 0 R/Fit]/Next[60 0 R]>>",
    )
    out, rows = b"%PDF-1.7\n", b""
    for number, body in enumerate(bodies, 1):
        rows += b"%010d 00000 n \n" % (len(out) + (3 if number == 5 else 0))
        out += b"%d 0 obj %s endobj\n" % (number, body)
    out += decoy
    table = b"xref\n0 7\n0000000000 65535 f \n%s60 1\n%010d 00000 n \n" % (rows, out.index(hidden))
    return out + table + b"trailer<</Size 61/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(out)


@pytest.mark.parametrize("decoy", [b"", b"60 0 obj <</S/GoTo>> endobj\n"], ids=["none", "decoy"])
async def test_what_is_lost_with_a_table_that_is_given_up_is_not_taken_for_seen(
    look: Look, decoy: bytes
) -> None:
    report = await look(_displaced(decoy))
    assert [(u.reason, u.object) for u in report.unscanned] == [("hidden-object", 60)]
    assert verdict(report) is Decision.FLAG


async def test_a_number_that_no_pdf_may_have_is_flagged(look: Look) -> None:
    report = await look(Hiding(number=9_000_000).write())
    assert {f.details.get("code") for f in report.findings} >= {"number-too-high"}
    assert [u.reason for u in report.unscanned] == ["hidden-object"]
    assert verdict(report) is Decision.FLAG


async def test_a_table_inside_of_a_stream_is_followed(look: Look) -> None:
    """The streaming stages see no table there; the deep pass reads it."""
    data = Hiding().write()
    start = data.index(b"xref\n0 5")
    stop = data.rindex(b"startxref")
    wrapped = b"6 0 obj<</Length %d>>stream\n" % (stop - start)
    moved = data[:start] + wrapped + data[start:stop] + b"\nendstream endobj\n"
    moved += b"startxref\n%d\n%%%%EOF\n" % (start + len(wrapped))
    assert "table" in {u.reason for u in scan_bytes(moved).unscanned}
    report = await look(moved)
    assert (K.JAVASCRIPT, Trigger.OPEN) in {(f.kind, f.trigger) for f in report.findings}
    assert report.unscanned == ()


async def test_gaps_between_numbers_are_harmless(look: Look, tmp_path: Path) -> None:
    with pdfs.make(pdfs.annotation(A=Dictionary(S=Name.GoTo, D=Array([0, Name.Fit])))) as pdf:
        pdf.docinfo.Title = String("t")
        pdf.save(tmp_path / "plain.pdf")
    assert (await look((tmp_path / "plain.pdf").read_bytes())).unscanned == ()
    harmless = Hiding(content=b"<</S/GoTo/D[3 0 R/Fit]>>", in_stream=False)
    report = await look(harmless.write())
    assert {f.kind for f in report.findings} == {K.OPEN_ACTION}
    assert report.unscanned == ()
    with pikepdf.open(io.BytesIO(harmless.write())) as opened:
        assert len(opened.objects) < harmless.number  # what this is about


async def test_a_name_that_is_not_utf_8_hides_nothing(stage: DeepStage, tmp_path: Path) -> None:
    path = pdfs.write(tmp_path / "plain.pdf", pdfs.opens_with(pdfs.javascript()))
    odd = path.rename(tmp_path / os.fsdecode(b"caf\xe9.pdf"))
    report = await stage.inspect(pdfs.completion_context(odd))
    assert {finding.kind for finding in report.findings} >= {K.JAVASCRIPT}
    assert not report.unscanned
