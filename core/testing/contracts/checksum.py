"""What every checksum algorithm must do."""

from collections.abc import Mapping

import pytest

from pdfsluice.core import ChecksumSpec


class ChecksumContract:
    """The tests of a checksum algorithm.

    Override ``spec`` and ``vectors``.
    """

    @pytest.fixture
    def spec(self) -> ChecksumSpec:
        raise NotImplementedError("override the fixture 'spec'")

    @pytest.fixture
    def vectors(self) -> Mapping[bytes, str]:
        """Published check values in hexadecimal, by the bytes that have them."""
        raise NotImplementedError("override the fixture 'vectors'")

    def test_known_values(self, spec: ChecksumSpec, vectors: Mapping[bytes, str]) -> None:
        assert vectors
        for data, value in vectors.items():
            hasher = spec.new()
            hasher.update(memoryview(data))
            assert hasher.digest().hex() == value

    @pytest.mark.parametrize("size", [1, 3, 64, 1000])
    def test_slices_make_no_difference(self, spec: ChecksumSpec, size: int) -> None:
        data = bytes(range(256)) * 5
        whole, sliced = spec.new(), spec.new()
        whole.update(memoryview(data))
        buffer = bytearray(size)
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            buffer[: len(piece)] = piece
            sliced.update(memoryview(buffer)[: len(piece)])
            buffer[:] = b"\xaa" * size  # the server reuses its buffers, too
        assert sliced.digest() == whole.digest()

    def test_hashers_are_independent(self, spec: ChecksumSpec) -> None:
        first, second, empty = spec.new(), spec.new(), spec.new()
        first.update(memoryview(b"first"))
        second.update(memoryview(b"second"))
        assert len({first.digest(), second.digest(), empty.digest()}) == 3

    def test_a_digest_can_be_read_twice(self, spec: ChecksumSpec) -> None:
        hasher = spec.new()
        hasher.update(memoryview(b"data"))
        assert hasher.digest() == hasher.digest() != b""

    def test_the_protocols_can_carry_the_names(self, spec: ChecksumSpec) -> None:
        assert spec.name == spec.name.lower()
        assert not set(spec.name) & set(" ,")
        key = spec.field_key  # RFC 9651, 3.1.2
        assert key[0].isalpha() or key[0] == "*"
        assert all(each.islower() or each.isdigit() or each in "_-.*" for each in key)
