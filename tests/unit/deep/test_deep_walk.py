"""The deep pass sees what is active in a file, and nothing else."""

import re
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, Stream, String

from pdfsluice.core.models.findings import (
    Finding,
    FindingKind,
    Severity,
    StageReport,
    Trigger,
    Unscanned,
)
from pdfsluice.core.scanning.merging import merge_reports
from pdfsluice.plugins.pdf.deep.stage import DeepStage
from tests.support import active_pdfs as pdfs


async def inspect(stage: DeepStage, path: Path, *known: Finding) -> StageReport:
    return await stage.inspect(pdfs.completion_context(path, *known))


def told(report: StageReport) -> set[tuple[str, str | None]]:
    return {(finding.kind, finding.trigger) for finding in report.findings}


K = FindingKind
T = Trigger


def cases() -> list[tuple[str, list[pdfs.Change], set[tuple[str, str | None]]]]:
    """Return new cases: an object belongs to the one document it was put into."""
    return [
        ("plain", [], set()),
        (
            "opens with a script",
            [pdfs.opens_with(pdfs.javascript())],
            {(K.JAVASCRIPT, T.OPEN), (K.OPEN_ACTION, T.OPEN)},
        ),
        (
            "opens with a chain",
            [
                pdfs.opens_with(
                    Dictionary(S=Name.GoTo, D=Array([0, Name.Fit]), Next=Array([pdfs.javascript()]))
                )
            ],
            {(K.JAVASCRIPT, T.OPEN), (K.OPEN_ACTION, T.OPEN)},
        ),
        ("named script", [pdfs.named_script], {(K.JAVASCRIPT, T.NAMED)}),
        (
            "page script",
            [pdfs.page_script],
            {(K.JAVASCRIPT, T.PAGE), (K.ADDITIONAL_ACTIONS, T.PAGE)},
        ),
        (
            "field script",
            [pdfs.field(AA=Dictionary(K=pdfs.javascript()))],
            {(K.JAVASCRIPT, T.FIELD), (K.ADDITIONAL_ACTIONS, T.FIELD), (K.FORMS_ACROFORM, None)},
        ),
        (
            "widget that runs when its page is shown",
            [pdfs.field(AA=Dictionary(PO=pdfs.javascript()))],
            {(K.JAVASCRIPT, T.PAGE), (K.ADDITIONAL_ACTIONS, T.FIELD), (K.FORMS_ACROFORM, None)},
        ),
        ("clicked script", [pdfs.annotation(A=pdfs.javascript())], {(K.JAVASCRIPT, T.CLICK)}),
        (
            "link",
            [pdfs.annotation(A=Dictionary(S=Name.URI, URI=String("https://example.org/")))],
            {(K.EXTERNAL_REFERENCES_URI, T.CLICK)},
        ),
        (
            "launch",
            [pdfs.annotation(A=Dictionary(S=Name.Launch, Win=Dictionary(F=String("cmd.exe"))))],
            {(K.LAUNCH, T.CLICK)},
        ),
        (
            "submit",
            [pdfs.annotation(A=Dictionary(S=Name.SubmitForm, F=String("http://example.org")))],
            {(K.SUBMIT_FORM, T.CLICK)},
        ),
        (
            "remote go-to",
            [pdfs.annotation(A=Dictionary(S=Name.GoToR, F=String("other.pdf"), D=String("x")))],
            {(K.GOTO_REMOTE, T.CLICK)},
        ),
        (
            "import",
            [pdfs.annotation(A=Dictionary(S=Name.ImportData, F=String("data.fdf")))],
            {(K.IMPORT_DATA, T.CLICK)},
        ),
        (
            "rendition with a script",
            [pdfs.annotation(A=Dictionary(S=Name.Rendition, OP=0, JS=String("x()")))],
            {(K.RICH_MEDIA, T.CLICK), (K.JAVASCRIPT, T.CLICK)},
        ),
        ("film", [pdfs.annotation(Subtype=Name.Screen)], {(K.RICH_MEDIA, None)}),
        ("attachment", [pdfs.attached(b"some text")], {(K.EMBEDDED_FILES, None)}),
        (
            "nothing but names",
            [
                pdfs.annotation(AA=Dictionary()),
                pdfs.annotation(Border=Dictionary(S=Name.JavaScript)),
                pdfs.annotation(GS=Dictionary(BM=Name.Screen)),
                pdfs.annotation(A=Dictionary(S=Name.GoTo, D=Array([0, Name.Fit]))),
                pdfs.annotation(Contents=String("/S /JavaScript /JS (app.alert)")),
                pdfs.annotation(EF=Dictionary()),
            ],
            set(),
        ),
    ]


