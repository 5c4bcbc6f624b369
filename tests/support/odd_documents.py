"""Documents whose text is not simply the text of their pages."""

import io
import subprocess
from collections.abc import Callable
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, String

from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.browsers import find_browser


def changed(data: bytes, change: Callable[[pikepdf.Pdf], None]) -> bytes:
    """Return a PDF after a change of its objects."""
    with pikepdf.open(io.BytesIO(data)) as pdf:
        change(pdf)
        buffer = io.BytesIO()
        pdf.save(buffer)
    return buffer.getvalue()


def filled_form(*, look: bool) -> bytes:
    """A form with values of each kind, with or without a look."""

    def fill(pdf: pikepdf.Pdf) -> None:
        helvetica = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
        widgets = [
            _widget(1, FT=Name.Tx, T=String("surname"), V=String("Lovelace")),
            _widget(2, FT=Name.Tx, T=String("pin"), V=String("s3cret"), Ff=1 << 13),
            _widget(3, FT=Name.Tx, T=String("gone"), V=String("invisible"), F=2),
            _widget(4, FT=Name.Ch, T=String("city"), V=String("Oslo"), Opt=Array(["Oslo", "Rome"])),
        ]
        parent = pdf.make_indirect(Dictionary(FT=Name.Tx, T=String("note"), V=String("inherited")))
        child = _widget(5, Parent=parent)
        references = [pdf.make_indirect(widget) for widget in (*widgets, child)]
        parent.Kids = Array([references[-1]])
        if look:
            for reference, text in zip(
                references, ("Lovelace", "****", "", "Oslo", "x"), strict=True
            ):
                form = pdf.make_stream(f"BT /Helv 18 Tf 2 8 Td ({text}) Tj ET".encode())
                form.Type, form.Subtype, form.BBox = Name.XObject, Name.Form, Array([0, 0, 200, 30])
                form.Resources = Dictionary(Font=Dictionary(Helv=helvetica))
                reference.AP = Dictionary(N=form)
        pdf.pages[0].Annots = Array(references)
        pdf.Root.AcroForm = Dictionary(
            Fields=Array([*references[:-1], parent]),
            DA=String("/Helv 18 Tf 0 g"),
            DR=Dictionary(Font=Dictionary(Helv=pdf.make_indirect(helvetica))),
        )

    return changed(make_pdf([""]), fill)


def _widget(row: int, **entries: object) -> Dictionary:
    widget = Dictionary(
        Type=Name.Annot, Subtype=Name.Widget, Rect=Array([50, 700 - 40 * row, 250, 730 - 40 * row])
    )
    for key, value in {"F": 4, "DA": String("/Helv 18 Tf 0 g"), **entries}.items():
        widget[f"/{key}"] = value
    return widget


def text_box(text: str) -> bytes:
    """A page with a free text annotation and a comment, and nothing else."""

    def annotate(pdf: pikepdf.Pdf) -> None:
        pdf.pages[0].Annots = Array(
            [
                _annotation(Name.FreeText, text),
                _annotation(Name.Highlight, "a remark"),
                _annotation(Name.FreeText, "hidden", flags=2),
            ]
        )

    return changed(make_pdf([""]), annotate)


def _annotation(subtype: Name, text: str, *, flags: int = 4) -> Dictionary:
    return Dictionary(
        Type=Name.Annot,
        Subtype=subtype,
        Rect=Array([50, 300, 250, 330]),
        Contents=String(text),
        DA=String("/Helv 18 Tf 0 g"),
        F=flags,
    )


def lying_tree(texts: list[str], count: int) -> bytes:
    """A document whose page tree counts so many pages, whatever it has."""
    data = make_pdf(texts, compress=False)
    truth = b"/Type /Pages /Count %d " % len(texts)
    return data.replace(truth, b"/Type /Pages /Count %d " % count)


def unmapped_font(texts: list[str], garbled: int) -> bytes:
    """A document one page of which has a font that maps no glyph to a character."""

    def spoil(pdf: pikepdf.Pdf) -> None:
        page = pdf.pages[garbled - 1]
        font = pdf.make_indirect(
            Dictionary(
                Type=Name.Font,
                Subtype=Name.Type0,
                BaseFont=Name("/ABCDEF+Any"),
                Encoding=Name("/Identity-H"),
                DescendantFonts=Array(
                    [
                        Dictionary(
                            Type=Name.Font,
                            Subtype=Name.CIDFontType2,
                            BaseFont=Name("/ABCDEF+Any"),
                            CIDSystemInfo=Dictionary(
                                Registry=String("Adobe"), Ordering=String("Identity"), Supplement=0
                            ),
                        )
                    ]
                ),
            )
        )
        page.Resources.Font = Dictionary(F=font)
        codes = b"".join(b"%04x" % (5 + number * 7 % 60) for number in range(80))
        page.Contents = pdf.make_stream(b"BT /F 10 Tf 50 700 Td <" + codes + b"> Tj ET")

    return changed(make_pdf(texts), spoil)


def portfolio(*, encrypted: bool = False) -> bytes:
    """A portfolio of two files, or a wrapper around an encrypted document."""

    def attach(pdf: pikepdf.Pdf) -> None:
        for name in ("one.pdf",) if encrypted else ("one.pdf", "two.pdf"):
            pdf.attachments[name] = make_pdf([f"inside {name}"])
        if encrypted:
            pdf.attachments["one.pdf"].relationship = Name.EncryptedPayload
        pdf.Root.Collection = Dictionary(Type=Name.Collection, View=Name.H)

    return changed(make_pdf(["The cover"]), attach)


def dynamic_form() -> bytes:
    """A dynamic XFA form: its only page asks for another viewer."""

    def add_form(pdf: pikepdf.Pdf) -> None:
        packet = pdf.make_stream(b'<xdp:xdp xmlns:xdp="http://ns.adobe.com/xdp/"/>')
        pdf.Root.AcroForm = Dictionary(Fields=Array([]), XFA=packet)
        pdf.Root.NeedsRendering = True

    text = "Please wait...\nIf this message is not eventually replaced, your PDF viewer may not"
    return changed(make_pdf([text]), add_form)


def cropped_away() -> bytes:
    """A page whose crop box lies outside its media box."""

    def crop(pdf: pikepdf.Pdf) -> None:
        pdf.pages[0].CropBox = Array([1000, 1000, 1200, 1200])

    return changed(make_pdf(["Boxword"]), crop)


def printed_by_chromium(html: str, folder: Path) -> Path:
    """Print a page with Chromium, which draws right-to-left words one by one."""
    source, target = folder / "page.html", folder / "page.pdf"
    source.write_text(f"<meta charset=utf-8>{html}")
    browser = find_browser()
    if browser is None:
        pytest.skip("no Chromium is installed")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
    subprocess.run(
        [
            *command,
            f"--user-data-dir={folder / 'profile'}",
            f"--print-to-pdf={target}",
            str(source),
        ],
        check=True,
        timeout=90,
        capture_output=True,
    )
    return target
