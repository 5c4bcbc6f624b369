"""The lexical grammar of PDF (ISO 32000-2, 7.2) as regular expressions over bytes.

All quantifiers are possessive or bounded, so that no input makes a match take more than
linear time.
"""

import re

WHITE = rb"\x00\t\n\f\r "
REGULAR = rb"[^\x00\t\n\f\r ()<>\[\]{}/%]"
ALSO_WHITE = rb"\x80\xff"
"""What PDFium takes for white space as well; for other readers they are regular."""
BREAK = rb"[" + WHITE + ALSO_WHITE + rb"]"
WORDY = rb"[^\x00\t\n\f\r ()<>\[\]{}/%" + ALSO_WHITE + rb"]"
"""A byte of a word for every reader."""

MAX_TOKEN = 64 * 1024
"""A name, number or word longer than this many bytes is cut."""

_SKIPPED = rb"(?:[" + WHITE + rb"]++|%[^\r\n]{0,512}+[\r\n])*+"
_STRING_RUN = rb"(?:[^()\\]++|\\[\x00-\xff])*+"
_PART = rb"(\d{1,10}+)[" + WHITE + rb"]{1,64}+"
TOKEN = re.compile(
    _SKIPPED + rb"(?:"
    rb"/(" + REGULAR + rb"{0,65536}+)"  # 1 name
    rb"|" + _PART + _PART + rb"R(?!" + WORDY + rb")"  # 2, 3 reference
    rb"|([+-]?\d{1,18}+(?!" + WORDY + rb"))"  # 4 integer
    rb"|(<<)"  # 5
    rb"|(>>)"  # 6
    rb"|(\[)"  # 7
    rb"|(\])"  # 8
    rb"|\((" + _STRING_RUN + rb")\)"  # 9 literal string without parentheses in it
    rb"|<([0-9A-Fa-f" + WHITE + rb"]*+)>"  # 10 hexadecimal string
    rb"|(endobj|endstream|stream|xref|trailer|startxref)"  # 11 what ends an object
    rb"|(" + WORDY + rb"{1,65536}+)"  # 12 another word: true, R, obj, 1.5, ...
    rb"|([(<>{})" + ALSO_WHITE + rb"])"  # 13 a long or escaped string begins, or a stray byte
    rb")?+",
)
"""White space and comments, and the token after them, if there is one in view."""
(
    NAME,
    _,
    REFERENCE,
    INTEGER,
    DICTIONARY_OPENS,
    DICTIONARY_CLOSES,
    ARRAY_OPENS,
    ARRAY_CLOSES,
    STRING,
    HEXADECIMAL,
    END,
    WORD,
    DELIMITER,
) = range(1, 14)
"""The groups of :data:`TOKEN`, by ``lastindex``."""
TOKEN_MARGIN = 256
"""Bytes after a token that must be in view, so that it cannot be part of a reference."""

SKIPPED = re.compile(_SKIPPED)
LINE_END = re.compile(rb"[\r\n]")
STRING_RUN = re.compile(_STRING_RUN)
"""What stands between the parentheses of a string."""
REAL = re.compile(rb"[+-]?\d*+\.?\d*+")
NUMERIC = re.compile(rb"([-+.\d]++)(R?)")
"""A number for lenient readers; with R, the end of a reference without white space."""
NAME_END = re.compile(rb"[" + ALSO_WHITE + rb"]")
"""Where a name ends for some readers."""
NAME_TAIL = re.compile(rb"[" + ALSO_WHITE + rb"][R\d" + ALSO_WHITE + rb"]*+")
"""What follows such an end and means something: nothing, or a number or reference."""

_SEPARATOR = (
    rb"(?:" + BREAK + rb"{1,2048}+(?:%[^\r\n]{0,512}+[\r\n]" + BREAK + rb"{0,256}+){0,3}+"
    rb"|(?:%[^\r\n]{0,512}+[\r\n]" + BREAK + rb"{0,256}+){1,3}+)"
)
LOOKAHEAD = 16 * 1024
"""No match of :data:`LANDMARK` is longer than this many bytes."""

HEADER = re.compile(
    rb"([" + WHITE + rb"]*+)(\d{1,10}+)[" + WHITE + rb"]{1,64}+(\d{1,10}+)"
    rb"[" + WHITE + rb"]{1,64}+obj"
)
"""What usually stands where an object is expected: the beginning of an object."""

