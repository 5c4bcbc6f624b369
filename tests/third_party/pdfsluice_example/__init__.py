"""A third party's plugin: a stage, a store, an importer and a command.

It is made known by an entry point alone, as an installed distribution would be.
"""

import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from pydantic import BaseModel, Field

from pdfsluice.core import (
    CommandSpec,
    Finding,
    ImportContext,
    ImporterSpec,
    OptionsSpec,
    PluginContext,
    Severity,
    StageContext,
    StageReport,
    StreamStageSpec,
    UploadStoreSpec,
    hookimpl,
)
from pdfsluice.core.testing import MemoryUploadStore


class ExampleOptions(BaseModel, extra="forbid"):
    """Where the importer writes its receipts."""

    receipts: Path = Field(Path("receipts"), description="Folder for receipts.")


class LengthStage:
    """Notes how long the file is."""

    def __init__(self) -> None:
        self._seen = 0

    def feed(self, data: memoryview, offset: int) -> Sequence[Finding]:
        """Count."""
        assert offset == self._seen, "a stream stage sees the file in order"
        self._seen += len(data)
        return ()

    def finish(self) -> StageReport:
        """Report the length as a finding and as a fact."""
        note = Finding(
            kind="length",
            severity=Severity.INFO,
            stage="example-length",
            message=f"The file has {self._seen} bytes.",
        )
        return StageReport(findings=(note,), facts={"seen": self._seen})

    def checkpoint(self) -> bytes | None:
        """Begin again after a restart."""
        return None

    def close(self) -> None:
        """Do nothing: the stage holds no resources."""


class Receipts:
    """An importer that writes a receipt for each document."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def run(self, context: ImportContext) -> None:
        """Write the receipt; writing it again does no harm."""
        self._folder.mkdir(parents=True, exist_ok=True)
        text = f"{context.document.title}: {context.path.stat().st_size} bytes"
        (self._folder / f"{context.document.id}.txt").write_text(text)
        context.progress(1.0, "Receipt written")

    async def forget(self, document_id: int) -> None:
        """Delete the receipt of a deleted document."""
        (self._folder / f"{document_id}.txt").unlink(missing_ok=True)


@contextlib.asynccontextmanager
async def _open_store() -> AsyncIterator[MemoryUploadStore]:
    yield MemoryUploadStore()


def hello() -> None:
    """Say hello."""
    print("hello from a third party")


@hookimpl
def pdfsluice_register_options() -> Sequence[OptionsSpec]:
    """Register the section ``example``."""
    return [OptionsSpec(name="example", model=ExampleOptions)]


@hookimpl
def pdfsluice_register_stream_stages(context: PluginContext) -> Sequence[StreamStageSpec]:
    """Register the stage."""
    del context

    def open_stage(_: StageContext) -> LengthStage:
        return LengthStage()

    return [StreamStageSpec(name="example-length", open=open_stage, before=("digest",))]


@hookimpl
def pdfsluice_register_upload_stores(context: PluginContext) -> Sequence[UploadStoreSpec]:
    """Register the store, which keeps everything in memory."""
    del context
    return [UploadStoreSpec(name="example-memory", open=_open_store)]


@hookimpl
def pdfsluice_register_importers(context: PluginContext) -> Sequence[ImporterSpec]:
    """Register the importer."""
    folder = context.options("example", ExampleOptions).receipts
    return [ImporterSpec(name="example-receipts", importer=Receipts(folder), after=("text",))]


@hookimpl
def pdfsluice_register_commands() -> Sequence[CommandSpec]:
    """Register the command ``hello``."""
    return [CommandSpec(name="hello", help="Say hello.", target=f"{__name__}:hello")]
