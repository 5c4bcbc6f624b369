"""Pages with a text that a person cannot see, and pages that hide nothing."""

import io
import zlib
from collections.abc import Callable, Mapping

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, Stream

VISIBLE = "The weir at Mill Lane was inspected in March."
_WIDTH, _HEIGHT = 612, 792
_TAGS = 0xE0000
Draw = Callable[[Pdf, pikepdf.Page, str], str]


def drawn_text(
    text: str, *, x: float = 72, y: float = 400, size: float = 11, before: str = "", font: str = "F"
) -> str:
    string = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    return f"q BT {before} /{font} {size} Tf {x} {y} Td ({string}) Tj ET Q\n"


def _image(pdf: Pdf, page: pikepdf.Page, *, grey: int = 210) -> None:
    data = zlib.compress(bytes([grey, 255 - grey // 8]) * 50 * 100)
    image = Stream(pdf, data)
    image.stream_dict = Dictionary(
        Type=Name.XObject, Subtype=Name.Image, Width=100, Height=100,
        ColorSpace=Name.DeviceGray, BitsPerComponent=8, Filter=Name.FlateDecode,
    )  # fmt: skip
    page.Resources.XObject = Dictionary(I=pdf.make_indirect(image))


def _white(_pdf: Pdf, _page: pikepdf.Page, text: str) -> str:
    return drawn_text(text, before="1 g")


def _nearly_white(_pdf: Pdf, _page: pikepdf.Page, text: str) -> str:
    return drawn_text(text, before="0.99 0.99 1 rg")


def _as_background(_pdf: Pdf, _page: pikepdf.Page, text: str) -> str:
    return "q 0.1 0.3 0.6 rg 60 380 500 60 re f Q\n" + drawn_text(text, before="0.1 0.3 0.6 rg")


def _small(_pdf: Pdf, _page: pikepdf.Page, text: str) -> str:
    return drawn_text(text, size=1)


def _scaled(_pdf: Pdf, _page: pikepdf.Page, text: str) -> str:
    return "q 0.05 0 0 0.05 72 400 cm\n" + drawn_text(text, x=0, y=0, size=12) + "Q\n"


def _outside_crop_box(_pdf: Pdf, page: pikepdf.Page, text: str) -> str:
    page.CropBox = Array([0, 200, _WIDTH, _HEIGHT])
    return drawn_text(text, y=100)


def _outside_page(_pdf: Pdf, _page: pikepdf.Page, text: str) -> str:
    return drawn_text(text, x=-2000, y=400)


def _under_picture(pdf: Pdf, page: pikepdf.Page, text: str) -> str:
    _image(pdf, page)
    return drawn_text(text) + "q 520 0 0 60 60 380 cm /I Do Q\n"


def _under_rectangle(_pdf: Pdf, _page: pikepdf.Page, text: str) -> str:
    return drawn_text(text) + "q 1 g 60 380 540 60 re f Q\n"


def _invisible(_pdf: Pdf, _page: pikepdf.Page, text: str) -> str:
    return drawn_text(text, before="3 Tr")


def _transparent(pdf: Pdf, page: pikepdf.Page, text: str) -> str:
    page.Resources.ExtGState = Dictionary(G=pdf.make_indirect(Dictionary(ca=0, CA=0)))
    return "q /G gs\n" + drawn_text(text) + "Q\n"


def _clipped(_pdf: Pdf, _page: pikepdf.Page, text: str) -> str:
    return "q 72 600 10 10 re W n\n" + drawn_text(text) + "Q\n"


def _layer(pdf: Pdf, page: pikepdf.Page, text: str) -> str:
    group = pdf.make_indirect(Dictionary(Type=Name.OCG, Name="notes"))
    pdf.Root.OCProperties = Dictionary(
        OCGs=Array([group]), D=Dictionary(Order=Array([]), OFF=Array([group]))
    )
    page.Resources.Properties = Dictionary(L=group)
    return "/OC /L BDC\n" + drawn_text(text) + "EMC\n"


def _tags(pdf: Pdf, page: pikepdf.Page, text: str) -> str:
    pairs = "\n".join(
        f"<{code:02X}> <{chr(_TAGS + code).encode('utf-16-be').hex()}>" for code in range(32, 127)
    )
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /T def\n"
        "/CMapType 2 def 1 begincodespacerange <00> <FF> endcodespacerange\n"
        f"95 beginbfchar\n{pairs}\nendbfchar\nendcmap end end"
    )
    page.Resources.Font.T = pdf.make_indirect(
        Dictionary(
            Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica,
            ToUnicode=pdf.make_stream(cmap.encode()),
        )
    )  # fmt: skip
    return drawn_text(text, font="T", size=0.1)


TECHNIQUES: Mapping[str, Draw] = {
    "white": _white,
    "nearly white": _nearly_white,
    "colour of its background": _as_background,
    "under 2 points": _small,
    "scaled under 2 points": _scaled,
    "outside the crop box": _outside_crop_box,
    "outside the page": _outside_page,
    "under a picture": _under_picture,
    "under a rectangle": _under_rectangle,
    "invisible": _invisible,
    "transparent": _transparent,
    "clipped away": _clipped,
    "layer that is off": _layer,
    "Unicode tags": _tags,
}


def _watermark(_pdf: Pdf, _page: pikepdf.Page, text: str) -> str:
    return drawn_text(text, before="0.88 g")


def _on_colour(_pdf: Pdf, _page: pikepdf.Page, text: str) -> str:
    return "q 0.1 0.3 0.6 rg 60 380 500 60 re f Q\n" + drawn_text(text, before="1 g")


def _on_picture(pdf: Pdf, page: pikepdf.Page, text: str) -> str:
    _image(pdf, page, grey=60)
    return "q 520 0 0 60 60 380 cm /I Do Q\n" + drawn_text(text, before="1 0.9 0.9 rg")


def _recognized(pdf: Pdf, page: pikepdf.Page, text: str) -> str:
    _image(pdf, page)
    return f"q {_WIDTH} 0 0 {_HEIGHT} 0 0 cm /I Do Q\n" + drawn_text(text, before="3 Tr")


def _footnote(_pdf: Pdf, _page: pikepdf.Page, text: str) -> str:
    return drawn_text(text, size=3.5)


def _in_clip(_pdf: Pdf, _page: pikepdf.Page, text: str) -> str:
    return "q 0 0 612 792 re W n\n" + drawn_text(text) + "Q\n"


def _highlighted(_pdf: Pdf, _page: pikepdf.Page, text: str) -> str:
    return "q 1 1 0 rg 70 395 400 16 re f Q\n" + drawn_text(text) + "q 0 G 70 395 400 16 re S Q\n"


def _layer_on(pdf: Pdf, page: pikepdf.Page, text: str) -> str:
    drawn = _layer(pdf, page, text)
    del pdf.Root.OCProperties.D.OFF
    return drawn


BENIGN: Mapping[str, Draw] = {
    "watermark": _watermark,
    "white on colour": _on_colour,
    "light on a picture": _on_picture,
    "layer of OCR": _recognized,
    "footnote": _footnote,
    "inside of a clip": _in_clip,
    "highlighted": _highlighted,
    "layer that is on": _layer_on,
}


def sample(draw: Draw, text: str) -> bytes:
    """Return a page with a visible sentence and a text that is drawn in some way."""
    pdf = pikepdf.new()
    pdf.add_blank_page(page_size=(_WIDTH, _HEIGHT))
    page = pdf.pages[0]
    font = Dictionary(
        Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica, Encoding=Name.WinAnsiEncoding
    )
    page.Resources = Dictionary(Font=Dictionary(F=pdf.make_indirect(font)))
    content = draw(pdf, page, text) + drawn_text(VISIBLE, y=700)
    page.Contents = pdf.make_stream(content.encode("cp1252"))
    buffer = io.BytesIO()
    pdf.save(buffer)
    return buffer.getvalue()
