"""The checksums of chunks, with the algorithms of the plugin ``checksum``."""

import hashlib
import zlib
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdfsluice.core.errors import ChecksumMismatch, ProtocolError
from pdfsluice.core.models.sessions import Checksum, ChunkIntent
from pdfsluice.core.plugins.ports.checksums import ChecksumSpec
from pdfsluice.core.plugins.ports.stages import ChunkStage
from pdfsluice.core.testing.contracts import ChecksumContract, ChunkCase, ChunkStageContract
from pdfsluice.core.testing.contracts.samples import make_session
from pdfsluice.core.uploads.checksums import ChecksumStage
from pdfsluice.plugins.checksum import ALGORITHMS as SPECS

BODY = b"%PDF-1.7 " * 100


def checksum_of(algorithm: str, body: bytes) -> Checksum:
    if algorithm == "crc32":
        return Checksum("crc32", zlib.crc32(body).to_bytes(4, "big"))
    return Checksum(algorithm, hashlib.new(algorithm, body).digest())


ALGORITHMS = ("sha256", "sha512", "sha1", "md5", "crc32")


def checksum_stage() -> ChecksumStage:
    return ChecksumStage(SPECS)


class TestChecksumContract(ChunkStageContract):
    @pytest.fixture
    def stage(self) -> ChunkStage:
        return checksum_stage()

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


KNOWN = {  # of "123456789", as published
    "sha256": "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
    "sha512": "d9e6762dd1c8eaf6d61b3c6192fc408d4d6d5f1176d0c29169bc24e71c3f274a"
    "d27fcd5811b313d681f7e55ec02d73d499c95455b6b5bb503acf574fba8ffe85",
    "sha1": "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
    "md5": "25f9e794323b453885f5181f1b624d0b",
    "crc32": "cbf43926",
}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
class TestAlgorithms(ChecksumContract):
    @pytest.fixture
    def spec(self, algorithm: str) -> ChecksumSpec:
        return next(spec for spec in SPECS if spec.name == algorithm)

    @pytest.fixture
    def vectors(self, algorithm: str) -> Mapping[bytes, str]:
        return {b"123456789": KNOWN[algorithm]}


def intent(checksum: Checksum | None, *, follows: bool = False) -> ChunkIntent:
    return ChunkIntent(
        offset=0, length=None, max_length=1000, checksum=checksum, checksum_follows=follows
    )


def test_a_mismatch_names_both_values() -> None:
    announced = checksum_of("sha1", b"other")
    check = checksum_stage().begin(make_session(), intent(announced))
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
    assert checksum_stage().begin(make_session(), intent(None, follows=True)) is None


def test_an_unknown_kind_is_refused_before_the_body() -> None:
    with pytest.raises(ProtocolError) as caught:
        checksum_stage().begin(make_session(), intent(Checksum("adler32", b"")))
    assert "sha256" in caught.value.hint


@given(st.sampled_from(ALGORITHMS), st.lists(st.binary(max_size=50), max_size=8))
def test_any_slices_give_the_checksum_of_the_whole(algorithm: str, slices: list[bytes]) -> None:
    announced = checksum_of(algorithm, b"".join(slices))
    check = checksum_stage().begin(make_session(), intent(announced))
    assert check is not None
    for piece in slices:
        check.update(memoryview(piece))
    check.finish(announced)
