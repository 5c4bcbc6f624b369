"""Opens files of which only the attachments are encrypted (ISO 32000-2, 7.6.6).

qpdf opens no encrypted file without its password, although everything but the attachments of
such a file is in the clear. So it receives the file without the entry that announces encryption.
"""

import re
from mmap import mmap
from typing import Final

from pdfsluice.plugins.pdf.syntax.effort import Allowance, Effort
from pdfsluice.plugins.pdf.syntax.parser import ObjectParser
from pdfsluice.plugins.pdf.syntax.source import Source as Bytes
from pdfsluice.plugins.pdf.syntax.values import Dictionary, Name, Value

from .opening import Source, content_of, open_stream
from .virtual_file import PatchedFile
from .walk import Opener

_ENTRY: Final = re.compile(rb"/Encrypt(?=[\x00\t\n\f\r <\d])")
_VALUE: Final = re.compile(
    rb"/Encrypt[\x00\t\n\f\r ]*(?:(?P<number>\d{1,10})[\x00\t\n\f\r ]+\d{1,5}[\x00\t\n\f\r ]+R"
    rb"|(?P<direct><<))"
)
_RENAMED: Final = b"/Encrypd"
_MAX_DICTIONARY: Final = 64 * 1024
_MIN_VERSION: Final = 4  # crypt filters (table 20)


def opener_in_the_clear(source: Source) -> Opener | None:
    """Return how to open a file with only its attachments encrypted, or ``None``."""
    content = content_of(source)
    if not _only_attachments(content):
        return None
    return lambda: open_stream(PatchedFile(content, _ENTRY, _RENAMED))


def _only_attachments(content: bytes | mmap) -> bool:
    """Return whether all encryption leaves streams and strings in the clear."""
    dictionaries = [_dictionary(content, match) for match in _VALUE.finditer(content)]
    return bool(dictionaries) and all(map(_is_in_the_clear, dictionaries))


def _dictionary(content: bytes | mmap, match: re.Match[bytes]) -> Value:
    if match["direct"]:
        start = match.start("direct")
    else:
        header = rb"(?<!\d)%s[\x00\t\n\f\r ]+\d{1,5}[\x00\t\n\f\r ]+obj"
        header_match = re.search(header % match["number"], content)
        if header_match is None:
            return None
        start = header_match.end()
    source = Bytes(bytes(content[start : start + _MAX_DICTIONARY]), ended=True)
    steps = ObjectParser(source, Effort(Allowance()), 0, single=True).run()
    try:
        next(steps)
    except StopIteration as stop:
        value: Value = stop.value.value
        return value
    return None


def _is_in_the_clear(value: Value) -> bool:
    if not isinstance(value, Dictionary):
        return False
    version = value.get(b"V")
    filters = [value.get(key) for key in (b"StmF", b"StrF")]
    clear = all(each is None or _is_identity(each) for each in filters)
    return clear and isinstance(version, int) and version >= _MIN_VERSION


def _is_identity(value: Value) -> bool:
    return isinstance(value, Name) and value.text == b"Identity"
