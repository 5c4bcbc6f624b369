"""The chunk stage ``checksum``."""

import hashlib
import zlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdfsluice.core.errors import ChecksumMismatch, ProtocolError
from pdfsluice.core.models import Checksum, ChunkIntent
from pdfsluice.core.plugins.ports.stages import ChunkStage
from pdfsluice.core.testing.contracts import ChunkCase, ChunkStageContract
from pdfsluice.core.testing.contracts.samples import make_session
from pdfsluice.plugins.checksum.stage import ChecksumStage

BODY = b"%PDF-1.7 " * 100


def checksum_of(algorithm: str, body: bytes) -> Checksum:
    if algorithm == "crc32":
        return Checksum("crc32", zlib.crc32(body).to_bytes(4, "big"))
    return Checksum(algorithm, hashlib.new(algorithm, body).digest())


ALGORITHMS = ("sha256", "sha512", "sha1", "md5", "crc32")


class TestChecksumContract(ChunkStageContract):
    @pytest.fixture
    def stage(self) -> ChunkStage:
        return ChecksumStage()

    @pytest.fixture
    def cases(self) -> Sequence[ChunkCase]:
        good = [
            ChunkCase(name=name, body=BODY, before=checksum_of(name, BODY)) for name in ALGORITHMS
        ]
        bad = [
            ChunkCase(
                name=f"wrong {name}",
                body=BODY,
                before=checksum_of(name, BODY + b"x"),
                error=ChecksumMismatch,
            )
            for name in ALGORITHMS
        ]
        sha256 = checksum_of("sha256", BODY)
        return [
            *good,
            *bad,
            ChunkCase(name="none", body=BODY),
            ChunkCase(name="empty", body=b"", before=checksum_of("sha256", b"")),
            ChunkCase(name="after", body=BODY, after=sha256),
            ChunkCase(name="both", body=BODY, before=sha256, after=sha256),
            ChunkCase(
                name="wrong behind",
                body=BODY,
                after=checksum_of("sha256", b""),
                error=ChecksumMismatch,
            ),
            ChunkCase(
                name="right before, wrong behind",
                body=BODY,
                before=sha256,
                after=checksum_of("sha256", b""),
                error=ChecksumMismatch,
            ),
            ChunkCase(name="another kind after", body=BODY, after=checksum_of("md5", BODY)),
            ChunkCase(
                name="two kinds",
                body=BODY,
                before=sha256,
                after=checksum_of("md5", BODY),
                error=ProtocolError,
            ),
            ChunkCase(
                name="unknown", body=BODY, before=Checksum("sha3", b"x"), error=ProtocolError
            ),
            ChunkCase(
                name="cut off",
                body=BODY,
                before=Checksum("sha256", sha256.value[:-1]),
                error=ChecksumMismatch,
            ),
        ]


def intent(checksum: Checksum | None, *, follows: bool = False) -> ChunkIntent:
    return ChunkIntent(
        offset=0, length=None, max_length=1000, checksum=checksum, checksum_follows=follows
    )


def test_a_mismatch_names_both_values() -> None:
    announced = checksum_of("sha1", b"other")
    check = ChecksumStage().begin(make_session(), intent(announced))
    assert check is not None
    check.update(memoryview(BODY))
    with pytest.raises(ChecksumMismatch) as caught:
        check.finish(None)
    assert caught.value.details == {
        "algorithm": "sha1",
        "expected": announced.value.hex(),
        "actual": hashlib.sha1(BODY).hexdigest(),
    }
    assert announced.value.hex() in caught.value.message


def test_a_checksum_that_may_follow_costs_nothing_until_it_does() -> None:
    assert ChecksumStage().begin(make_session(), intent(None, follows=True)) is None


def test_an_unknown_kind_is_refused_before_the_body() -> None:
    with pytest.raises(ProtocolError) as caught:
        ChecksumStage().begin(make_session(), intent(Checksum("adler32", b"")))
    assert "sha256" in caught.value.hint


@given(st.sampled_from(ALGORITHMS), st.lists(st.binary(max_size=50), max_size=8))
def test_any_slices_give_the_checksum_of_the_whole(algorithm: str, slices: list[bytes]) -> None:
    announced = checksum_of(algorithm, b"".join(slices))
    check = ChecksumStage().begin(make_session(), intent(announced))
    assert check is not None
    for piece in slices:
        check.update(memoryview(piece))
    check.finish(announced)
