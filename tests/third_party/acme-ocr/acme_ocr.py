"""An importer that reads the pictures of pages without text with tesseract."""

import asyncio
import shutil
from collections.abc import Sequence

from pdfsluice.core import ImportContext, ImporterSpec, PageText, PluginContext, hookimpl

WIDTH = 1600


class Ocr:
    async def run(self, context: ImportContext) -> None:
        if not context.renderers or shutil.which("tesseract") is None:
            return
        empty = [p async for p in context.catalogue.pages(context.document.id) if not p.text]
        for number, page in enumerate(empty):
            await context.wait_for_turn()
            picture = await context.renderers[0].render(context.path, page.number, width=WIDTH)
            text = await read(picture)
            await context.catalogue.save_pages(context.document.id, [PageText(page.number, text)])
            context.progress((number + 1) / len(empty), f"OCR read {number + 1} pages")

    async def forget(self, document_id: int) -> None:
        return


async def read(picture: bytes) -> str:
    child = await asyncio.create_subprocess_exec(
        "tesseract",
        *("stdin", "stdout"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        output, _ = await child.communicate(picture)
    finally:
        if child.returncode is None:
            child.kill()
    return output.decode(errors="replace").strip()


@hookimpl
def pdfsluice_register_importers(context: PluginContext) -> Sequence[ImporterSpec]:
    return [ImporterSpec(name="acme-ocr", importer=Ocr(), required=False, after=("text",))]