@pytest.mark.parametrize("hidden", [False, True], ids=["plain", "in object streams"])
async def test_kinds_and_triggers(stage: DeepStage, tmp_path: Path, hidden: bool) -> None:
    """All cases share one child: nothing of one file may show in the next."""
    for name, changes, expected in cases():
        save = pdfs.OBJECT_STREAMS if hidden else {}
        report = await inspect(stage, pdfs.write(tmp_path / "f.pdf", *changes, **save))
        assert told(report) == expected, name
        assert report.unscanned == (), name
        assert report.settles == {"pdf-structure", "pdf-security"}, name
        assert report.facts["page_count"] == 1, name
        if hidden:
            assert any(f.hidden for f in report.findings) is bool(expected), name
        for finding in report.findings:
            assert finding.message.endswith("."), name
            assert finding.advice, name


async def test_a_script_is_reported_with_its_place_and_beginning(
    stage: DeepStage, tmp_path: Path
) -> None:
    script = "app.alert('\u202egnp.exe')\n\x00" + "x" * 5000
    path = pdfs.write(tmp_path / "f.pdf", pdfs.opens_with(pdfs.javascript(script)))
    report = await inspect(stage, path)
    (found,) = [f for f in report.findings if f.kind == K.JAVASCRIPT]
    with Pdf.open(path) as pdf:
        assert found.object == pdf.Root.OpenAction.objgen[0]
    assert found.severity is Severity.HIGH
    assert found.excerpt.startswith("app.alert('gnp.exe') xxx")
    assert len(found.excerpt) <= 160
    assert found.message.isprintable()


async def test_a_name_after_a_reference_does_not_hide_an_action(
    stage: DeepStage, tmp_path: Path
) -> None:
    def change(pdf: Pdf) -> None:
        action = pdfs.javascript()
        action.S = pdf.make_indirect(Name.JavaScript)
        action.JS = pdf.make_indirect(String("app.alert(2)"))
        pdf.Root.OpenAction = pdf.make_indirect(action)

    report = await inspect(stage, pdfs.write(tmp_path / "f.pdf", change))
    assert (K.JAVASCRIPT, T.OPEN) in told(report)


async def test_a_script_in_a_stream_is_read(stage: DeepStage, tmp_path: Path) -> None:
    def change(pdf: Pdf) -> None:
        code = pdf.make_indirect(Stream(pdf, b"this.print()"))
        pdf.Root.OpenAction = Dictionary(S=Name.JavaScript, JS=code)

    report = await inspect(stage, pdfs.write(tmp_path / "f.pdf", change))
    (found,) = [f for f in report.findings if f.kind == K.JAVASCRIPT]
    assert found.excerpt == "this.print()"


async def test_what_nothing_leads_to_is_seen_and_has_no_trigger(
    stage: DeepStage, tmp_path: Path
) -> None:
    body = (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Resources<<>>>>endobj\n"
        b"4 0 obj<</S/JavaScript/JS(orphan\\(\\))>>endobj\n"
    )
    path = tmp_path / "f.pdf"
    path.write_bytes(pdfs.with_xref(body))
    report = await inspect(stage, path)
    assert told(report) == {(K.JAVASCRIPT, None)}


async def test_loops_end(stage: DeepStage, tmp_path: Path) -> None:
    def change(pdf: Pdf) -> None:
        action = pdf.make_indirect(pdfs.javascript())
        action.Next = action
        kids = pdf.make_indirect(Dictionary(Names=Array([String("a"), action])))
        kids.Kids = Array([kids])
        pdf.Root.Names = Dictionary(JavaScript=kids)
        item = pdf.make_indirect(Dictionary(Title=String("t"), A=action))
        item.Next = item
        item.First = item
        pdf.Root.Outlines = Dictionary(First=item)

    report = await inspect(stage, pdfs.write(tmp_path / "f.pdf", change))
    assert told(report) == {(K.JAVASCRIPT, T.NAMED), (K.JAVASCRIPT, T.CLICK)}


