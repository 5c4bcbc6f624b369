"""Plugins see header fields of a chunk's request, and none that may be a secret."""

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from pdfsluice.server.transport.request_headers import (
    MAX_FIELDS,
    MAX_VALUE_CHARACTERS,
    RequestHeaders,
)


def headers(*fields: tuple[str, str]) -> RequestHeaders:
    return RequestHeaders(CIMultiDictProxy(CIMultiDict(fields)))


def test_names_are_in_lower_case_and_repeated_fields_are_joined() -> None:
    seen = headers(("X-Tenant", "a"), ("User-Agent", "tus"), ("x-tenant", "b"))
    assert dict(seen) == {"x-tenant": "a, b", "user-agent": "tus"}
    assert len(seen) == 2
    assert "X-Tenant" not in seen


@pytest.mark.parametrize(
    "name",
    [
        "Authorization", "Proxy-Authorization", "Cookie", "Cookie2", "X-API-Key", "X-Auth-Token",
        "X-Amz-Security-Token", "X-Session-Id", "X-Secret", "X-CSRF-Token", "X-Hub-Signature-256",
    ],
)  # fmt: skip
def test_secrets_are_left_out(name: str) -> None:
    seen = headers((name, "hunter2"), ("Host", "here"))
    assert dict(seen) == {"host": "here"}
    assert "hunter2" not in repr(seen)


def test_long_and_many_fields_are_left_out() -> None:
    many = [(f"X-{number}", "v") for number in range(1000)]
    seen = headers(("X-Long", "v" * (MAX_VALUE_CHARACTERS + 1)), *many)
    assert len(seen) == MAX_FIELDS
    assert "x-long" not in seen
