"""Files that are all small parts, which cost time for nothing."""

import zlib
from collections.abc import Callable, Mapping

Flood = Callable[[int], bytes]
"""Makes about so many bytes."""

_UNITS: Mapping[str, bytes] = {
    "trailer": b"trailer",
    "trailer and space": b"trailer ",
    "empty trailers": b"trailer<<>>",
    "xref": b"xref",
    "xref and comment": b"xref%",
    "empty tables": b"xref\n0 0\n",
    "short tables": b"xref\n0 1\n0000000000 65535 f \n",
    "whole endings": b"xref\n0 0\ntrailer<</Size 1>>\nstartxref\n1\n%%EOF\n",
    "startxref": b"startxref",
    "startxref with offsets": b"startxref 1\n",
    "%%EOF": b"%%EOF",
    "%%EOF in lines": b"%%EOF\n",
    "%PDF-": b"%PDF-",
    "headers in lines": b"%PDF-1.4\n",
    "obj": b"obj",
    "endobj": b"endobj",
    "stream": b"stream\n",
    "endstream": b"endstream ",
    "<<": b"<<",
    "[": b"[",
    "names": b"/A",
    "integers": b"1 ",
    "comments": b"%\n",
    "gaps of a byte": b"1 0 obj 1 endobj\nx",
    "gaps of a hundred": b"1 0 obj 1 endobj\n" + b"x" * 100,
    "gaps with a word": b"x" * 15_000 + b" obj ",
    "gaps with digits and comments": b"1 %" * 5_000 + b"obj ",
    "gaps with digits and spaces": (b"1" + b" " * 60) * 250 + b"obj ",
    "gaps with signatures": b"1 0 obj 1 endobj\n" + b"GI\x89PM<" * 10_000,
    "objects without end": b"1 0 obj ",
    "objects within objects": b"1 0 obj<<",
    "arrays without end": b"1 0 obj[",
    "strings without end": b"1 0 obj(",
    "names without end": b"1 0 obj/JS ",
    "objects of nothing": b"1 0 obj\nendobj ",
    "objects of an integer": b"1 0 obj 1 endobj\n",
    "objects of a name": b"1 0 obj/A endobj\n",
    "objects of a script": b"1 0 obj<</S/JavaScript/JS(x)>>endobj\n",
    "objects of a link": b"1 0 obj<</S/URI/URI(x)>>endobj\n",
    "objects out of balance": b"1 0 obj << endobj\n",
    "streams without dictionary": b"1 0 obj stream\n",
    "streams without end": b"1 0 obj<<>>stream\n",
    "streams that end with endobj": b"1 0 obj<<>>stream\nendobj ",
    "streams without length": b"1 0 obj<<>>stream\nx\nendstream endobj\n",
    "streams of a wrong length": b"1 0 obj<</Length 5>>stream\nx\nendstream endobj\n",
    "streams of a great length": b"1 0 obj<</Length 999999>>stream\nx\nendstream endobj\n",
    "streams of a byte": b"1 0 obj<</Length 1>>stream\nx\nendstream endobj\n",
    "streams with endobj": b"1 0 obj<</Length 13>>stream\n1 0 obj endobj\nendstream endobj\n",
    "object streams": b"1 0 obj<</Type/ObjStm/N 1/First 4>>stream\n1 0 1\nendstream endobj\n",
    "damaged object streams": b"1 0 obj<</Type/ObjStm/N 1/First 4/Filter/Fl>>stream\nx\n"
    b"endstream endobj\n",
    "cross-reference streams": b"1 0 obj<</Type/XRef/W[1 1 1]/Size 1>>stream\n111\nendstream"
    b" endobj\n",
    "attachments": b"1 0 obj<</Type/EmbeddedFile>>stream\n111\nendstream endobj\n",
    "archives": b"%%EOF\nPK\3\4\n",
}
_TOKENS: Mapping[str, bytes] = {
    "<<": b"<<",
    ">>": b">>",
    "[": b"[",
    "]": b"]",
    "[]": b"[]",
    "<<>>": b"<<>>",
    "names": b"/A",
    "scripts": b"/JS ",
    "escaped names": b"/J#53",
    "solidi": b"/",
    "integers": b"1 ",
    "reals": b"1.5 ",
    "references": b"1 0 R ",
    "R": b"R ",
    "almost objects": b"1 0 ob ",
    "true": b"true ",
    "words": b"x ",
    "a word": b"x",
    "strings": b"()",
    "escapes": b"(\\))",
    "parentheses": b"(",
    "pairs of parentheses": b"(()())",
    "hexadecimal strings": b"<>",
    "odd hexadecimal strings": b"< >",
    "stray )": b")",
    "stray }": b"}",
    "comments": b"%\n",
    "long comments": b"%" + b"x" * 600 + b"\n",
    "links": b"<</S/URI/URI(x)>>",
}
_NUMBERED: Mapping[str, bytes] = {
    "chains of actions": b"%(n)d 0 obj<</AA %(m)d 0 R/Next %(m)d 0 R>>endobj\n",
    "chains of scripts": b"%(n)d 0 obj<</S/JavaScript/JS %(m)d 0 R>>endobj\n",
    "attached files": b"%(n)d 0 obj<</EF<</F %(m)d 0 R>>>>endobj ",
    "filters that come later": b"%(n)d 0 obj<</Type/ObjStm/Filter %(m)d000 0 R/N 1/First 4>>"
    b"stream\n1 0 1\nendstream endobj\n",
    "filters that come next": b"%(n)d 0 obj<</Type/ObjStm/Filter %(m)d 0 R/N 1/First 4>>stream\n"
    b"1 0 1\nendstream endobj\n",
    "objects of a null": b"%(n)d 0 obj null endobj\n",
    "objects of an array": b"%(n)d 0 obj[]endobj\n",
}
_IN_STREAMS: Mapping[str, bytes] = {
    "endobj": b"endobj",
    "endobj and a letter": b"endobj x",
    "endstream": b"endstream ",
    "endstream and comments": b"endstream\n%%\n%%\n",
    "objects": b"1 0 obj 1 endobj ",
    "objects without end": b"1 0 obj ",
}
_EXPANDING: Mapping[str, bytes] = {
    "links": b"<</S/URI/URI(x)>> ",
    "scripts": b"/JS ",
    "arrays": b"[] ",
    "numbers": b"1 0 ",
}


