"""Deltas: any sequence of bytes is decoded, or refused, within bounds."""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pdfsluice.core.documents.bases import BaseFile
from pdfsluice.core.errors import BaseChanged, ProtocolError
from pdfsluice.server.transport.delta import MIN_COPY, DeltaDecoder

BASE = bytes(range(256)) * 4
COPY, LITERAL = 1, 2

Instruction = tuple[int, int, bytes]
"""A copy (offset, length, nothing) or a literal (0, 0, bytes)."""


def head(kind: int, offset: int, length: int) -> bytes:
    return struct.pack(">BQQ", kind, offset, length)


def encoded(instructions: Iterable[Instruction]) -> bytes:
    return b"".join(
        head(LITERAL, 0, len(literal)) + literal if literal else head(COPY, offset, length)
        for offset, length, literal in instructions
    )


def meaning(instructions: Iterable[Instruction]) -> bytes:
    return b"".join(
        literal or BASE[offset : offset + length] for offset, length, literal in instructions
    )


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BaseFile]:
    path: Path = tmp_path_factory.mktemp("base") / "base"
    path.write_bytes(BASE)
    file = BaseFile.opened(path, len(BASE))
    yield file
    file.close()


def decoded(base: BaseFile, body: bytes, cuts: Iterable[int] = ()) -> tuple[bytes, bool]:
    """Decode a body in slices; return the bytes, and whether it was complete."""
    decoder, output, start = DeltaDecoder(base), b"", 0
    for end in [*sorted(cut % (len(body) + 1) for cut in cuts), len(body)]:
        for piece in decoder.decode(body[start:end]):
            assert 0 < len(piece) <= 256 * 1024
            output += bytes(piece)
        start = end
    return output, decoder.finished


copies = st.integers(0, len(BASE) - MIN_COPY).flatmap(
    lambda offset: st.tuples(
        st.just(offset), st.integers(MIN_COPY, len(BASE) - offset), st.just(b"")
    )
)
literals = st.tuples(st.just(0), st.just(0), st.binary(min_size=1, max_size=100))


@given(st.lists(copies | literals, max_size=10), st.lists(st.integers(0, 2**16), max_size=8))
def test_a_delta_becomes_what_it_means_however_it_is_cut(
    base: BaseFile, instructions: list[Instruction], cuts: list[int]
) -> None:
    assert decoded(base, encoded(instructions), cuts) == (meaning(instructions), True)


@settings(max_examples=300)
@given(st.binary(max_size=200) | st.lists(copies | literals, max_size=3).map(encoded), st.data())
def test_any_bytes_are_decoded_or_refused(base: BaseFile, body: bytes, data: st.DataObject) -> None:
    if body and data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(body) - 1))
        body = body[:at] + bytes([body[at] ^ data.draw(st.integers(1, 255))]) + body[at + 1 :]
    try:
        output, _ = decoded(base, body)
    except ProtocolError:
        return
    assert len(output) <= len(body) // 17 * len(BASE) + len(body)


@pytest.mark.parametrize(
    "body",
    [
        head(COPY, len(BASE) - MIN_COPY + 1, MIN_COPY),
        head(COPY, 0, len(BASE) + 1),
        head(COPY, 2**64 - 1, 2**64 - 1),
        head(COPY, 0, MIN_COPY - 1),
        head(COPY, 0, 0),
        head(LITERAL, 1, 5) + b"bytes",
        head(LITERAL, 0, 0),
        head(0, 0, 100),
        head(3, 0, 100),
        b"\xff" * 17,
    ],
)
def test_malformed_instructions_are_refused(base: BaseFile, body: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        decoded(base, body)
    assert caught.value.hint


@pytest.mark.parametrize("body", [b"\x01", head(COPY, 0, 100)[:-1], head(LITERAL, 0, 5) + b"byte"])
def test_a_cut_off_delta_is_not_finished(base: BaseFile, body: bytes) -> None:
    assert not decoded(base, body)[1]


def test_a_base_that_became_shorter_is_named(tmp_path: Path) -> None:
    path = tmp_path / "base"
    path.write_bytes(BASE[:100])
    file = BaseFile.opened(path, len(BASE))
    with pytest.raises(BaseChanged):
        decoded(file, head(COPY, 0, 200))
    file.close()
