"""What the indexes have their child processes do, and how replies become passages."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pdfsluice.core import (
    ChildPool,
    Document,
    Limits,
    Match,
    PageText,
    Passage,
    StageFailed,
    plain_environment,
)

from .options import IndexOptions

MAX_BATCH_PASSAGES = 16
"""Passages that are embedded in one request."""
MAX_QUERY = 2000
"""Characters of a query that count."""
MAX_TOP_K = 1000
"""Most passages of one search."""
WORD_PROCESSES = 4
"""Processes that cut; a document that is read slowly holds one."""

_WORKER = "pdfsluice.plugins.llamaindex.worker"
_MIB = 1024 * 1024
_MAX_BATCH_PAGES = 50
_MAX_BATCH_CHARACTERS = 200_000
_NEVER = 1_000_000_000

logger = logging.getLogger(__name__)


def make_pool(options: IndexOptions, folder: Path, size: int, idle_seconds: float) -> ChildPool:
    """Return child processes that have the models of the settings; none runs yet.

    Args:
        options: The settings.
        folder: Where they may write.
        size: How many there are at most.
        idle_seconds: Time without work after which they end.
    """
    return ChildPool(
        _WORKER,
        Limits(address_space=options.memory_mb * _MIB, wall_seconds=options.reply_seconds),
        access=options.access(folder),
        environment={
            **plain_environment(network=options.asks_other_machines),
            "OPENBLAS_NUM_THREADS": "1",  # threads that share one text wait for each other
            "TMPDIR": str(folder),  # SQLite sorts there what memory does not hold
        },
        size=size,
        recycle_after=_NEVER,
        idle_seconds=idle_seconds,
    )


def title_of(document: Document) -> str:
    """Return the words that name a document: its title and its file name."""
    name = document.filename.removesuffix(".pdf").removesuffix(".PDF")
    return document.title if document.title == name else f"{document.title} {name}".strip()


def passages_of(reply: Mapping[str, Any], match: Match | None) -> tuple[Passage, ...]:
    """Return the passages of a reply to a search.

    Raises:
        StageFailed: They were wanted by meaning alone, and the model failed.
    """
    if match == "meaning" and reply["trouble"]:
        raise StageFailed(
            "The search by meaning failed.",
            hint="Search by words until the model or the vector store is back.",
            details={"reason": reply["trouble"]},
        )
    warn(reply, "Search by words alone, the model or the vector store failed")
    stages = dict(reply["stages"])
    return tuple(
        Passage(document, page, text, score, match, stages.get(document, ""), _marks(marks))
        for document, page, text, score, match, marks in reply["hits"]
    )


def _marks(wire: Sequence[Sequence[int]]) -> tuple[tuple[int, int], ...]:
    return tuple((start, end) for start, end in wire)


def warn(reply: Mapping[str, Any], what: str) -> None:
    """Log what failed in a child process without making its reply worthless."""
    if reply["trouble"]:
        logger.warning("%s: %s", what, reply["trouble"])


async def batches(
    pages: AsyncIterator[PageText], most: int
) -> AsyncGenerator[list[PageText], None]:
    """Group a few pages at a time, for frequent progress and small requests."""
    batch: list[PageText] = []
    characters = 0
    async for page in pages:
        for start in range(0, max(1, len(page.text)), _MAX_BATCH_CHARACTERS):
            piece = page.text[start : start + _MAX_BATCH_CHARACTERS]
            batch.append(PageText(page.number, piece))
            characters += len(piece)
            if len(batch) >= min(_MAX_BATCH_PAGES, most) or characters >= _MAX_BATCH_CHARACTERS:
                yield batch
                batch, characters = [], 0
    if batch:
        yield batch
