"""The suite of importers fails for importers that break a rule."""

import asyncio

import pytest

from pdfsluice.core import ImportContext
from pdfsluice.core.testing.contracts import ImporterContract
from tests.support.broken import Broken, rules, suites


class Words:
    """An importer that is right, but for what a subclass breaks."""

    async def run(self, context: ImportContext) -> None:
        pages = [page async for page in context.catalogue.pages(context.document.id)]
        words = sum(len(page.text.split()) for page in pages)
        await context.catalogue.update(context.document.id, metadata={"words": str(words)})
        context.progress(1.0, f"{words} words")

    async def forget(self, document_id: int) -> None:
        pass


class Percent(Words):
    async def run(self, context: ImportContext) -> None:
        context.progress(100, "done\n")


class Adding(Words):
    """Adds to what it has written before."""

    async def run(self, context: ImportContext) -> None:
        document = await context.catalogue.get(context.document.id, owner=None)
        runs = str(int(document.metadata.get("runs", "0")) + 1)
        await context.catalogue.update(document.id, metadata={"runs": runs})


class Marking(Words):
    """Leaves a mark that it is running, and believes it."""

    async def run(self, context: ImportContext) -> None:
        document = await context.catalogue.get(context.document.id, owner=None)
        if document.metadata.get("mark") == "running":
            return
        await context.catalogue.update(document.id, metadata={"mark": "running"})
        await asyncio.sleep(0)
        await context.catalogue.update(document.id, metadata={"mark": "done"})


class Swallowing(Words):
    async def run(self, context: ImportContext) -> None:
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            return
        await super().run(context)


class Sharing(Words):
    """Keeps its context in an attribute."""

    async def run(self, context: ImportContext) -> None:
        self._context = context
        await asyncio.sleep(0)
        await super().run(self._context)


class Moving(Words):
    async def run(self, context: ImportContext) -> None:
        context.path.with_suffix(".txt").write_text("")


class Drawing(Words):
    async def run(self, context: ImportContext) -> None:
        assert context.preview is not None
        await context.preview(1, 100)


class Parsing(Words):
    async def run(self, context: ImportContext) -> None:
        assert context.path.read_bytes().endswith(b"%%EOF\n")


class Reviving(Words):
    async def run(self, context: ImportContext) -> None:
        if not (await context.catalogue.list(owner=None))[1]:
            await context.catalogue.add(context.document, [])


class Remembering(Words):
    """Forgets only what it remembers, and imports nothing twice."""

    def __init__(self) -> None:
        self._documents: list[int] = []

    async def run(self, context: ImportContext) -> None:
        self._documents.append(context.document.id)

    async def forget(self, document_id: int) -> None:
        assert document_id in self._documents, "unknown"
        self._documents.remove(document_id)


IMPORTERS = [
    Broken(ImporterContract, rule, {"importer": importer}, only=only)
    for rule, importer, only in (
        ("test_its_progress_can_be_shown", Percent, {}),
        ("test_repeating_it_changes_nothing", Adding, {}),
        (
            "test_an_interrupted_run_is_repeated_without_a_trace",
            Marking,
            {"turns": 1},
        ),
        ("test_an_interrupted_run_is_repeated_without_a_trace", Swallowing, {"turns": 1}),
        ("test_documents_imported_at_the_same_time_do_not_mix", Sharing, {}),
        ("test_the_file_stays_as_it_is", Moving, {}),
        ("test_it_manages_without_what_may_be_missing", Drawing, {}),
        ("test_a_damaged_file_is_no_defect", Parsing, {"name": "cut-off"}),
        ("test_a_document_that_is_gone_stays_gone", Reviving, {}),
        ("test_a_document_can_be_forgotten_twice_and_imported_again", Remembering, {}),
    )
]

globals().update(suites(IMPORTERS, __name__))


def test_each_rule_is_broken_by_a_part() -> None:
    assert {row.rule for row in IMPORTERS} == rules(ImporterContract)


class TestWords(ImporterContract):
    @pytest.fixture
    def importer(self) -> Words:
        return Words()
