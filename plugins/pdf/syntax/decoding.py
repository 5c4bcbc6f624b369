"""Decodes streams with direct or indirect filters, within a budget per file."""

from collections.abc import Iterable

from .effort import DECODING, FAST_BYTES, Effort
from .filters import (
    Decoded,
    Filter,
    decode,
    filter_chain,
)
from .values import Dictionary, Reference, Value

MAX_KNOWN = 4_000
"""Small objects remembered because a filter may refer to them."""
MAX_LEARNED = 5 * MAX_KNOWN
"""Small objects looked at for that reason, if nothing is known to refer to them."""
FAST_BUDGET = 128 * 1024 * 1024
"""Bytes that may come out of all decoding together, and this many more for each byte read."""
FAST_PER_BYTE = 8
SLOW_BUDGET = 8 * 1024 * 1024
"""Bytes that may be decoded in Python loops."""
SLOW_WORK = 4
"""Bytes decoded in Python loops for a step."""
_MAX_DEPTH = 4


class Decoder:
    """The decoder of one file's streams.

    Args:
        wanted: Numbers of objects that filters refer to, and that have not come, are added.
        effort: Counts what decoding costs.
    """

    def __init__(self, wanted: set[int], effort: Effort) -> None:
        self._effort = effort
        self._known: dict[int, Value] = {}
        self._missing: set[int] = set()
        self._wanted = wanted
        self._learned = 0
        self._spent = 0
        self._worked = 0

    def wants(self, number: int) -> bool:
        """Return whether a filter refers to an object that has not come yet."""
        return number in self._missing

    def may_learn(self, number: int) -> bool:
        """Return whether the value of an object is needed, or may be remembered."""
        return self._learned < MAX_LEARNED or number in self._missing

    def of_use(self, small: list[tuple[int, bytes]]) -> Iterable[tuple[int, bytes]]:
        """Return those of many small objects that may be remembered."""
        if self._learned < MAX_LEARNED:
            return small
        return [item for item in small if item[0] in self._missing] if self._missing else ()

    def learn(self, number: int, value: Value) -> None:
        """Remember a small object."""
        if isinstance(value, (int, float)) and number not in self._missing:
            return
        self._missing.discard(number)
        self._learned += 1
        if len(self._known) < MAX_KNOWN or number in self._known:
            self._known[number] = value

    def learn_from(self, dictionary: Dictionary) -> bool:
        """Return whether all objects that a stream's filters refer to are known."""
        missing: set[int] = set()
        for key in (b"Filter", b"DecodeParms", b"DP"):
            self._collect(dictionary.get(key), missing)
        self._missing |= missing
        self._wanted |= missing
        return not missing

    def _collect(self, value: Value, missing: set[int], depth: int = 0) -> None:
        if isinstance(value, Reference):
            if value.number not in self._known:
                missing.add(value.number)
            elif depth < _MAX_DEPTH:
                self._collect(self._known[value.number], missing, depth + 1)
        elif isinstance(value, list) and depth < _MAX_DEPTH:
            for item in value[:32]:
                self._collect(item, missing, depth + 1)
        elif isinstance(value, Dictionary) and depth < _MAX_DEPTH:
            for _, item in value.entries[:32]:
                self._collect(item, missing, depth + 1)

    def decode(
        self,
        raw: bytes,
        dictionary: Dictionary,
        limit: int,
        position: int,
        *,
        guess: bool = False,
        drop_padding: bool = False,
    ) -> Decoded:
        """Decode stream data.

        Args:
            raw: The data, or its beginning.
            dictionary: The stream's dictionary.
            limit: Bytes that may come out.
            position: Offset in the file up to which bytes have come.
            drop_padding: Whether long runs of white space do not count.
            guess: Whether to try the filters that the data suggests if its own are unknown.
        """
        if self._spent > FAST_BUDGET + FAST_PER_BYTE * position or self._worked > SLOW_BUDGET:
            return Decoded(b"", "limit")
        if self._effort.exhausted(position):
            return Decoded(b"", "flood")
        filters = self._resolve(dictionary.get(b"Filter"))
        parameters = self._resolve(dictionary.get(b"DecodeParms") or dictionary.get(b"DP"))
        chain = filter_chain(filters, parameters)
        if chain is None:
            chain = _guess(raw) if guess else None
        if chain is None:
            return Decoded(b"", "unknown-filter")
        decoded = decode(raw, chain, limit, drop_padding=drop_padding)
        self._spent += decoded.size
        self._worked += decoded.work
        cost = decoded.size // FAST_BYTES + decoded.work // SLOW_WORK
        self._effort.spend(DECODING + cost)
        return decoded

    def _resolve(self, value: Value, depth: int = 0) -> Value:
        if depth > _MAX_DEPTH:
            return value
        if isinstance(value, Reference) and value.number in self._known:
            return self._resolve(self._known[value.number], depth + 1)
        if isinstance(value, list):
            return [self._resolve(item, depth + 1) for item in value[:64]]
        if isinstance(value, Dictionary):
            entries = [(k, self._resolve(v, depth + 1)) for k, v in value.entries[:64]]
            return Dictionary(entries)
        return value


def _guess(raw: bytes) -> list[Filter]:
    """Guess the filter from what the data looks like."""
    head = raw.lstrip()[:64]
    if head[:1] == b"x":
        return [Filter(b"FlateDecode")]
    if head and all(byte in b"0123456789abcdefABCDEF \r\n\t>" for byte in head):
        return [Filter(b"ASCIIHexDecode"), Filter(b"FlateDecode")]
    if head and all(33 <= byte <= 126 or byte in b" \r\n\t" for byte in head):  # noqa: PLR2004
        return [Filter(b"ASCII85Decode"), Filter(b"FlateDecode")]
    return [Filter(b"LZWDecode")]
