"""A real deep stage with one real child, which the tests of a module share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from pdfsluice.core.models.findings import StageReport
from pdfsluice.plugins.pdf.deep.options import DeepOptions
from pdfsluice.plugins.pdf.deep.stage import DeepStage
from tests.support import active_pdfs as pdfs

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of a module in one event loop, as the stage that they share."""
    for item in items:
        if item.path.parent == HERE and item.get_closest_marker("asyncio"):
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[DeepStage]:
    stage = DeepStage(DeepOptions.model_validate({"workers": 1}))
    yield stage
    await stage.close()


@pytest.fixture
def inspect_pdf(stage: DeepStage, tmp_path: Path) -> pdfs.InspectPdf:
    async def run(*changes: pdfs.Change) -> StageReport:
        path = pdfs.write(tmp_path / "inspected.pdf", *changes)
        return await stage.inspect(pdfs.completion_context(path))

    return run