async def test_many_links_are_reported_by_a_few(stage: DeepStage, tmp_path: Path) -> None:
    link = Dictionary(S=Name.URI, URI=String("https://example.org/"))
    changes = [pdfs.annotation(A=link) for _ in range(300)]
    changes.append(pdfs.opens_with(pdfs.javascript()))
    report = await inspect(stage, pdfs.write(tmp_path / "f.pdf", *changes))
    assert sum(f.kind == K.EXTERNAL_REFERENCES_URI for f in report.findings) == 200
    assert (K.JAVASCRIPT, T.OPEN) in told(report)


async def test_facts(stage: DeepStage, tmp_path: Path) -> None:
    def change(pdf: Pdf) -> None:
        pdf.docinfo.Title = "Ein\n Titel \u202e" + "x" * 2000
        pdf.docinfo.Author = "Ødegård\x07"
        pdf.docinfo.CreationDate = "D:20240229123000+01'00'"
        pdf.docinfo.ModDate = "yesterday"

    path = tmp_path / "f.pdf"
    with pdfs.make(change, pages=3) as pdf:
        pdf.save(path, force_version="1.6")
    facts = (await inspect(stage, path)).facts
    assert facts["page_count"] == 3
    assert facts["pdf_version"] == "1.6"
    metadata = facts["metadata"]
    assert metadata["title"].startswith("Ein Titel xxx")
    assert len(metadata["title"]) == 500
    assert metadata["author"] == "Ødegård"
    assert metadata["created"] == "2024-02-29T12:30:00+01:00"
    assert "modified" not in metadata


@pytest.mark.parametrize("revision", [2, 3, 4, 6])
async def test_the_empty_password_is_tried(
    stage: DeepStage, tmp_path: Path, revision: Literal[2, 3, 4, 6]
) -> None:
    lock = pikepdf.Encryption(owner="owner", user="", R=revision, aes=revision >= 4,
                              metadata=revision >= 4)  # fmt: skip
    path = pdfs.write(
        tmp_path / "f.pdf",
        pdfs.opens_with(pdfs.javascript()),
        encryption=lock,
        **(pdfs.OBJECT_STREAMS if revision >= 4 else {}),
    )
    report = await inspect(stage, path)
    assert (K.JAVASCRIPT, T.OPEN) in told(report)
    (found,) = [f for f in report.findings if f.kind == K.ENCRYPTED]
    assert found.severity is Severity.INFO, "it was checked; nothing needs to be done"
    assert "without a password" in found.message
    assert report.settles
    assert not report.unscanned


async def test_a_password_leaves_the_file_unscanned(stage: DeepStage, tmp_path: Path) -> None:
    lock = pikepdf.Encryption(owner="owner", user="secret")
    path = pdfs.write(tmp_path / "f.pdf", pdfs.opens_with(pdfs.javascript()), encryption=lock)
    report = await inspect(stage, path)
    assert told(report) == {(K.ENCRYPTED, None)}
    assert [u.reason for u in report.unscanned] == ["password"]
    assert not report.settles