OBJECT_BEGINS, XREF, TRAILER, STARTXREF, END_OF_FILE, VERSION = range(2, 8)
"""The groups of :data:`LANDMARK`, by ``lastindex``."""

LANDMARK = re.compile(
    rb"[\dxts%](?:"  # one set of first bytes, which the search looks for much faster
    rb"(?<=\d)(\d{0,9}+)" + _SEPARATOR + rb"(\d{1,10}+)" + _SEPARATOR + rb"obj"  # 1, 2
    rb"|(?<=x)(ref)(?=[" + WHITE + rb"%])"  # 3
    rb"|(?<=t)(railer)"  # 4
    rb"|(?<=s)(tartxref)"  # 5
    rb"|(?<=%)(%EOF)"  # 6
    rb"|(?<=%)(PDF-))"  # 7
)
"""Everything that means something outside of objects; all groups but 2 lack the first byte."""

STREAM_WORD = re.compile(rb"end(?:stream|obj)")
"""What may end the data of a stream."""
ENDSTREAM = b"endstream"
ENDSTREAM_HERE = re.compile(rb"[" + WHITE + rb"]{0,32}+endstream")
OBJECT_END = re.compile(
    rb"[" + WHITE + rb"]{0,512}+(?:%[^\r\n]{0,512}+[\r\n][" + WHITE + rb"]{0,256}+){0,3}+endobj"
)
STREAM_EOL = re.compile(rb"\r\n|\n|([ \t\f\x00]{1,64}+)(?:\r\n|\n|\r)|(\r)")
XREF_ROW = re.compile(
    rb"[" + WHITE + rb"]{0,64}+(\d{1,20}+)[" + WHITE + rb"]{1,64}+(\d{1,10}+)"
    rb"(?:[" + WHITE + rb"]{1,64}+([nf]))?(?![" + WHITE + rb"]{0,64}obj|" + REGULAR + rb")"
)
NUMBER = re.compile(rb"[" + WHITE + rb"]{0,64}+(\d{1,20}+)")
_AFTER = (
    rb"[" + WHITE + rb"]{0,256}+(?:%%[^\r\n]{0,256}+[\r\n][" + WHITE + rb"]{0,256}+){0,3}+"
    rb"(?:%s\d{1,10}[" + WHITE + rb"]|xref|trailer|startxref|%%%%EOF|%%PDF|$)"
)
AFTER_STREAM = re.compile(rb"endstream" + _AFTER % b"endobj|")
"""What follows shows that this ``endstream`` is one."""
AFTER_OBJECT = re.compile(rb"endobj" + _AFTER % b"")
"""What follows shows that this ``endobj`` is one."""

STREAM_END = re.compile(
    rb"[" + WHITE + rb"]{0,32}+endstream[" + WHITE + rb"]{0,64}+endobj(?!" + REGULAR + rb")"
)
"""What usually stands after the data of a stream."""
XREF_ROWS = re.compile(rb"[\r\n ]{0,3}+((?:\d{10} \d{5} [nf][ \r][\r\n])++)")
"""Rows of a cross-reference table that keep to the standard's 20 bytes."""

_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")


def unescape_name(raw: bytes) -> bytes:
    """Decode the ``#xx`` escapes of a name (ISO 32000-2, 7.3.5)."""
    return _ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), raw)


_CONTROL = {ord("n"): 10, ord("r"): 13, ord("t"): 9, ord("b"): 8, ord("f"): 12}
_BACKSLASH = re.compile(rb"\\([0-7]{1,3}|\r\n|[\x00-\xff])|\r\n?")


def unescape_string(raw: bytes) -> bytes:
    """Decode the escapes of a literal string (ISO 32000-2, 7.3.4.2)."""

    def replace(match: re.Match[bytes]) -> bytes:
        escape = match[1]
        if escape is None:
            return b"\n"
        if escape[0:1] in b"01234567":
            return bytes([int(escape, 8) & 255])
        if escape in (b"\r\n", b"\r", b"\n"):
            return b""
        return bytes([_CONTROL.get(escape[0], escape[0])])

    return _BACKSLASH.sub(replace, raw)


_NO_DIGITS = bytes(set(range(256)) - set(b"0123456789abcdefABCDEF"))


def unhex(raw: bytes) -> bytes:
    """Decode a hexadecimal string (ISO 32000-2, 7.3.4.3), ignoring other characters."""
    digits = raw.translate(None, _NO_DIGITS)
    return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode())
