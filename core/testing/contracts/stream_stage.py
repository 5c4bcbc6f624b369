"""What every stream stage must do."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from pdfsluice.core import Finding, StageContext, StreamStage

from .asynchronous import AsyncContract

SLICES = (1, 7, 64, 4096, 1 << 20)


def feed(stage: StreamStage, content: bytes, start: int, size: int) -> list[Finding]:
    """Feed content from ``start`` on, in one buffer that is used again and again."""
    buffer = bytearray(size)
    findings: list[Finding] = []
    for offset in range(start, len(content), size):
        piece = content[offset : offset + size]
        buffer[: len(piece)] = piece
        findings += stage.feed(memoryview(buffer)[: len(piece)], offset)
        buffer[:] = b"\xaa" * size
    return findings


def comparable(findings: Iterable[Finding]) -> Counter[str]:
    """Return findings in a form that does not depend on their order."""
    return Counter(map(repr, findings))


class StreamStageContract(AsyncContract):
    """The tests of a stream stage.

    Override ``open_stage`` and ``content``, which may be parametrized.
    """

    @pytest.fixture
    def open_stage(self) -> Callable[[StageContext], StreamStage]:
        """What the spec has as ``open``."""
        raise NotImplementedError("override the fixture 'open_stage'")

    @pytest.fixture
    def content(self) -> bytes:
        """A file, or several by parameters."""
        raise NotImplementedError("override the fixture 'content'")

    @pytest.fixture
    def whole(
        self, open_stage: Callable[[StageContext], StreamStage], content: bytes
    ) -> tuple[Counter[str], Any]:
        """What the stage reports when it receives the file in one piece."""
        stage = open_stage(self.context(content))
        findings = feed(stage, content, 0, max(1, len(content)))
        report = stage.finish()
        stage.close()
        return comparable([*findings, *report.findings]), (report.unscanned, report.facts)

    @staticmethod
    def context(content: bytes, **changes: Any) -> StageContext:
        return StageContext(session_id="s", filename="a.pdf", total_size=len(content), **changes)

    @pytest.mark.parametrize("size", SLICES)
    async def test_slicing_makes_no_difference(
        self,
        open_stage: Callable[[StageContext], StreamStage],
        content: bytes,
        whole: tuple[Counter[str], Any],
        size: int,
    ) -> None:
        stage = open_stage(self.context(content))
        findings = feed(stage, content, 0, size)
        report = stage.finish()
        stage.close()
        assert comparable([*findings, *report.findings]) == whole[0]
        assert (report.unscanned, report.facts) == whole[1]

    @pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
    async def test_a_checkpoint_is_as_good_as_the_beginning(
        self,
        open_stage: Callable[[StageContext], StreamStage],
        content: bytes,
        whole: tuple[Counter[str], Any],
        share: float,
    ) -> None:
        middle = int(len(content) * share)
        first = open_stage(self.context(content))
        findings = feed(first, content[:middle], 0, 4096)
        checkpoint = first.checkpoint()
        first.close()
        if checkpoint is None:  # it asks for the whole file again
            findings, middle = [], 0
        second = open_stage(self.context(content, checkpoint=checkpoint, offset=middle))
        findings += feed(second, content, middle, 4096)
        report = second.finish()
        second.close()
        assert comparable([*findings, *report.findings]) == whole[0]
        assert report.facts == whole[1][1]

    async def test_an_unfinished_stage_can_be_closed(
        self, open_stage: Callable[[StageContext], StreamStage], content: bytes
    ) -> None:
        stage = open_stage(self.context(content))
        feed(stage, content[: len(content) // 2], 0, 4096)
        stage.close()

    async def test_an_empty_file_is_no_crash(
        self, open_stage: Callable[[StageContext], StreamStage]
    ) -> None:
        stage = open_stage(self.context(b""))
        stage.finish()
        stage.close()
