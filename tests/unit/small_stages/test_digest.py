"""The stream stage ``digest``."""

import hashlib
import random
from collections.abc import Callable

import pytest

from pdfsluice.core.plugins.ports.streams import StageContext, StreamStage
from pdfsluice.core.testing.contracts import StreamStageContract
from pdfsluice.plugins.digest.stage import DigestStage


class TestDigestContract(StreamStageContract):
    @pytest.fixture
    def open_stage(self) -> Callable[[StageContext], StreamStage]:
        return DigestStage

    @pytest.fixture
    def content(self) -> bytes:
        return random.Random(1).randbytes(30_000)


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7"])
def test_the_fact_is_the_sha256(content: bytes) -> None:
    stage = DigestStage(StageContext(session_id="s", filename="a.pdf", total_size=len(content)))
    assert list(stage.feed(memoryview(content), 0)) == []
    assert stage.finish().facts == {"sha256": hashlib.sha256(content).hexdigest()}
    assert stage.checkpoint() is None
    stage.close()


def test_it_cannot_begin_in_the_middle() -> None:
    with pytest.raises(ValueError, match="middle"):
        DigestStage(StageContext(session_id="s", filename="a.pdf", total_size=9, offset=4))
