"""What makes an action run, however its parts are spread over the file."""

import pytest

from pdfsluice.core.models.findings import (
    Finding,
    Revision,
    Severity,
    Trigger,
)
from tests.support.scanning import Scanned, scan_bytes
from tests.support.shares import share

HEAD = b"%PDF-1.7\n"
JS = b"<</S/JavaScript/JS(app.alert\\(1\\))>>"


def scan(*objects: bytes, tail: bytes = b"") -> Scanned:
    numbered = (b"%d 0 obj %s endobj\n" % (i, body) for i, body in enumerate(objects, 1))
    return scan_bytes(HEAD + b"".join(numbered) + tail)


def only(scanned: Scanned, kind: str) -> Finding:
    findings = scanned.of(kind)
    assert len(findings) == 1
    return findings[0]


@pytest.mark.parametrize(
    ("objects", "trigger"),
    [
        ([b"<</Type/Catalog/OpenAction 2 0 R>>", JS], Trigger.OPEN),
        ([b"<</Type/Catalog/OpenAction" + JS + b">>"], Trigger.OPEN),
        ([JS, b"<</Type/Catalog/OpenAction 1 0 R>>"], Trigger.OPEN),
        ([b"<</Type/Catalog/AA<</WC 2 0 R>>>>", JS], Trigger.CLOSE),
        ([b"<</Type/Catalog/AA<</WS 2 0 R>>>>", JS], Trigger.SAVE),
        ([b"<</Type/Catalog/AA<</DS" + JS + b">>>>"], Trigger.SAVE),
        ([JS, b"<</Type/Catalog/AA<</WP 1 0 R>>>>"], Trigger.PRINT),
        ([b"<</Type/Catalog/AA 2 0 R>>", b"<</DP 3 0 R>>", JS], Trigger.PRINT),
        ([b"<</Type/Catalog/AA<</DP 2 0 R/WC 2 0 R>>>>", JS], Trigger.CLOSE),
        ([b"<</Type/Catalog/AA<</WP 2 0 R>>/OpenAction 2 0 R>>", JS], Trigger.OPEN),
        ([b"<</Subtype/Widget/FT/Tx/AA<</PO 2 0 R>>>>", JS], Trigger.PAGE),
        ([b"<</OpenAction 2 0 R>>", b"<</S/GoTo/Next 3 0 R>>", JS], Trigger.OPEN),
        ([b"<</OpenAction 2 0 R>>", b"<</S/GoTo/Next[3 0 R]>>", JS], Trigger.OPEN),
        ([b"<</Names<</JavaScript 2 0 R>>>>", b"<</Names[(a) 3 0 R]>>", JS], Trigger.NAMED),
        (
            [b"<</JavaScript<</Kids[2 0 R]>>>>", b"<</Kids[3 0 R]>>", b"<</Names[(a) 4 0 R]>>", JS],
            Trigger.NAMED,
        ),
        ([b"<</Names[(a)" + JS + b"]>>", b"<</Names<</JavaScript 1 0 R>>>>"], Trigger.NAMED),
        ([b"<</Type/Page/AA<</O 2 0 R>>>>", JS], Trigger.PAGE),
        ([b"<</Type/Page/AA 2 0 R>>", b"<</C 3 0 R>>", JS], Trigger.PAGE),
        ([b"<</FT/Tx/AA<</K 2 0 R>>>>", JS], Trigger.FIELD),
        ([b"<</Subtype/Link/A" + JS + b">>"], Trigger.CLICK),
        ([b"<</Subtype/Link/A 2 0 R>>", JS, b"<</OpenAction 2 0 R>>"], Trigger.OPEN),
        ([JS], None),
    ],
)
def test_trigger(objects: list[bytes], trigger: Trigger | None) -> None:
    assert only(scan(*objects), "javascript").trigger is trigger