@pytest.mark.parametrize(
    "content",
    [b"", b"not a PDF", b"%PDF-1.7\n", b"%PDF-1.7\n" + bytes(range(256)) * 50],
    ids=["empty", "text", "header", "noise"],
)
async def test_what_cannot_be_opened_is_a_finding(
    stage: DeepStage, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "f.pdf"
    path.write_bytes(content)
    report = await inspect(stage, path)
    assert told(report) == {(K.MALFORMED, None), (K.UNREAD, None)}
    assert all(found.severity is Severity.HIGH for found in report.findings)
    assert report.unscanned
    assert not report.settles


async def test_damage_is_reported_once_and_not_again_if_its_place_is_known(
    stage: DeepStage, tmp_path: Path
) -> None:
    whole = pdfs.write(tmp_path / "f.pdf").read_bytes()
    path = tmp_path / "g.pdf"
    path.write_bytes(whole.replace(b"startxref\n", b"startxref\n9"))
    report = await inspect(stage, path)
    assert told(report) == {(K.MALFORMED, None)}
    known = Finding(kind=K.MALFORMED, severity=Severity.LOW, stage="s", message="m", offset=5)
    again = await inspect(stage, path, known)
    assert again.findings == ()


async def test_a_broken_page_tree_is_damage(stage: DeepStage, tmp_path: Path) -> None:
    body = (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[2 0 R]/Count 1>>endobj\n"
    )
    path = tmp_path / "f.pdf"
    path.write_bytes(pdfs.with_xref(body))
    report = await inspect(stage, path)
    assert (K.MALFORMED, None) in told(report)


def _object_stream(entries: bytes, data: bytes) -> bytes:
    """Return a file whose opening action is in the newer of two object streams 5."""
    body = (
        b"%%PDF-1.5\n5 0 obj<</Type/ObjStm>>endobj\n"
        b"1 0 obj<</Type/Catalog/Pages 2 0 R/OpenAction 4 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Resources<<>>>>endobj\n"
        b"5 0 obj<</Type/ObjStm/N 1/First 4/Length %d%s>>stream\n%s\nendstream endobj\n"
    ) % (len(data), entries, data)
    offsets = {int(m[1]): m.start() for m in re.finditer(rb"^(\d) 0 obj", body, re.MULTILINE)}
    offsets[6] = len(body)
    rows = [bytes(5)] + [b"\1" + offsets.get(n, 0).to_bytes(3, "big") + b"\0" for n in range(1, 7)]
    rows[4] = b"\2" + (5).to_bytes(3, "big") + b"\0"
    table = b"".join(rows)
    return body + (
        b"6 0 obj<</Type/XRef/Size 7/W[1 3 1]/Root 1 0 R/Length %d>>stream\n%s\nendstream endobj\n"
        b"startxref\n%d\n%%%%EOF\n" % (len(table), table, len(body))
    )


INNER = b"4 0 <</S/JavaScript/JS(x)>>"


async def test_an_object_stream_that_can_be_read_hides_nothing(
    stage: DeepStage, tmp_path: Path
) -> None:
    path = tmp_path / "f.pdf"
    path.write_bytes(_object_stream(b"/Filter/FlateDecode", zlib.compress(INNER)))
    report = await inspect(stage, path)
    assert told(report) == {(K.JAVASCRIPT, T.OPEN), (K.OPEN_ACTION, T.OPEN)}
    assert not report.unscanned


@pytest.mark.parametrize(
    ("entries", "compress"),
    [
        (b"/Filter/Unknown", zlib.compress),
        (b"/Filter/FlateDecode", lambda _: b"\x78\x9c" + b"\xff" * 40),
        (b"/Filter/FlateDecode", lambda data: zlib.compress(data)[:14]),
        (b"/Filter/FlateDecode", lambda data: zlib.compress(data + bytes(80 << 20))),
    ],
    ids=["unknown filter", "damaged", "cut off", "too large"],
)
async def test_what_is_in_an_unreadable_object_stream_is_not_taken_for_clean(
    stage: DeepStage, tmp_path: Path, entries: bytes, compress: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "f.pdf"
    path.write_bytes(_object_stream(entries, compress(INNER)))
    report = await inspect(stage, path)
    assert [(item.reason, item.object) for item in report.unscanned] == [("object-stream", 5)]
    assert (K.MALFORMED, None) in told(report)


async def test_only_doubts_about_what_was_seen_are_settled(
    stage: DeepStage, tmp_path: Path
) -> None:
    path = tmp_path / "f.pdf"
    path.write_bytes(_object_stream(b"/Filter/FlateDecode", zlib.compress(INNER)))
    first, second = (m.start() for m in re.finditer(b"5 0 obj", path.read_bytes()))
    seen = Unscanned(stage="pdf-security", reason="encrypted", message="m", object=5, offset=second)
    earlier = replace(seen, offset=first)
    context = pdfs.completion_context(path)
    session = replace(context.session, unscanned=(seen, earlier))
    streamed = StageReport(unscanned=session.unscanned)
    report = await stage.inspect(replace(context, session=session))
    assert merge_reports([streamed, report]).unscanned == (earlier,)


async def test_names_of_any_bytes_hide_nothing(stage: DeepStage, tmp_path: Path) -> None:
    odd = b"/X\x80 /\xff\xfe"
    body = (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R/AA<</WC 4 0 R" + odd + b">>>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Resources<<>>/Annots[5 0 R]>>endobj\n"
        b"4 0 obj<</S/J#61vaScript/JS(\xff\x80)" + odd + b">>endobj\n"
        b"5 0 obj<</Type/\x80/Subtype/\x81/A<</S/Launch/F(\xfe\xff\xd8)" + odd + b">>>>endobj\n"
    )
    path = tmp_path / "f.pdf"
    path.write_bytes(pdfs.with_xref(body))
    report = await inspect(stage, path)
    assert told(report) == {
        (K.ADDITIONAL_ACTIONS, T.CLOSE),
        (K.JAVASCRIPT, T.CLOSE),
        (K.LAUNCH, T.CLICK),
    }
    assert not report.unscanned
