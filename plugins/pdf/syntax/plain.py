"""Recognises objects without anything of interest, which are most of a file."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from .grammar import REGULAR, WHITE, WORDY

INTERESTING: Final = frozenset(
    b"3D AA AcroForm Base Catalog EF EmbeddedFile EmbeddedFiles Encrypt GoTo3DView GoToE GoToR "
    b"ImportData JS JavaScript Launch Movie ObjStm OnInstantiate OpenAction Rendition RichMedia "
    b"RichMediaExecute Screen Scripts Sound SubmitForm URI XFA XRef".split()
)
"""Names for whose sake an object is looked at closely."""
MAX_PLAIN: Final = 64 * 1024
"""An object longer than this many bytes is read token by token."""

_NAME_BYTE = rb"[^\x00\t\n\f\r ()<>\[\]{}/%#]"
_TELLING = rb"(?:[3-7][0-9A-Fa-f]|00)"
"""The digits of an escape that an interesting name may begin to be written with: those of letters
and digits. No interesting name holds a space, but many an honest one does; none holds a null."""


@dataclass(frozen=True, slots=True)
class PlainPatterns:
    """Expressions that separate plain objects from interesting ones.

    Attributes:
        interesting_name: An interesting name, or one with escapes that may be one.
        tokens: Tokens without anything interesting.
        body: The rest of a whole, well-formed, plain object after its header; groups are the
            word ``endobj``, and the line end after the word ``stream``.
        object: A plain object with its header; groups are the space before, the number, the
            word ``obj``, and an empty one if it is no stream.
    """

    interesting_name: re.Pattern[bytes]
    tokens: re.Pattern[bytes]
    body: re.Pattern[bytes]
    object: re.Pattern[bytes]


@cache
def plain_patterns(familiar: frozenset[bytes]) -> PlainPatterns:
    """Return the patterns.

    Args:
        familiar: Interesting names of which so many have been seen that another one does not
            matter. They are few and known, so that there are few patterns.
    """
    names = INTERESTING - familiar
    heads = bytes(sorted({name[0] for name in names}))
    keyword = rb"(?:" + _alternatives(names) + rb")(?!" + WORDY + rb")"
    tokens = (
        rb"(?:/(?:[^\x00\t\n\f\r ()<>\[\]{}/%#" + heads + rb"]"  # a name that begins otherwise
        rb"|(?!" + keyword + rb")" + _NAME_BYTE + rb")" + _NAME_BYTE + rb"*+"
        rb"(?:#(?!" + _TELLING + rb")" + REGULAR + rb"*+)?+"
        rb"|[\d\[\]" + WHITE + rb"]++"  # integers, arrays and space, in one gulp for speed
        rb"|\.\d*+(?![-+.])|(?<![-+.\d])[-+](?=[.\d])"  # what makes them other numbers
        rb"|R(?!" + REGULAR + rb")"
        rb"|<<|>>"
        rb"|\([^()\\]*+(?:\\[\x00-\xff][^()\\]*+)*+\)"
        rb"|<[0-9A-Fa-f" + WHITE + rb"]*+>"
        rb"|(?:true|false|null)(?!" + REGULAR + rb"))*+"
    )
    gap = rb"[" + WHITE + rb"]{1,64}+"
    header = rb"([" + WHITE + rb"]*+)(\d{1,10}+)" + gap + rb"\d{1,10}+" + gap + rb"(obj)"
    end = rb"(?!" + REGULAR + rb")"
    return PlainPatterns(
        interesting_name=re.compile(
            rb"/(?:" + keyword + rb"|" + REGULAR + rb"{0,512}?#" + _TELLING + rb")"
        ),
        tokens=re.compile(tokens),
        body=re.compile(tokens + rb"(?<!\d)(?:(endobj)" + end + rb"|stream(?=(\r\n|\n)))"),
        object=re.compile(header + tokens + rb"(?<!\d)(?:endobj()" + end + rb"|stream\r?\n)"),
    )


def _alternatives(names: frozenset[bytes]) -> bytes:
    """Group names by their first byte, which makes a failing match quick."""
    groups: dict[bytes, list[bytes]] = {}
    for name in sorted(names):
        groups.setdefault(name[:1], []).append(re.escape(name[1:]))
    return b"|".join(first + b"(?:" + b"|".join(rest) + b")" for first, rest in groups.items())


PLAIN_LENGTH = re.compile(
    rb"/Length[" + WHITE + rb"]++(\d{1,15}+)([" + WHITE + rb"]++\d++[" + WHITE + rb"]++R)?"
    rb"(?!" + REGULAR + rb")"
)
"""A direct length, or, with the second group, an indirect one."""

NOTHING = re.compile(
    rb"[" + WHITE + rb"]*+(?:(null)|\[[" + WHITE + rb"]*+\]|\(\)|<<(?:[" + WHITE + rb"]*+/"
    + REGULAR + rb"++[" + WHITE + rb"]++null)*+[" + WHITE + rb"]*+>>)[" + WHITE + rb"]*+"
)  # fmt: skip
"""An object that is as good as absent; the group is there if it is null."""


def may_hold_objects(data: bytes, start: int, end: int) -> bool:
    """Return whether a stream's dictionary is that of an object stream without a type."""
    return data.find(b"/First", start, end) >= 0


def is_balanced(data: bytes, start: int, end: int) -> bool:
    """Return whether as many dictionaries are opened as closed."""
    return data.count(b"<<", start, end) == data.count(b">>", start, end)
