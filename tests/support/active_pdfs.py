"""Small PDFs with active content, made with pikepdf for each test."""

import io
import re
import zipfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, Stream, String

from pdfsluice.core.models.findings import Finding, StageReport
from pdfsluice.core.models.sessions import Protocol, Session, SessionState
from pdfsluice.core.plugins.ports.stages import CompletionContext

Change = Callable[[Pdf], None]
InspectPdf = Callable[..., Awaitable[StageReport]]


def javascript(script: str = "app.alert(1)") -> Dictionary:
    return Dictionary(S=Name.JavaScript, JS=String(script))


def make(*changes: Change, pages: int = 1) -> Pdf:
    """Return a document with empty pages and some changes."""
    pdf = Pdf.new()
    for _ in range(pages):
        pdf.add_blank_page()
    for change in changes:
        change(pdf)
    return pdf


def write(path: Path, *changes: Change, **save: Any) -> Path:
    """Write such a document."""
    with make(*changes) as pdf:
        pdf.save(path, **save)
    return path


def opens_with(action: Dictionary) -> Change:
    def change(pdf: Pdf) -> None:
        pdf.Root.OpenAction = pdf.make_indirect(action)

    return change


def named_script(pdf: Pdf) -> None:
    tree = Dictionary(Kids=Array([pdf.make_indirect(
        Dictionary(Names=Array([String("a"), pdf.make_indirect(javascript("named()"))]))
    )]))  # fmt: skip
    pdf.Root.Names = Dictionary(JavaScript=tree)


def page_script(pdf: Pdf) -> None:
    pdf.pages[0].obj.AA = Dictionary(O=javascript("page()"))


def document_event(event: str, action: Dictionary) -> Change:
    def change(pdf: Pdf) -> None:
        pdf.Root.AA = Dictionary({f"/{event}": action})

    return change


def annotation(**entries: Any) -> Change:
    def change(pdf: Pdf) -> None:
        found = Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=[0, 0, 1, 1])
        for key, value in entries.items():
            found[f"/{key}"] = value
        annotations = list(pdf.pages[0].obj.get("/Annots", Array()))
        pdf.pages[0].obj.Annots = Array([*annotations, pdf.make_indirect(found)])

    return change


def field(**entries: Any) -> Change:
    def change(pdf: Pdf) -> None:
        widget = pdf.make_indirect(
            Dictionary(Type=Name.Annot, Subtype=Name.Widget, FT=Name.Tx, T=String("f"))
        )
        for key, value in entries.items():
            widget[f"/{key}"] = value
        pdf.pages[0].obj.Annots = Array([widget])
        pdf.Root.AcroForm = Dictionary(Fields=Array([widget]))

    return change


def attached(content: bytes, name: str = "file.bin", **stream: Any) -> Change:
    def change(pdf: Pdf) -> None:
        embedded = Stream(pdf, content, **stream)
        embedded.Type = Name.EmbeddedFile
        specification = pdf.make_indirect(
            Dictionary(
                Type=Name.Filespec,
                F=String(name),
                UF=String(name),
                EF=Dictionary(F=pdf.make_indirect(embedded)),
            )
        )
        pdf.Root.Names = Dictionary(
            EmbeddedFiles=Dictionary(Names=Array([String(name), specification]))
        )

    return change


def office_archive(*names: str) -> bytes:
    """Return a zip archive with empty members."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    return target.getvalue()


def windows_program() -> bytes:
    """Return the headers of a PE file, which no system would run."""
    return b"MZ".ljust(0x3C, b"\0") + (0x80).to_bytes(4, "little").ljust(0x44, b"\0") + b"PE\0\0"


OBJECT_STREAMS: dict[str, Any] = {
    "object_stream_mode": pikepdf.ObjectStreamMode.generate,
}


def completion_context(path: Path, *known: Finding) -> CompletionContext:
    """Return the context that a completion stage gets of a finished upload."""
    now = datetime(2030, 1, 1, tzinfo=UTC)
    session = Session(
        id="s",
        owner="local",
        client_id="c",
        filename="f.pdf",
        total_size=1,
        chunk_size=1,
        protocol=Protocol.REST,
        created_at=now,
        updated_at=now,
        expires_at=now,
        state=SessionState.VALIDATING,
        findings=known,
    )
    return CompletionContext(session=session, path=path)


def with_xref(body: bytes, extra: bytes = b"") -> bytes:
    offsets = [match.start() for match in re.finditer(rb"^\d+ 0 obj", body, re.MULTILINE)]
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(offsets) + 1
    return (
        body
        + b"xref\n0 %d\n0000000000 65535 f \n%strailer<</Size %d/Root 1 0 R%s>>\n"
        % (
            size,
            table,
            size,
            extra,
        )
        + b"startxref\n%d\n%%%%EOF\n" % len(body)
    )
