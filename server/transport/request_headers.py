"""The header fields of a request that gates and chunk stages may see."""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property

from multidict import CIMultiDictProxy

MAX_VALUE_CHARACTERS = 1024
MAX_FIELDS = 64
_SECRET = re.compile(r"auth|cookie|credential|key|passw|secret|session|signature|token")


class RequestHeaders(Mapping[str, str]):
    """Header fields with names in lower case, repeated ones joined by a comma.

    Fields whose names suggest credentials are left out, and so are long ones. Nothing is
    copied until a plugin asks: most chunks pass no plugin that does.
    """

    def __init__(self, headers: CIMultiDictProxy[str]) -> None:
        self._headers = headers

    @cached_property
    def _fields(self) -> Mapping[str, str]:
        fields: dict[str, str] = {}
        for name in dict.fromkeys(map(str.lower, self._headers)):
            value = ", ".join(self._headers.getall(name))
            if len(value) <= MAX_VALUE_CHARACTERS and not _SECRET.search(name):
                fields[name] = value
            if len(fields) == MAX_FIELDS:
                break
        return fields

    def __getitem__(self, name: str) -> str:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"RequestHeaders({', '.join(self._fields)})"
