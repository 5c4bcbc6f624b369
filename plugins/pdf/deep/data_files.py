"""Recognises attachments of plain data, such as e-invoices and formulas in XML."""

from typing import Final
from xml.parsers import expat

_EXTENSIONS: Final = frozenset({"", "xml", "mml", "mathml", "ubl"})
_ACTIVE: Final = frozenset(
    {"script", "html", "svg", "stylesheet", "transform", "xdp", "xfdf", "job", "package", "iframe"}
)
"""Elements of vocabularies that a program runs or follows."""
_ACTIVE_NAMESPACES: Final = (
    "http://www.w3.org/1999/xhtml",
    "http://www.w3.org/2000/svg",
    "http://www.w3.org/1999/xsl/transform",
    "http://ns.adobe.com/",
    "http://schemas.microsoft.com/",
)
_SEPARATOR: Final = "\n"


class _NotData(Exception):
    """The document is more than data."""


def is_data(content: bytes, name: str) -> bool:
    """Return whether an attachment is well-formed, inert XML, such as an e-invoice.

    Factur-X, ZUGFeRD, XRechnung, Order-X and UBL invoices are, and MathML.

    Args:
        content: The whole attachment.
        name: Its file name, as the document gives it.
    """
    extension = name.rpartition(".")[2].strip().lower() if "." in name else ""
    if extension not in _EXTENSIONS or not content.strip():
        return False
    parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
    parser.StartElementHandler = _check_element
    parser.ProcessingInstructionHandler = _refuse
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError, LookupError, _NotData):
        return False
    return True


def _check_element(name: str, _attributes: dict[str, str]) -> None:
    namespace, _, local = name.rpartition(_SEPARATOR)
    if local.lower() in _ACTIVE or namespace.lower().startswith(_ACTIVE_NAMESPACES):
        raise _NotData


def _refuse(*_: object) -> None:
    raise _NotData
