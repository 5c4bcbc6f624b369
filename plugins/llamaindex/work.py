"""What the indexes have their child processes do, and how replies become passages."""

import logging
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Mapping,
    Sequence,
)
from pathlib import Path
from typing import Any

from pdfsluice.core import (
    ChildFailed,
    ChildPool,
    Document,
    Limits,
    Match,
    PageText,
    Passage,
    Progress,
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

WirePages = Sequence[tuple[int, str]]
"""Numbers and texts of pages, as child processes receive them."""


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


async def stage_all(
    pages: AsyncIterator[PageText],
    stage: Callable[[WirePages], Awaitable[int]],
    *,
    most: int,
    total: int | None,
    progress: Progress,
) -> tuple[int, str]:
    """Cut pages and gather their passages, a few at a time, until there are enough.

    Args:
        pages: The pages of a document.
        stage: Gathers the passages of some pages; returns how many there are now.
        most: Most passages of a document.
        total: How many pages the document has, if that is known.
        progress: Publishes progress.

    Returns:
        How many passages there are, and what the last message adds about the pages left out.
    """
    passages = 0
    async for batch in _batches(pages, most):
        if passages >= most:
            return passages, f"; the rest, from page {batch[0].number} on, is left out"
        passages = await stage([(page.number, page.text) for page in batch])
        last = batch[-1].number
        progress(
            min(1.0, last / total) if total else 0.0,
            f"Indexing: page {last}{f' of {total}' if total else ''}; passages: {passages}",
        )
    return passages, ""


def report_embedded(progress: Progress, count: int, passages: int) -> None:
    """Publish how many passages of a document have vectors."""
    share = count / passages if passages else 1.0
    progress(share, f"Found by words; meaning of {count} of {passages} passages")


def indexing_failed(failure: ChildFailed) -> StageFailed:
    """Return the error for a document whose indexing process failed."""
    return StageFailed(
        f"The document could not be indexed: {failure}",
        hint="Its earlier passages, if there were any, can still be found.",
        details={"reason": failure.reason},
    )


def make_folder(folder: Path) -> None:
    """Create the folder: a confined child can be allowed to write only in what exists."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


async def _batches(
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