def _repeated(unit: bytes, before: bytes = b"", behind: bytes = b"") -> Flood:
    return lambda size: before + unit * (size // len(unit) + 1) + behind


def _numbered(form: bytes) -> Flood:
    return lambda size: b"".join(
        form % {b"n": n, b"m": n + 1} for n in range(1, size // len(form) + 2)
    )


def _in_stream(unit: bytes) -> Flood:
    def flood(size: int) -> bytes:
        data = unit * (size // len(unit) + 1)
        return b"1 0 obj<</Length %d>>stream\n%s\nendstream endobj\n" % (len(data), data)

    return flood


def _in_streams(unit: bytes) -> Flood:
    each = _in_stream(unit)
    return lambda size: each(min(size, 60_000)) * (size // 60_000 + 1)


def _expanding(unit: bytes) -> Flood:
    """Object streams that hold far more than their size."""
    data = zlib.compress(b"1 0 2 9 " + unit * (200_000 // len(unit)))
    stream = (
        b"1 0 obj<</Type/ObjStm/N 2/First 8/Filter/Fl/Length %d>>stream\n%s\nendstream endobj\n"
    )
    return _repeated(stream % (len(data), data))


def _wide_table(size: int) -> bytes:
    """Cross-reference streams with millions of rows of one byte."""
    data = zlib.compress(b"\2" * 4_000_000)
    stream = (
        b"1 0 obj<</Type/XRef/W[1 0 0]/Size 4000000/Filter/Fl/Length %d>>stream\n%s\nendstream"
        b" endobj\n" % (len(data), data)
    )
    return stream * (size // len(stream) + 1)


FLOODS: Mapping[str, Flood] = {
    **{name: _repeated(unit) for name, unit in _UNITS.items()},
    **{f"{name} in an object": _repeated(unit, b"1 0 obj[/JS ") for name, unit in _TOKENS.items()},
    **{f"{name} in a trailer": _repeated(unit, b"trailer<</JS ") for name, unit in _TOKENS.items()},
    **{
        f"{name} in long objects": _repeated(b"1 0 obj[/JS " + unit * 2000 + b"]endobj\n")
        for name, unit in _TOKENS.items()
    },
    **{name: _numbered(form) for name, form in _NUMBERED.items()},
    **{f"{name} in a stream": _in_stream(unit) for name, unit in _IN_STREAMS.items()},
    **{f"{name} in streams": _in_streams(unit) for name, unit in _IN_STREAMS.items()},
    **{
        f"{name} in a stream without length": _repeated(unit, b"1 0 obj<<>>stream\n")
        for name, unit in _IN_STREAMS.items()
    },
    **{f"{name}, compressed": _expanding(unit) for name, unit in _EXPANDING.items()},
    "the same key": _repeated(b"1 0 obj<<" + b"/AA 1" * 15_000 + b">>endobj\n"),
    "the same key with actions": _repeated(
        b"1 0 obj<<" + b"/AA<</O 1>>/EF<</F 1>>/Type/X" * 3_000 + b">>endobj\n"
    ),
    "arrays that end as dictionaries": _repeated(b">>", b"1 0 obj" + b"[" * 400),
    "rows of a byte": _wide_table,
    "rows out of form": _repeated(b"1 1 n ", b"xref\n0 99999999\n"),
    "rows in form": _repeated(b"0000000009 00000 n \n", b"xref\n0 99999999\n"),
}
"""Floods by name."""
