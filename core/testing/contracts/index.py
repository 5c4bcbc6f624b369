"""What every search index must do."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from pdfsluice.core import Document, Index, PageText, Passage

from .asynchronous import AsyncContract
from .files import in_time
from .reopening import NOT_LASTING, Reopen
from .samples import make_stored_document

OWL = ("The owl hunts at night.", "Mice are its food.", "An owl turns its head. The owl sees.")
WHALE = ("A whale sings under water.", "", "Plankton is its food.")
STRANGE_QUERIES = {
    "empty": "",
    "blank": "  \t\n",
    "syntax": "\"owl OR (NOT -* ^:{}[]~'; --",
    "null": "owl\0",
    "other-scripts": "Сова 梟 🦉",
    "long": "owl " * 3000,
}
_NO_DOCUMENT = 987_654_321


class IndexContract(AsyncContract):
    """The tests of a search index.

    Override ``index`` with an open, empty index that finds words. Override ``reopen``, too, if
    the index outlives its process.
    """

    @pytest.fixture
    def index(self) -> Index:
        raise NotImplementedError("override the fixture 'index'")

    @pytest.fixture
    def reopen(self) -> Reopen[Index]:
        """Open one index again and again, at first an empty one."""
        pytest.skip(NOT_LASTING)

    async def test_documents_are_found_after_opening_again(self, reopen: Reopen[Index]) -> None:
        async with reopen() as index:
            owl, whale = await _both(index)
            await in_time(index.remove(whale.id))
        async with reopen() as index:
            assert (await _best(index, "mice")).document_id == owl.id
            assert await _words(index, "plankton") == []

    async def test_words_are_found_with_their_page(self, index: Index) -> None:
        owl, whale = await _both(index)
        best = await _best(index, "plankton")
        assert (best.document_id, best.page) == (whale.id, 3)
        assert "Plankton" in best.text
        best = await _best(index, "mice")
        assert (best.document_id, best.page) == (owl.id, 2)

    async def test_the_best_come_first_and_no_more_than_asked_for(self, index: Index) -> None:
        await _both(index)
        hits = await _search(index, "owl", top_k=10)
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        assert list(await _search(index, "owl", top_k=1)) == list(hits[:1])
        assert hits

    async def test_owners_see_only_what_is_theirs(self, index: Index) -> None:
        owl, whale = await _both(index)
        for owner, documents in (
            ("ann", {owl.id}),
            ("bob", {whale.id}),
            ("mallory", set()),
            (None, {owl.id, whale.id}),
        ):
            hits = await _search(index, "food", owner=owner)
            assert {hit.document_id for hit in hits} == documents

    async def test_a_search_is_confined_to_the_documents_named(self, index: Index) -> None:
        owl, whale = await _both(index)
        for documents in ([owl.id], [whale.id], [_NO_DOCUMENT], []):
            hits = await _search(index, "food", documents=documents)
            assert {hit.document_id for hit in hits} == set(documents) - {_NO_DOCUMENT}

    async def test_what_is_found_by_words_alone_has_them(self, index: Index) -> None:
        """By meaning alone an index that knows words only finds nothing."""
        owl, _ = await _both(index)
        hits = await _search(index, "mice", match="words")
        assert [(hit.document_id, hit.page) for hit in hits] == [(owl.id, 2)]
        for hit in await _search(index, "mice", match="meaning"):
            assert hit.match == "meaning"

    async def test_a_document_added_again_is_replaced(self, index: Index) -> None:
        owl, _ = await _both(index)
        await _add(index, owl, ("The lark sings by day.",))
        assert owl.id not in {hit.document_id for hit in await _words(index, "owl")}
        best = await _best(index, "lark")
        assert (best.document_id, best.page) == (owl.id, 1)

    async def test_what_is_removed_is_not_found(self, index: Index) -> None:
        owl, whale = await _both(index)
        for document_id in (owl.id, owl.id, _NO_DOCUMENT):
            await in_time(index.remove(document_id))
        hits = await _search(index, "food")
        assert {hit.document_id for hit in hits} == {whale.id}

    async def test_a_removed_document_can_be_added_again(self, index: Index) -> None:
        owl, _ = await _both(index)
        await in_time(index.remove(owl.id))
        await _add(index, owl, OWL)
        assert (await _best(index, "mice")).document_id == owl.id

    async def test_passages_are_counted(self, index: Index) -> None:
        assert await _add(index, make_stored_document(id=1), OWL) >= 1
        assert await _add(index, make_stored_document(id=2), ()) == 0

    async def test_it_is_empty_while_it_has_no_passage(self, index: Index) -> None:
        is_empty = getattr(index, "is_empty", None)
        if is_empty is None:
            pytest.skip("this index does not report whether it is empty")
        assert await in_time(is_empty())
        owl, whale = await _both(index)
        await in_time(index.remove(owl.id))
        assert not await in_time(is_empty())
        await in_time(index.remove(whale.id))
        assert await in_time(is_empty())

    async def test_progress_can_be_shown(self, index: Index) -> None:
        steps: list[tuple[float, str]] = []

        def progress(done: float, message: str) -> None:
            steps.append((done, message))

        await in_time(index.add(make_stored_document(id=1), _pages(OWL), progress))
        assert all(0 <= done <= 1 and message.isprintable() for done, message in steps)

    async def test_pages_that_break_off_are_an_error(self, index: Index) -> None:
        """The document can be added again."""

        async def broken() -> AsyncIterator[PageText]:
            yield PageText(1, OWL[0])
            raise ConnectionError("the catalogue has gone")

        document = make_stored_document(id=1)
        with pytest.raises(ConnectionError):
            await in_time(index.add(document, broken(), _quiet))
        await _add(index, document, OWL)
        assert (await _best(index, "mice")).document_id == 1

    async def test_documents_added_at_the_same_time_do_not_mix(self, index: Index) -> None:
        texts = [(f"The number {word} is alone.",) for word in ("seven", "eleven", "thirteen")]
        await asyncio.gather(
            *(
                _add(index, make_stored_document(id=number), text)
                for number, text in enumerate(texts, 1)
            )
        )
        for number, word in enumerate(("seven", "eleven", "thirteen"), 1):
            assert (await _best(index, word)).document_id == number

    @pytest.mark.parametrize("name", STRANGE_QUERIES)
    async def test_no_query_is_an_error(self, index: Index, name: str) -> None:
        owl, _ = await _both(index)
        hits = await _search(index, STRANGE_QUERIES[name], owner="ann")
        assert all(isinstance(hit, Passage) and hit.document_id == owl.id for hit in hits)


def _quiet(done: float, message: str) -> None:
    pass


async def _pages(texts: Sequence[str]) -> AsyncIterator[PageText]:
    for number, text in enumerate(texts, 1):
        yield PageText(number, text)


async def _add(index: Index, document: Document, texts: Sequence[str]) -> int:
    return await in_time(index.add(document, _pages(texts), _quiet))


async def _both(index: Index) -> tuple[Document, Document]:
    owl = make_stored_document(id=1, owner="ann", title="Owls", page_count=len(OWL))
    whale = make_stored_document(id=2, owner="bob", title="Whales", page_count=len(WHALE))
    await _add(index, owl, OWL)
    await _add(index, whale, WHALE)
    return owl, whale


async def _search(index: Index, query: str, **changes: Any) -> Sequence[Passage]:
    arguments: dict[str, Any] = {"top_k": 20, "owner": None, **changes}
    return await in_time(index.search(query, **arguments))


async def _best(index: Index, query: str) -> Passage:
    hits = await _search(index, query)
    assert hits, f"nothing was found for {query!r}"
    return hits[0]


async def _words(index: Index, word: str) -> Sequence[Passage]:
    """Return the hits that have a word; an index may find others by their meaning."""
    return [hit for hit in await _search(index, word) if word in hit.text.lower()]