@pytest.mark.parametrize(
    ("event", "trigger"),
    [(b"WC", "closed"), (b"WS", "saved"), (b"DS", "saved"), (b"WP", "printed"), (b"DP", "printed")],
)
def test_what_runs_at_the_end_is_as_grave_and_has_its_moment(event: bytes, trigger: str) -> None:
    scanned = scan(b"<</Type/Catalog/AA<</" + event + JS + b">>>>")
    for kind in ("javascript", "additional_actions"):
        assert only(scanned, kind).message.endswith(f"; it runs when the document is {trigger}.")
    assert only(scanned, "javascript").severity is Severity.HIGH


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        (b"<</S/URI/URI(http://a.example)>>", "external_references_uri"),
        (b"<</S/GoToR/F(a)>>", "goto_remote"),
    ],
)
def test_a_destination_opens(action: bytes, kind: str) -> None:
    found = only(scan(b"<</OpenAction" + action + b">>"), kind)
    assert found.message.endswith("; it opens when the document is opened.")


def test_what_runs_by_itself_is_graver() -> None:
    by_itself = only(scan(b"<</OpenAction" + JS + b">>"), "javascript")
    by_click = only(scan(b"<</A" + JS + b">>"), "javascript")
    assert (by_itself.severity, by_click.severity) == (Severity.HIGH, Severity.MEDIUM)
    assert "opened" in by_itself.message


def test_findings_are_reported_as_soon_as_they_are_certain() -> None:
    rest = b"%" + b"x" * 100_000 + b"\n"
    early = scan(b"<</OpenAction 2 0 R>>", JS, tail=rest).early
    assert [f.trigger for f in early if f.kind == "javascript"] == [Trigger.OPEN]


def test_a_trigger_that_becomes_known_later_is_reported_again() -> None:
    early = scan(JS, b"<</OpenAction 1 0 R>>", tail=b"%" + b"x" * 100_000 + b"\n").early
    assert [f.trigger for f in early if f.kind == "javascript"][-1] is Trigger.OPEN


def test_reference_loops_end() -> None:
    scanned = scan(
        b"<</OpenAction 2 0 R>>", b"<</S/JavaScript/JS(x)/Next 3 0 R>>", b"<</S/Launch/Next 2 0 R>>"
    )
    assert {f.trigger for f in scanned.of("launch")} == {Trigger.OPEN}


@pytest.mark.parametrize("target", [b"null", b"<<>>", b"<< >>", b"<</O null>>", b" <<\n>> "])
@pytest.mark.parametrize("before", [True, False])
def test_empty_additional_actions_are_none(target: bytes, *, before: bool) -> None:
    objects = [target, b"<</Type/Page/AA 1 0 R>>"] if before else [b"<</AA 2 0 R>>", target]
    assert "additional_actions" not in scan(*objects).kinds


def test_a_form_without_fields_is_a_form() -> None:
    assert "forms_acroform" in scan(b"<</AcroForm 2 0 R>>", b"<<>>").kinds
    assert "forms_acroform" not in scan(b"<</AcroForm 2 0 R>>", b"null").kinds
    assert "forms_acroform" not in scan(b"<</AcroForm 2 0 R>>").kinds


@pytest.mark.parametrize(
    "harmless",
    [
        b"<</Type/ExtGState/BM/Screen>>",
        b"<</Type/StructElem/S/Sound/P 3 0 R>>",
        b"<</S/URI/P 3 0 R/K[1]>>",
        b"<</Font<</JS 5 0 R>>>>",
        b"(/S /JavaScript /JS)",
        b"[/JavaScript /Launch]",
        b"<</Title(/OpenAction)>>",
        b"<</S/Transparency>>",
    ],
)
def test_words_alone_mean_nothing(harmless: bytes) -> None:
    assert scan(harmless).kinds == {"malformed"}


def test_a_later_revision_replaces_what_was() -> None:
    first = b"%PDF-1.7\n1 0 obj <</OpenAction<</S/Launch/F(x)>>>> endobj\n"
    later = b"1 0 obj <</Type/Catalog>> endobj\n"
    replaced = scan_bytes(first + later)
    assert {f.revision for f in replaced.of("launch")} == {Revision.EARLIER}
    added = scan_bytes(b"%PDF-1.7\n" + later + first[9:])
    assert {f.revision for f in added.of("launch")} == {Revision.CURRENT}


