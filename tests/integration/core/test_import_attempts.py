"""An importer receives the number of its attempt, and renderers that draw pages."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pdfsluice.core import (
    ImportContext,
    ImporterSpec,
    JobKind,
    PageRendererSpec,
    PluginContext,
    hookimpl,
)
from pdfsluice.core.runtime.runtime import LOCAL
from tests.support.runtimes import a_runtime, initiate, send_all
from tests.support.waiting import until

DATA = b"%PDF-1.7 a short file"


@dataclass(eq=False)
class Draws:
    """An importer that fails twice, and the renderer that it uses then."""

    attempts: list[int] = field(default_factory=list)
    drawn: list[bytes] = field(default_factory=list)

    @hookimpl
    def pdfsluice_register_importers(self, context: PluginContext) -> Sequence[ImporterSpec]:
        del context
        return [ImporterSpec(name="draws", importer=self)]

    @hookimpl
    def pdfsluice_register_page_renderers(
        self, context: PluginContext
    ) -> Sequence[PageRendererSpec]:
        del context
        return [PageRendererSpec(name="white", renderer=self)]

    async def render(self, path: Path, page: int, *, width: int) -> bytes:
        return f"{path.stat().st_size} bytes, page {page}, {width} wide".encode()

    async def run(self, context: ImportContext) -> None:
        self.attempts.append(context.attempt)
        if context.attempt < 3:
            raise ValueError("not yet")
        (renderer,) = context.renderers
        self.drawn.append(await renderer.render(context.path, 1, width=200))

    async def forget(self, document_id: int) -> None:
        del document_id


async def test_an_importer_knows_its_attempt_and_the_renderers(tmp_path: Path) -> None:
    plugin = Draws()
    async with a_runtime(tmp_path, plugin) as runtime:
        session = await initiate(runtime, DATA)
        await send_all(runtime, session, DATA)
        done = await runtime.uploads.complete(LOCAL, session.id)
        await until(lambda: plugin.drawn)
        status = await runtime.library.import_status(done.document)
    assert plugin.attempts == [1, 2, 3]
    assert plugin.drawn == [b"21 bytes, page 1, 200 wide"]
    assert [job.attempts for job in status.jobs if job.kind is JobKind.IMPORT] == [3]
