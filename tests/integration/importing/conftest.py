"""The built-in parts of importing, got from their hooks as a server gets them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import BaseModel

from pdfsluice.config import Settings
from pdfsluice.core.models.documents import NewDocument
from pdfsluice.core.plugins.opening import open_parts
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.plugins.ports.documents import Index, PageRenderer, TextExtractor
from pdfsluice.core.plugins.ports.stores import Catalogue
from pdfsluice.core.plugins.registry import Registry
from pdfsluice.plugins import (
    importers,
    llamaindex,
    pdfium,
    pypdf_text,
    sql,
)
from tests.support.workers import workers

MakeContext = Callable[..., PluginContext]
MakeDocument = Callable[..., NewDocument]
MakeExtractors = Callable[..., Awaitable[Sequence[TextExtractor]]]


HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of a module in one event loop, as the parts that they share."""
    for item in items:
        if item.path.parent == HERE and item.get_closest_marker("asyncio"):
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


def context_in(folder: Path, **sections: BaseModel) -> PluginContext:
    """Make what plugins are given; keyword arguments are sections of the settings."""
    models = {
        spec.name: spec.model
        for module in (importers, llamaindex, pdfium, pypdf_text, sql)
        for spec in module.pdfsluice_register_options()
    }
    return PluginContext(
        data_dir=folder,
        upload_dir=folder,
        state_dir=folder,
        settings=Settings.model_validate({"data_dir": folder, "min_free_space": 0}),
        section=lambda name: sections.get(name) or models[name](),
        publish=lambda event: None,
    )


@pytest.fixture
def make_context(tmp_path: Path) -> MakeContext:
    """Make what plugins are given, in a folder of this test."""
    return partial(context_in, tmp_path)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def index(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Index]:
    """The index with its default settings, for a module with one event loop.

    Starting its processes takes seconds, so that tests share it; each has an owner of its own.
    """
    spec, _ = llamaindex.pdfsluice_register_indexes(context_in(tmp_path_factory.mktemp("index")))
    assert spec.name == "llama-index"
    async with spec.open() as opened:
        yield opened
    assert workers() == [], "no process outlives the index"


@asynccontextmanager
async def opened_extractors(context: PluginContext) -> AsyncIterator[Sequence[TextExtractor]]:
    """Open the extractors ``pypdfium2`` and ``pypdf``, in this order."""
    others = set(workers())
    first, second = (
        *pdfium.pdfsluice_register_text_extractors(context),
        *pypdf_text.pdfsluice_register_text_extractors(context),
    )
    assert (first.name, second.name) == ("pypdfium2", "pypdf")
    assert second.after == (first.name,)
    async with open_parts(Registry(text_extractors=(first, second))) as registry:
        yield [spec.extractor for spec in registry.text_extractors]
    assert set(workers()) <= others, "no process outlives the extractors"


@pytest_asyncio.fixture(loop_scope="module")
async def make_extractors(make_context: MakeContext) -> AsyncIterator[MakeExtractors]:
    """Open both extractors with some settings."""
    async with AsyncExitStack() as stack:

        async def make(**sections: BaseModel) -> Sequence[TextExtractor]:
            opened = opened_extractors(make_context(**sections))
            return await stack.enter_async_context(opened)

        yield make


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def extractors(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Sequence[TextExtractor]]:
    """Both extractors with their default settings, whose processes a module shares."""
    async with opened_extractors(context_in(tmp_path_factory.mktemp("extractors"))) as opened:
        yield opened


@pytest.fixture(params=[0, 1], ids=["pypdfium2", "pypdf"])
def extractor(request: pytest.FixtureRequest, extractors: Sequence[TextExtractor]) -> TextExtractor:
    """Each of the extractors with its default settings."""
    number: int = request.param
    return extractors[number]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def renderer(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PageRenderer]:
    """The page renderer with its default settings, whose process a module shares."""
    context = context_in(tmp_path_factory.mktemp("renderer"))
    [spec] = pdfium.pdfsluice_register_page_renderers(context)
    assert spec.name == "pypdfium2"
    async with open_parts(Registry(page_renderers=(spec,))) as registry:
        yield registry.page_renderers[0].renderer


@pytest_asyncio.fixture(loop_scope="module")
async def catalogue(make_context: MakeContext) -> AsyncIterator[Catalogue]:
    """The catalogue in a real database."""
    [spec] = sql.pdfsluice_register_catalogues(make_context())
    async with spec.open() as opened:
        yield opened


@pytest.fixture
def make_document() -> MakeDocument:
    """Describe a finished upload."""

    def make(
        name: str = "one", *, owner: str = "anna", page_count: int | None = None
    ) -> NewDocument:
        return NewDocument(
            session_id=name,
            blob_id=name,
            owner=owner,
            title=name,
            filename=f"{name}.pdf",
            file_size=1,
            sha256=name,
            created_at=datetime.now(UTC),
            page_count=page_count,
        )

    return make
