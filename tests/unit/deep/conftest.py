"""A real deep stage, with one real child."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pdfsluice.core.findings import StageReport
from pdfsluice.plugins.pdf.deep.options import DeepOptions
from pdfsluice.plugins.pdf.deep.stage import DeepStage
from tests.support import active_pdfs as pdfs


@pytest.fixture
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
