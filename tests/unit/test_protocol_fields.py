"""The header fields of tus and of resumable uploads."""

import base64
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from pdfsluice.core.errors import ProtocolError
from pdfsluice.server.protocols.resumable import fields
from pdfsluice.server.protocols.tus.headers import (
    CONCAT_KEY,
    format_metadata,
    parse_checksum,
    parse_concat,
    parse_count,
    parse_metadata,
    plain_text,
)
from pdfsluice.server.transport import structured_fields

KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=","))
PART = "/files/7b1ad1c5-2b0c-4b0a-9d5e-0f5d6a0c9b11"


def written(pairs: dict[str, bytes]) -> str:
    return ",".join(f"{key} {base64.b64encode(value).decode()}" for key, value in pairs.items())


def decoded(header: str) -> dict[str, bytes]:
    pairs = ((pair + " ").split(" ")[:2] for pair in header.split(",") if pair)
    return {key: base64.b64decode(value) for key, value in pairs}


@given(
    st.dictionaries(
        KEYS.filter(lambda key: 0 < len(key) <= 128 and key != CONCAT_KEY),
        st.binary(max_size=2000),
        max_size=20,
    )
)
def test_metadata_comes_back_as_it_was(pairs: dict[str, bytes]) -> None:
    kept = parse_metadata(written(pairs))
    assert all(value.isprintable() and len(value) <= 4096 for value in kept.values())
    assert decoded(format_metadata(kept)) == pairs


@given(st.text(max_size=300))
def test_any_metadata_is_read_or_refused(header: str) -> None:
    try:
        kept = parse_metadata(header)
    except ProtocolError:
        return
    assert parse_metadata(format_metadata(kept)) == kept


@pytest.mark.parametrize(
    "header",
    ["a !", "a YQ==,a Yg==", ",a YQ==", "a YQ", f"{CONCAT_KEY} YQ==", "a " + "QUFB" * 2000],
)
def test_metadata_out_of_bounds_is_refused(header: str) -> None:
    with pytest.raises(ProtocolError):
        parse_metadata(header)


def test_too_many_pairs_are_refused() -> None:
    with pytest.raises(ProtocolError):
        parse_metadata(",".join(f"key{number}" for number in range(61)))


@pytest.mark.parametrize(
    ("value", "text"),
    [(b"plain", "plain"), (b"a\r\nb", "a\r\nb"), (b"\xff", "�"), (b"data:;base64,x", None)],
)
def test_bytes_are_shown_as_text(value: bytes, text: str | None) -> None:
    kept = parse_metadata(written({"key": value}))["key"]
    assert plain_text(kept) == (value.decode() if text is None else text)


@given(st.text(max_size=60))
def test_counts_are_whole_numbers(text: str) -> None:
    try:
        number = parse_count("Upload-Offset", text)
    except ProtocolError:
        return
    assert 0 <= number < 2**63
    assert text.isascii()
    assert text.isdigit()


ALGORITHMS = ("sha1", "sha256", "md5", "crc32")


@given(st.text(max_size=100))
def test_any_checksum_is_read_or_refused(text: str) -> None:
    try:
        checksum = parse_checksum(text, ALGORITHMS)
    except ProtocolError:
        return
    assert checksum.algorithm in ALGORITHMS


@pytest.mark.parametrize("url", [PART, f"https://host{PART}", f"https://host/prefix{PART}?q#f"])
def test_parts_are_named_by_any_url_of_theirs(url: str) -> None:
    concat = parse_concat(f"final;{url}", "/files")
    assert concat.parts == (PART.rpartition("/")[2],)
    assert concat.raw == f"final;{url}"


@given(st.text(max_size=200))
def test_no_path_gets_through_a_concatenation(text: str) -> None:
    try:
        concat = parse_concat(f"final;{text}", "/files")
    except ProtocolError:
        return
    assert all(len(part) == 36 and "/" not in part for part in concat.parts)


@given(st.text(max_size=60))
def test_any_structured_field_is_read_or_absent(text: str) -> None:
    headers = CIMultiDict({"Upload-Offset": text})
    number = structured_fields.read_integer(headers, "Upload-Offset")
    assert number is None or number >= 0
    assert structured_fields.read_boolean(headers, "Upload-Offset") in {None, True, False}
    with suppress(ProtocolError):
        structured_fields.read_sha256(headers, "Upload-Offset")


@pytest.mark.parametrize(
    ("text", "number"),
    [("5", 5), (" 5 ", 5), ("5;a=1", 5), ("-1", None), ("5.0", None), ("?1", None), ("5, 6", None)],
)
def test_integers(text: str, number: int | None) -> None:
    assert structured_fields.read_integer({"Upload-Offset": text}, "Upload-Offset") == number


def test_digests() -> None:
    digest = base64.b64encode(b"x" * 32).decode()
    headers = {"Repr-Digest": f"md5=:AAAA:, sha-256=:{digest}:"}
    checksum = structured_fields.read_sha256(headers, "Repr-Digest")
    assert checksum is not None
    assert checksum.value == b"x" * 32
    assert structured_fields.read_sha256({"Repr-Digest": "md5=:AAAA:"}, "Repr-Digest") is None
    assert structured_fields.format_digest((b"x" * 32).hex()) == f"sha-256=:{digest}:"


@pytest.mark.parametrize(
    "text",
    [
        "sha-256=:AAA",
        "sha-256=:not base64:",
        "sha-256=",
        "sha-256=abc",
        "sha-256",
        "sha-256=(:AAAA:)",
        "SHA-256=:AAAA:",
        "md5=:AAAA:, sha-256=AAAA=",
    ],
)
def test_a_digest_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError, match="names sha-256") as caught:
        structured_fields.read_sha256({"Repr-Digest": text}, "Repr-Digest")
    assert "sha-256=:...:" in caught.value.hint


@pytest.mark.parametrize("text", ["", "sha-999=:!", "md5=AAAA==", "sha-2566=:AAAA", ":::"])
def test_what_the_server_does_not_compare_is_ignored(text: str) -> None:
    assert structured_fields.read_sha256({"Repr-Digest": text}, "Repr-Digest") is None


@pytest.mark.parametrize(("version", "name"), [(6, "expires"), (7, "max-age"), (8, "max-age")])
def test_age_limit_has_the_name_of_the_version(version: int, name: str) -> None:
    limits = fields.format_limits(max_size=10, max_age=5, version=version)
    assert limits == f"max-size=10, {name}=5"


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (None, None),
        ('inline; filename="a b.pdf"', "a b.pdf"),
        ("inline; filename=\"a.pdf\"; filename*=UTF-8''%e2%82%ac.pdf", "€.pdf"),
        ("inline", None),
    ],
)
def test_filename(header: str | None, name: str | None) -> None:
    headers = {} if header is None else {"Content-Disposition": header}
    assert fields.filename(headers) == name
