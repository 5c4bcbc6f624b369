"""The built-in parts and the doubles keep the contracts of their ports.

Parts with child processes are opened once: starting them takes longer than the tests.
"""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import ClassVar

import pytest
import pytest_asyncio
from PIL import Image, ImageDraw, ImageFont

from pdfsluice.cli.testing import CommandContract
from pdfsluice.core import (
    CommandSpec,
    CompletionStage,
    Importer,
    Index,
    PageRenderer,
    PageText,
    StageFailed,
    TextExtractor,
    TextRecognizer,
)
from pdfsluice.core.testing import MemoryIndex
from pdfsluice.core.testing.contracts import (
    CompletionStageContract,
    FileCase,
    ImportCase,
    ImporterContract,
    IndexContract,
    PageRendererContract,
    TextExtractorContract,
    TextRecognizerContract,
)
from pdfsluice.core.testing.contracts.files import TEXTS
from pdfsluice.core.testing.contracts.reopening import Reopen
from pdfsluice.core.testing.pdfs import make_pdf
from pdfsluice.plugins import api_keys, scan
from pdfsluice.plugins.importers.disk_space import DiskSpace
from pdfsluice.plugins.importers.options import TextOptions
from pdfsluice.plugins.importers.text import TextImporter
from pdfsluice.plugins.importers.thumbnail import ThumbnailImporter
from pdfsluice.plugins.llamaindex.index import open_index
from pdfsluice.plugins.llamaindex.options import IndexOptions
from pdfsluice.plugins.markdown.extractor import MarkdownText
from pdfsluice.plugins.markdown.options import MarkdownOptions
from pdfsluice.plugins.pdf.deep.options import DeepOptions
from pdfsluice.plugins.pdf.deep.stage import DeepStage
from pdfsluice.plugins.pdfium.extractor import PdfiumText
from pdfsluice.plugins.pdfium.options import PdfiumOptions
from pdfsluice.plugins.pdfium.renderer import PdfiumPictures
from pdfsluice.plugins.pypdf_text.extractor import PypdfText
from pdfsluice.plugins.pypdf_text.options import PypdfOptions
from pdfsluice.plugins.tesseract.options import TesseractOptions
from pdfsluice.plugins.tesseract.recognizer import Tesseract
from pdfsluice.plugins.yara.options import YaraOptions
from pdfsluice.plugins.yara.stage import open_stage as open_yara
from tests.support.active_pdfs import javascript, opens_with, write

shared = pytest_asyncio.fixture(scope="module", loop_scope="module")
MODULE = pytest.mark.asyncio(loop_scope="module")


@shared
async def pdfium_text() -> AsyncIterator[TextExtractor]:
    extractor = PdfiumText(PdfiumOptions())
    yield extractor
    await extractor.close()


@shared
async def pypdf_text() -> AsyncIterator[TextExtractor]:
    extractor = PypdfText(PypdfOptions())
    yield extractor
    await extractor.close()


@shared
async def markdown() -> AsyncIterator[TextExtractor]:
    extractor = MarkdownText(MarkdownOptions())
    yield extractor
    await extractor.close()


@shared
async def pdfium_pictures() -> AsyncIterator[PageRenderer]:
    renderer = PdfiumPictures(PdfiumOptions())
    yield renderer
    await renderer.close()


@shared
async def deep_stage() -> AsyncIterator[CompletionStage]:
    stage = DeepStage(DeepOptions.model_validate({}))
    yield stage
    await stage.close()


@shared
async def yara_stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[CompletionStage]:
    pytest.importorskip("yara_x", reason="the extra 'yara' is not installed")
    rules = tmp_path_factory.mktemp("rules")
    (rules / "bait.yar").write_text('rule bait { strings: $a = "bait" condition: $a }')
    async with open_yara(YaraOptions.model_validate({"rules": rules}), rules) as stage:
        yield stage


@shared
async def llama_index(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Index]:
    async with open_index(IndexOptions(), tmp_path_factory.mktemp("index")) as index:
        yield index


@pytest_asyncio.fixture(loop_scope="module")
async def emptied(llama_index: Index) -> None:
    """Remove what the test before has added."""
    for document_id in range(1, 4):
        await llama_index.remove(document_id)


class TestPdfiumText(TextExtractorContract):
    pytestmark = MODULE

    @pytest.fixture
    def extractor(self, pdfium_text: TextExtractor) -> TextExtractor:
        return pdfium_text


class TestPypdfText(TextExtractorContract):
    pytestmark = MODULE

    @pytest.fixture
    def extractor(self, pypdf_text: TextExtractor) -> TextExtractor:
        return pypdf_text