def test_a_deleted_object_belongs_to_an_earlier_revision() -> None:
    first = b"%PDF-1.7\n2 0 obj <</S/Launch/F(x)>> endobj\n"
    start = len(first)
    first += b"xref\n2 1\n%010d 00000 n \ntrailer<</Size 3/Root 9 0 R>>\n" % 9
    second = len(first)
    first += b"xref\n2 1\n0000000000 00001 f \ntrailer<</Size 3/Root 9 0 R/Prev %d>>\n" % start
    finding = only(scan_bytes(first + b"startxref\n%d\n%%%%EOF" % second), "launch")
    assert finding.revision is Revision.EARLIER


def test_many_links_are_counted_not_listed() -> None:
    link = b"<</Subtype/Link/A<</S/URI/URI(http://example.com)>>>>"
    assert len(scan(*[link] * 500).of("external_references_uri")) == 100


def test_scripts_in_streams_show_where_they_begin() -> None:
    code = b"app.alert('from a stream')"
    stream = b"<</Length %d>> stream\n%s\nendstream" % (len(code), code)
    finding = only(scan(b"<</S/JavaScript/JS 2 0 R>>", stream), "javascript")
    assert finding.excerpt == code.decode()


def test_excerpts_are_printable() -> None:
    finding = only(scan(b"<</S/JavaScript/JS(\\376\\377\\000a\\000\\012 \\000b)>>"), "javascript")
    assert finding.excerpt.isprintable()
    assert finding.excerpt.startswith("a")


def test_programs_in_attachments() -> None:
    program = b"MZ\x90\0" + bytes(60) + b"PE\0\0"
    body = b"<</Type/EmbeddedFile/Length %d>> stream\n%s\nendstream" % (len(program), program)
    assert only(scan(body), "executable").severity is Severity.CRITICAL
    spec = b"<</F(a.bin)/EF<</F 2 0 R>>>>"
    assert "executable" in scan(spec, body.replace(b"/Type/EmbeddedFile", b"")).kinds


@pytest.mark.parametrize(
    "action",
    [
        b"<</S/Launch/F(calc.exe)/P 1 0 R/K 0>>",
        b"<</S/Launch/Win<</F(calc.exe)>>/Type/StructElem>>",
        b"<</S/SubmitForm/F(http://example.com)/P 1 0 R/K 0>>",
        b"<</S/ImportData/F(x)/P 1 0 R/K 0>>",
        b"<</S/GoToR/F(x)/P 1 0 R/K 0>>",
        b"<</S/URI/URI(x)/P 1 0 R/K 0>>",
        b"<</S/Sound/Sound 9 0 R/P 1 0 R/K 0>>",
    ],
)
def test_an_action_that_looks_like_structure_as_well_is_one(action: bytes) -> None:
    scanned = scan(b"<</OpenAction 2 0 R>>", action)
    (found,) = [f for f in scanned.findings if f.trigger is Trigger.OPEN and f.object == 2]
    assert found.kind != "open_action"


@pytest.mark.parametrize("decoys", [99, 100, 5_000])
def test_decoys_do_not_crowd_out_what_runs_by_itself(decoys: int) -> None:
    last = decoys + 1
    rest = b"%" + b"x" * 100_000 + b"\n"
    scanned = scan(*[JS] * last, b"<</OpenAction %d 0 R>>" % last, tail=rest)
    (found,) = [f for f in scanned.of("javascript") if f.trigger is Trigger.OPEN]
    assert (found.object, found.severity) == (last, Severity.HIGH)
    assert {f.object for f in scanned.early if f.trigger is Trigger.OPEN} == {last, last + 1}
    assert scanned.unscanned == ()


@pytest.mark.long
@pytest.mark.parametrize(
    "objects",
    share(
        [
            [JS] * 11_000,
            [b"<</S/GoTo/JS(x)/Next %d 0 R>>" % (n + 2) for n in range(21_000)],
            [b"<</EF 90%03d 0 R>>" % (n % 1000) for n in range(11_000)],
            [b"<</EF<<" + b"/F %d 0 R" % (20_000 + n) + b">>>>" for n in range(11_000)],
        ],
        every=2,
    ),
    ids=["scripts", "chains", "attachments to come", "attached streams"],
)
def test_what_is_too_much_to_remember_is_reported(objects: list[bytes]) -> None:
    assert "crowd" in {u.reason for u in scan(*objects).unscanned}
