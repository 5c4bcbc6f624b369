"""Compare the bytes of a chunk with the checksum that its client announced.

Plugins register the algorithms; the digest of a whole file is computed by a stream stage.
"""

from collections.abc import Iterable

from pdfsluice.core.errors import ChecksumMismatch, ProtocolError
from pdfsluice.core.models.sessions import Checksum, ChunkIntent, Session
from pdfsluice.core.plugins.ports.checksums import ChecksumSpec, Hasher


class ChecksumStage:
    """A stage for chunks with a checksum, announced before or after the body.

    Args:
        algorithms: The registered algorithms.
    """

    def __init__(self, algorithms: Iterable[ChecksumSpec]) -> None:
        self._algorithms = {spec.name: spec for spec in algorithms}

    def begin(self, session: Session, chunk: ChunkIntent) -> "ChecksumCheck | None":  # noqa: ARG002 - the port's signature
        """Return a check for a chunk with a checksum, ``None`` for one without.

        Raises:
            ProtocolError: No plugin registered the algorithm.
        """
        if chunk.checksum is None:
            return None
        spec = self._algorithms.get(chunk.checksum.algorithm)
        if spec is None:
            raise unsupported(chunk.checksum.algorithm, self._algorithms)
        return ChecksumCheck(chunk.checksum, spec.new())


def check_of(checksum: Checksum, algorithms: Iterable[ChecksumSpec]) -> "ChecksumCheck":
    """Return a check of bytes against an announced checksum of a registered algorithm."""
    new = next(spec.new for spec in algorithms if spec.name == checksum.algorithm)
    return ChecksumCheck(checksum, new())


def unsupported(algorithm: str, supported: Iterable[str]) -> ProtocolError:
    """Return the error about an algorithm that no plugin registered."""
    return ProtocolError(
        f"The checksum algorithm {algorithm[:40]!r} is not supported.",
        hint=f"Use one of: {', '.join(supported) or 'none'}.",
    )


class ChecksumCheck:
    """The computation of one chunk's checksum.

    Args:
        announced: The checksum that the client announced before the body.
        hasher: Computes a checksum of the same algorithm.
    """

    def __init__(self, announced: Checksum, hasher: Hasher) -> None:
        self._announced = announced
        self._hasher = hasher

    def update(self, data: memoryview) -> None:
        """Hash the next bytes."""
        self._hasher.update(data)

    def finish(self, checksum: Checksum | None) -> None:
        """Compare the checksum of all bytes with each that was announced."""
        actual = self._hasher.digest()
        for announced in (self._announced, checksum):
            if announced is not None:
                self._compare(announced, actual)

    def _compare(self, announced: Checksum, actual: bytes) -> None:
        algorithm = self._announced.algorithm
        if announced.algorithm != algorithm:
            raise ProtocolError(
                f"The chunk has a {algorithm} checksum before its body and a"
                f" {announced.algorithm} checksum after it.",
                hint="Send one checksum.",
            )
        if announced.value != actual:
            raise ChecksumMismatch(
                f"The chunk's {algorithm} checksum is {actual.hex()}, "
                f"but {announced.value.hex()} was announced.",
                hint="The chunk was damaged in transit; send it again.",
                details={
                    "algorithm": algorithm,
                    "expected": announced.value.hex(),
                    "actual": actual.hex(),
                },
            )
