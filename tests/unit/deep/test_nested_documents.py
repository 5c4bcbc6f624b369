"""PDFs that are attached to PDFs are inspected like the document itself."""

import io
from pathlib import Path

import pikepdf
from pikepdf import Dictionary, Name, Pdf, String

from pdfsluice.core.models.findings import (
    Decision,
    Finding,
    FindingKind,
    Severity,
    StageReport,
    Trigger,
)
from pdfsluice.core.scanning.merging import merge_reports
from pdfsluice.plugins.pdf.deep import nested
from pdfsluice.plugins.pdf.deep.attachments import AttachedPdf
from pdfsluice.plugins.policy.options import PolicyOptions
from pdfsluice.plugins.policy.policy import RulesPolicy
from tests.support import active_pdfs as pdfs

K = FindingKind
T = Trigger


def inner(*changes: pdfs.Change) -> bytes:
    """Return a whole document."""
    target = io.BytesIO()
    with pdfs.make(*changes) as pdf:
        pdf.save(target)
    return target.getvalue()


def told(report: StageReport) -> set[tuple[str, str | None]]:
    return {(f.kind, f.trigger) for f in report.findings if "attachment" in f.details}


def one(report: StageReport, kind: FindingKind) -> Finding:
    (found,) = [f for f in report.findings if f.kind == kind]
    return found


def verdict(report: StageReport) -> Decision:
    policy = RulesPolicy(PolicyOptions.model_validate({}))
    session = pdfs.completion_context(Path("f.pdf")).session
    return max((policy.decide(found, session) for found in report.findings), default=Decision.NOTE)


def opens(pdf: Pdf) -> None:
    pdfs.opens_with(pdfs.javascript("inner()"))(pdf)


def launches(pdf: Pdf) -> None:
    pdfs.annotation(A=Dictionary(S=Name.Launch, F=String("cmd.exe")))(pdf)


async def test_a_script_in_an_attached_pdf_is_reported_with_its_place(
    inspect_pdf: pdfs.InspectPdf,
) -> None:
    report = await inspect_pdf(pdfs.attached(inner(opens), "inner.pdf"))
    found = one(report, K.JAVASCRIPT)
    assert found.message == (
        "In the attachment 'inner.pdf': The document contains a script (JavaScript);"
        " it runs when the document is opened."
    )
    assert found.trigger is T.CLICK
    assert found.severity is Severity.MEDIUM
    assert found.excerpt == "inner()"
    assert found.object is None
    assert found.offset is not None
    assert found.details["attachment"] == "inner.pdf"
    assert report.unscanned == ()
    assert verdict(report) is Decision.FLAG


async def test_what_is_harmless_in_an_attached_pdf_is_not_reported(
    inspect_pdf: pdfs.InspectPdf,
) -> None:
    link = pdfs.annotation(A=Dictionary(S=Name.URI, URI=String("https://example.org/")))
    report = await inspect_pdf(pdfs.attached(inner(link, pdfs.field()), "inner.pdf"))
    assert [f.kind for f in report.findings] == [K.EMBEDDED_FILES]
    assert report.unscanned == ()


async def test_an_attached_pdf_that_starts_programs_is_refused(
    inspect_pdf: pdfs.InspectPdf,
) -> None:
    report = await inspect_pdf(pdfs.attached(inner(launches), "inner.pdf"))
    assert told(report) == {(K.LAUNCH, T.CLICK)}
    assert verdict(report) is Decision.REJECT


async def test_an_attached_pdf_that_opens_by_itself_runs_by_itself(
    inspect_pdf: pdfs.InspectPdf,
) -> None:
    goes = pdfs.opens_with(
        Dictionary(S=Name.GoToE, T=Dictionary(R=Name.C, N=String("inner.pdf")), D=String("x"))
    )
    report = await inspect_pdf(pdfs.attached(inner(opens), "inner.pdf"), goes)
    assert told(report) == {(K.JAVASCRIPT, T.OPEN)}
    assert verdict(report) is Decision.REJECT


async def test_attachments_of_attachments_are_inspected_up_to_a_depth(
    inspect_pdf: pdfs.InspectPdf,
) -> None:
    content = inner(opens)
    for depth in range(1, nested.MAX_DEPTH + 2):
        name = f"level{depth}.pdf"
        report = await inspect_pdf(pdfs.attached(content, name))
        scripts = [f for f in report.findings if f.kind == K.JAVASCRIPT]
        if depth <= nested.MAX_DEPTH:
            assert scripts[0].details["attachment"] == "/".join(
                f"level{n}.pdf" for n in range(depth, 0, -1)
            )
            assert report.unscanned == ()
        else:
            assert scripts == []
            assert [u.reason for u in report.unscanned] == ["nested-document"]
        content = inner(pdfs.attached(content, name))


def test_the_number_and_the_size_of_attached_pdfs_are_limited() -> None:
    small = AttachedPdf(name="a", object=1, content=b"%PDF-")
    nesting = nested.Nesting(documents=2)
    assert [nesting.take(small) for _ in range(3)] == [True, True, False]
    assert not nested.Nesting(size=4).take(small)


async def test_what_cannot_be_opened_is_not_taken_for_clean(
    inspect_pdf: pdfs.InspectPdf,
) -> None:
    report = await inspect_pdf(pdfs.attached(b"%PDF-1.7 ...", "inner.pdf"))
    assert {u.reason for u in report.unscanned} == {"nested-document"}
    assert all("inner.pdf" in u.message for u in report.unscanned)
    assert told(report) == {(K.MALFORMED, None)}
    assert one(report, K.MALFORMED).excerpt.startswith("unable to find trailer")


async def test_damage_of_an_attached_pdf_is_reported(inspect_pdf: pdfs.InspectPdf) -> None:
    report = await inspect_pdf(pdfs.attached(b"junk" + inner(opens)[:300], "inner.pdf"))
    assert (K.MALFORMED, None) in told(report)


async def test_an_attached_pdf_with_a_password_is_not_taken_for_clean(
    inspect_pdf: pdfs.InspectPdf,
) -> None:
    target = io.BytesIO()
    with pdfs.make(opens) as pdf:
        pdf.save(target, encryption=pikepdf.Encryption(owner="o", user="u"))
    report = await inspect_pdf(pdfs.attached(target.getvalue(), "inner.pdf"))
    (entry,) = report.unscanned
    assert entry.reason == "nested-document"
    assert "password" in entry.message


async def test_findings_of_an_attached_pdf_do_not_mix_with_those_of_the_document(
    inspect_pdf: pdfs.InspectPdf,
) -> None:
    def same_number(pdf: Pdf) -> None:
        pdf.pages[0].obj.AA = Dictionary(O=pdfs.javascript("outer()"))

    report = await inspect_pdf(pdfs.attached(inner(opens), "inner.pdf"), same_number)
    merged = merge_reports([report])
    scripts = {f.trigger: f.excerpt for f in merged.findings if f.kind == K.JAVASCRIPT}
    assert scripts == {T.PAGE: "outer()", T.CLICK: "inner()"}