class TestMarkdown(TextExtractorContract):
    pytestmark = MODULE

    @pytest.fixture
    def extractor(self, markdown: TextExtractor) -> TextExtractor:
        return markdown


class TestPdfiumPictures(PageRendererContract):
    pytestmark = MODULE

    @pytest.fixture
    def renderer(self, pdfium_pictures: PageRenderer) -> PageRenderer:
        return pdfium_pictures


@shared
async def tesseract() -> AsyncIterator[TextRecognizer]:
    recognizer = Tesseract(TesseractOptions.model_validate({}))
    if missing := await recognizer.obstacle():
        pytest.skip(missing)
    yield recognizer
    await recognizer.close()


class TestTesseract(TextRecognizerContract):
    pytestmark = MODULE

    @pytest.fixture
    def recognizer(self, tesseract: TextRecognizer) -> TextRecognizer:
        return tesseract

    @pytest.fixture
    def words(self) -> Sequence[str]:
        return ["NORTHERN", "SLUICE"]

    @pytest.fixture
    def picture(self, words: Sequence[str]) -> bytes:
        image = Image.new("L", (1200, 400), 255)
        font = ImageFont.load_default(size=90)
        ImageDraw.Draw(image).text((60, 140), " ".join(words), fill=0, font=font)
        buffer = BytesIO()
        image.save(buffer, "JPEG")
        return buffer.getvalue()


class TestDeepStage(CompletionStageContract):
    pytestmark = MODULE

    @pytest.fixture
    def stage(self, deep_stage: CompletionStage) -> CompletionStage:
        return deep_stage

    @pytest.fixture
    def cases(self, tmp_path: Path) -> Sequence[FileCase]:
        script = write(tmp_path / "script.pdf", opens_with(javascript())).read_bytes()
        return [
            FileCase(name="plain", content=make_pdf(["A page."])),
            FileCase(name="script", content=script, kinds=frozenset({"javascript", "open_action"})),
        ]


class TestYaraStage(CompletionStageContract):
    pytestmark = MODULE

    @pytest.fixture
    def stage(self, yara_stage: CompletionStage) -> CompletionStage:
        return yara_stage

    @pytest.fixture
    def cases(self) -> Sequence[FileCase]:
        bait = make_pdf(["A bait."], compress=False)
        return [
            FileCase(name="plain", content=make_pdf(["A page."])),
            FileCase(name="bait", content=bait, kinds=frozenset({"malware"})),
        ]


class Reader:
    """An extractor without a process of its own, for undamaged files alone."""

    async def pages(self, path: Path, *, first: int = 1) -> AsyncIterator[PageText]:
        if path.read_bytes() != make_pdf(TEXTS):
            raise StageFailed("The file is damaged.")
        for number, text in enumerate(TEXTS[first - 1 :], first):
            yield PageText(number, text)


class TestTextImporter(ImporterContract):
    @pytest.fixture
    def importer(self, tmp_path: Path) -> Importer:
        return TextImporter(TextOptions(), DiskSpace(tmp_path, 0))

    @pytest.fixture
    def case(self) -> ImportCase:
        return ImportCase(pages=(), extractors=(Reader(),))


class TestThumbnailImporter(ImporterContract):
    @pytest.fixture
    def importer(self) -> Importer:
        return ThumbnailImporter()


class TestLlamaIndex(IndexContract):
    pytestmark: ClassVar = [MODULE, pytest.mark.long]  # its processes load two models

    @pytest.fixture
    def reopen(self, tmp_path: Path) -> Reopen[Index]:
        return partial(open_index, IndexOptions(), tmp_path)

    @pytest.fixture
    def index(self, llama_index: Index, emptied: None) -> Index:
        return llama_index


class TestMemoryIndex(IndexContract):
    @pytest.fixture
    def index(self) -> Index:
        return MemoryIndex()


class TestScanCommand(CommandContract):
    @pytest.fixture
    def spec(self) -> CommandSpec:
        (spec,) = scan.pdfsluice_register_commands()
        return spec

    @pytest.fixture
    def calls(self, tmp_path: Path) -> Sequence[Sequence[str]]:
        file = tmp_path / "file.pdf"
        file.write_bytes(make_pdf(["A page."]))
        return [["--explain", "javascript"], [str(file), "--json"]]


class TestKeysCommand(CommandContract):
    @pytest.fixture
    def spec(self) -> CommandSpec:
        (spec,) = api_keys.pdfsluice_register_commands()
        return spec

    @pytest.fixture
    def calls(self, tmp_path: Path) -> Sequence[Sequence[str]]:
        folder = f"--data-dir={tmp_path}"
        return [["add", "ann", folder], ["list", folder]]
