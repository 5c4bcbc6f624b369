"""What every chunk stage must do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from pdfsluice.core import Checksum, ChunkCheck, ChunkIntent, ChunkStage, PdfsluiceError

from .asynchronous import AsyncContract
from .samples import make_session


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkCase:
    """A chunk and the expected result of the stage.

    Attributes:
        name: For the report of pytest.
        body: All bytes of the chunk.
        before: The checksum announced before the body.
        after: The checksum that follows it.
        headers: Header fields of the request, names in lower case.
        error: What the stage raises; ``None`` if it accepts the chunk.
    """

    name: str
    body: bytes
    before: Checksum | None = None
    after: Checksum | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    error: type[PdfsluiceError] | None = None


class ChunkStageContract(AsyncContract):
    """The tests of a chunk stage.

    Override ``stage`` and ``cases``.
    """

    @pytest.fixture
    def stage(self) -> ChunkStage:
        raise NotImplementedError("override the fixture 'stage'")

    @pytest.fixture
    def cases(self) -> Sequence[ChunkCase]:
        """Chunks, and what the stage raises for each."""
        raise NotImplementedError("override the fixture 'cases'")

    @pytest.mark.parametrize("size", [1, 3, 4096])
    async def test_verdicts_do_not_depend_on_slicing(
        self, stage: ChunkStage, cases: Sequence[ChunkCase], size: int
    ) -> None:
        for case in cases:
            assert _verdict(stage, case, size) is case.error, case.name

    async def test_chunks_are_independent(
        self, stage: ChunkStage, cases: Sequence[ChunkCase]
    ) -> None:
        started = [(case, _begin(stage, case)) for case in cases if case.error is None]
        for case, check in started:
            if check is not None:
                check.update(memoryview(case.body))
        for case, check in reversed(started):
            if check is not None:
                check.finish(case.after)

    async def test_a_check_can_be_given_up(
        self, stage: ChunkStage, cases: Sequence[ChunkCase]
    ) -> None:
        for case in cases:
            if case.error is None and (check := _begin(stage, case)) is not None:
                check.update(memoryview(case.body)[:1])


def _intent(case: ChunkCase) -> ChunkIntent:
    return ChunkIntent(
        offset=0,
        length=len(case.body),
        max_length=max(1, len(case.body)),
        checksum=case.before,
        checksum_follows=case.after is not None,
        headers=case.headers,
    )


def _begin(stage: ChunkStage, case: ChunkCase) -> ChunkCheck | None:
    """Begin with the chunk, or after it if its checksum becomes known there."""
    intent, session = _intent(case), make_session()
    check = stage.begin(session, intent)
    if check is None and case.after is not None:
        check = stage.begin(session, replace(intent, checksum=case.after, checksum_follows=False))
    return check


def _verdict(stage: ChunkStage, case: ChunkCase, size: int) -> type[PdfsluiceError] | None:
    try:
        check = _begin(stage, case)
        if check is None:
            return None
        buffer = bytearray(size)
        for start in range(0, len(case.body), size):
            piece = case.body[start : start + size]
            buffer[: len(piece)] = piece
            check.update(memoryview(buffer)[: len(piece)])
            buffer[:] = b"\xaa" * size
        check.finish(case.after)
    except PdfsluiceError as error:
        return type(error)
    return None
