"""Nodes with folders of their own share the pictures of pages."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pdfsluice.core import (
    Document,
    DocumentUnreadable,
    PageRendererSpec,
    PluginContext,
    StageFailed,
    UploadStoreSpec,
    hookimpl,
    open_segmented_store,
)
from pdfsluice.core.documents.pictures import DerivedPictures, PictureFiles
from pdfsluice.core.plugins.ports.cluster import NodeIdentity
from pdfsluice.core.runtime.runtime import LOCAL, Runtime
from pdfsluice.core.testing.contracts.samples import make_stored_document
from pdfsluice.core.testing.memory_objects import MemoryObjectStore
from tests.support.runtimes import a_runtime, initiate, send

PICTURE = b"\xff\xd8 a picture of page %d \xff\xd9"
DATA = bytes(1000)


class Node:
    """A plugin with the store of one node and a renderer that counts.

    Attributes:
        drawn: The pages that it has drawn, or failed to draw.
        fails: Whether it fails.
    """

    def __init__(self, objects: MemoryObjectStore, folder: Path, version: str = "1") -> None:
        self.drawn: list[int] = []
        self.fails = False
        self._version = version
        self._open = partial(open_segmented_store, objects, folder)

    async def render(self, path: Path, page: int, *, width: int) -> bytes:
        """Draw a page."""
        del path, width
        self.drawn.append(page)
        if self.fails:
            raise StageFailed("it is hostile")
        return PICTURE % page

    @hookimpl
    def pdfsluice_register_page_renderers(self, context: PluginContext) -> list[PageRendererSpec]:
        """Register the renderer."""
        del context
        return [PageRendererSpec(name="node", renderer=self, version=self._version)]

    @hookimpl
    def pdfsluice_register_upload_stores(self, context: PluginContext) -> list[UploadStoreSpec]:
        """Register the store."""
        del context
        return [UploadStoreSpec(name="objects", open=self._open)]


@asynccontextmanager
async def running(
    folder: Path, objects: MemoryObjectStore, versions: Sequence[str] = ("1", "1")
) -> AsyncIterator[tuple[list[Node], list[Runtime], Document]]:
    """Run two nodes with one document."""
    nodes = [Node(objects, folder / f"{n}" / "copies", each) for n, each in enumerate(versions)]
    settings: dict[str, Any] = {"upload_store": "objects", "state_dir": folder / "state"}
    async with AsyncExitStack() as stack:
        runtimes = [
            await stack.enter_async_context(
                a_runtime(folder / str(number), node, node=NodeIdentity(shared=True), **settings)
            )
            for number, node in enumerate(nodes)
        ]
        session = await initiate(runtimes[0], DATA)
        await send(runtimes[0], session, DATA, 0)
        document = (await runtimes[0].uploads.complete(LOCAL, session.id)).document
        assert document is not None
        yield nodes, runtimes, document


def pictures(objects: MemoryObjectStore) -> list[str]:
    return [name for name in objects.objects if name.startswith("derived/")]


async def test_what_one_node_draws_no_other_draws_again(tmp_path: Path) -> None:
    objects = MemoryObjectStore()
    async with running(tmp_path, objects) as (nodes, (first, second), document):
        shown = [
            await node.library.thumbnail(LOCAL, document.id, 1, 200) for node in (first, second)
        ]
        assert shown == [PICTURE % 1] * 2
        assert [node.drawn for node in nodes] == [[1], []]
        assert len(pictures(objects)) == 1
        assert not list(tmp_path.rglob("previews")), "nothing is kept on one node alone"
        await second.library.delete(LOCAL, document.id)
        assert pictures(objects) == []
        await first.scrubber.reconcile()
        assert first.scrubber.report.files_without_document == 0


async def test_a_damaged_picture_is_drawn_again(tmp_path: Path) -> None:
    objects = MemoryObjectStore()
    async with running(tmp_path, objects) as (nodes, (first, second), document):
        await first.library.thumbnail(LOCAL, document.id, 1, 200)
        (name,) = pictures(objects)
        objects.put(name, memoryview(b"\xff\xd8 damaged"))
        assert await second.library.thumbnail(LOCAL, document.id, 1, 200) == PICTURE % 1
        assert [node.drawn for node in nodes] == [[1], [1]]
        assert objects.objects[name][0] == PICTURE % 1


async def test_a_hostile_page_takes_its_time_once_for_all_nodes(tmp_path: Path) -> None:
    objects = MemoryObjectStore()
    async with running(tmp_path, objects) as (nodes, runtimes, document):
        nodes[0].fails = True
        for runtime in (*runtimes, *runtimes):
            with pytest.raises(DocumentUnreadable, match="hostile"):
                await runtime.library.thumbnail(LOCAL, document.id, 1, 200)
        assert [node.drawn for node in nodes] == [[1], []]


async def test_nodes_with_other_renderers_have_pictures_of_their_own(tmp_path: Path) -> None:
    """During an upgrade, for example."""
    objects = MemoryObjectStore()
    async with running(tmp_path, objects, ("1", "2")) as (nodes, runtimes, document):
        for runtime in (*runtimes, *runtimes):
            await runtime.library.thumbnail(LOCAL, document.id, 1, 200)
        assert [node.drawn for node in nodes] == [[1], [1]]
        assert len(pictures(objects)) == 2


async def test_what_is_drawn_during_a_deletion_is_deleted_by_the_next_check(tmp_path: Path) -> None:
    objects = MemoryObjectStore()
    async with running(tmp_path, objects) as (nodes, (first, second), document):
        drawing, deleted = asyncio.Event(), asyncio.Event()

        async def render(path: Path, page: int, *, width: int) -> bytes:
            del path, width
            drawing.set()
            await deleted.wait()
            return PICTURE % page

        nodes[1].render = render  # type: ignore[method-assign]
        shown = asyncio.create_task(second.library.thumbnail(LOCAL, document.id, 1, 200))
        await drawing.wait()
        await first.library.delete(LOCAL, document.id)
        deleted.set()
        await shown
        assert len(pictures(objects)) == 1
        await first.scrubber.reconcile()
        assert pictures(objects) == []


async def test_a_failure_lasts_for_a_day(tmp_path: Path) -> None:
    day, document = 24 * 3600.0, make_stored_document(id=7)
    now = 100 * day
    async with open_segmented_store(MemoryObjectStore(), tmp_path) as store:
        derived = DerivedPictures(store, "0123abcd", now=lambda: now)
        await derived.keep_failure(document, 1, 240, b"why")
        assert await derived.failure(document, 1, 240) == b"why"
        now += day
        assert await derived.failure(document, 1, 240) is None


async def test_on_one_machine_pictures_are_files(tmp_path: Path) -> None:
    document = make_stored_document(id=7)
    files = PictureFiles(tmp_path)
    await files.keep(document, 1, 240, PICTURE % 1)
    assert (tmp_path / "07" / "7" / "1-240.jpg").read_bytes() == PICTURE % 1
