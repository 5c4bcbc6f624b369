"""A range that one node finds damaged, and the stages of the node that holds the upload."""

from contextlib import suppress
from pathlib import Path

import pytest

from pdfsluice.core import ContentRejected
from pdfsluice.core.runtime.runtime import LOCAL
from tests.support.nodes import CHUNK, DATA, FAST, SLOW, ignore, nodes
from tests.support.runtimes import Watchman, initiate, send
from tests.support.waiting import until


@pytest.mark.parametrize("has_hints", [False, True])
@pytest.mark.parametrize(("receiver", "completer"), [(0, 1), (1, 0), (1, 1)])
async def test_the_holder_reads_what_replaces_bytes_that_another_node_found_damaged(
    tmp_path: Path, receiver: int, completer: int, has_hints: bool
) -> None:
    watchmen = [Watchman(), Watchman()]
    hostile = b"FORBIDDEN" + DATA[9:]
    intervals = SLOW if has_hints else FAST
    async with nodes(tmp_path, watchmen=watchmen, intervals=intervals) as both:
        session = await initiate(both[0], DATA)
        for chunk in (0, 1):
            await send(both[0], session, DATA, chunk)
        await until(lambda: sum(size for _, size in watchmen[0].feeds) >= 2 * CHUNK)
        (path,) = (tmp_path / "uploads").glob("**/*.part")
        with path.open("r+b") as file:
            file.write(b"rotten")
        if not has_hints:
            both[1].cluster.notify = ignore  # type: ignore[method-assign]
        resumed = await both[1].uploads.resume(LOCAL, session.id, "")
        assert resumed.missing_chunks == [0, 2, 3]
        for chunk in resumed.missing_chunks:
            with suppress(ContentRejected):
                await send(both[receiver], session, hostile, chunk)
        with pytest.raises(ContentRejected):
            await both[completer].uploads.complete(LOCAL, session.id)
        assert not [*(tmp_path / "documents").rglob("*.pdf")]
