"""What a catalogue must do when it is asked for documents or for pages."""

from datetime import timedelta
from typing import Any

from pdfsluice.core import (
    Catalogue,
    Decision,
    DocumentFilter,
    Finding,
    PageLayout,
    PageText,
    Severity,
    TextSource,
)

from .asynchronous import AsyncContract
from .samples import make_document

NO_IDS = (0, -1, 999, 2**63, -(2**70))


async def pages_of(catalogue: Catalogue, document_id: int) -> list[PageText]:
    """Return the text of all pages."""
    return [page async for page in catalogue.pages(document_id)]


class CatalogueReadingContract(AsyncContract):
    """Part of :class:`.catalogue.CatalogueContract`, to be used through it."""

    async def test_tags_are_replaced(self, catalogue: Catalogue) -> None:
        added = await catalogue.add(make_document(tags=("old",)), [])
        assert added.tags == ("old",)
        changed = await catalogue.update(added.id, tags=["Straße", "2024"])
        assert changed.tags == ("Straße", "2024")
        assert await catalogue.get(added.id, owner=None) == changed
        assert (await catalogue.update(added.id, title="Neu")).tags == ("Straße", "2024")
        assert (await catalogue.update(added.id, tags=[])).tags == ()

    async def test_several_documents_are_returned_together(self, catalogue: Catalogue) -> None:
        one = await catalogue.add(make_document(), [])
        two = await catalogue.add(make_document(sha256="2" * 64), [])
        other = await catalogue.add(make_document(owner="key:bob"), [])
        ids = [other.id, two.id, one.id, one.id, *NO_IDS]
        assert await catalogue.get_many(ids, owner=one.owner) == {one.id: one, two.id: two}
        assert set(await catalogue.get_many(ids, owner=None)) == {one.id, two.id, other.id}
        assert await catalogue.get_many([], owner=None) == {}

    async def test_documents_are_found_by_what_is_known_of_them(self, catalogue: Catalogue) -> None:
        day = timedelta(days=1)
        first = await catalogue.add(
            make_document(title="Wehr und STRASSE", tags=("Water", "de"), metadata={"Author": "Ä"}),
            [],
        )
        second = await catalogue.add(
            make_document(filename="weir.pdf", created_at=first.created_at + day, tags=("water",)),
            [],
        )
        other = await catalogue.add(make_document(owner="key:bob", tags=("water",)), [])

        async def found(owner: str | None = "key:alice", **conditions: Any) -> list[int]:
            return list(await catalogue.find(DocumentFilter(**conditions), owner=owner))

        both = [first.id, second.id]
        assert await found() == both
        assert await found(owner=None) == [*both, other.id]
        assert await found(documents=[second.id, other.id, *NO_IDS]) == [second.id]
        assert await found(documents=[]) == []
        assert await found(title="straße") == [first.id]
        assert await found(title="WEIR") == [second.id]
        assert await found(title="100%_") == []
        assert await found(tags=["WATER"]) == both
        assert await found(tags=["water", "DE"]) == [first.id]
        assert await found(uploaded_from=second.created_at) == [second.id]
        assert await found(uploaded_before=second.created_at) == [first.id]
        assert await found(metadata={"author": "ä"}) == both
        assert await found(metadata={"author": "ä", "Subject": ""}) == []
        assert await found(tags=["water"], title="wehr", uploaded_from=second.created_at) == []

    async def test_single_pages_come_with_their_layouts(self, catalogue: Catalogue) -> None:
        added = await catalogue.add(make_document(), [])
        other = await catalogue.add(make_document(), [])
        layout = PageLayout(612, 792, "iv").encode()
        pages = [PageText(number, f"page {number}", layout=layout) for number in range(1, 251)]
        await catalogue.save_pages(added.id, pages)
        await catalogue.save_pages(other.id, [PageText(1, "bare")])
        wanted = {(added.id, 7), (other.id, 1), (added.id, 999), *((n, 1) for n in NO_IDS)}
        wanted |= {(added.id, n) for n in (0, -1, 2**31, 2**70)}
        assert await catalogue.pages_at(wanted) == {
            (added.id, 7): PageText(7, "page 7", layout=layout),
            (other.id, 1): PageText(1, "bare"),
        }
        assert await catalogue.pages_at([]) == {}
        every = await catalogue.pages_at([(added.id, number) for number in range(1, 251)])
        assert len(every) == 250
        assert (await pages_of(catalogue, added.id))[0] == PageText(1, "page 1")
        await catalogue.save_pages(added.id, [PageText(7, "again")])
        assert await catalogue.pages_at([(added.id, 7)]) == {(added.id, 7): PageText(7, "again")}

    async def test_pages_without_text_of_their_own_are_known(self, catalogue: Catalogue) -> None:
        added = await catalogue.add(make_document(), [])
        picture = PageText(2, "", source=TextSource.NONE)
        read = PageText(30, "read", source=TextSource.OCR)
        await catalogue.save_pages(added.id, [read, PageText(1, "typed"), picture])
        assert list((await catalogue.pages_without_text(added.id)).items()) == [
            (2, TextSource.NONE),
            (30, TextSource.OCR),
        ]
        sources = [page.source for page in await pages_of(catalogue, added.id)]
        assert sources == [TextSource.TEXT, TextSource.NONE, TextSource.OCR]
        assert await catalogue.pages_at([(added.id, 30)]) == {(added.id, 30): read}
        await catalogue.save_pages(added.id, [PageText(2, "typed after all")])
        assert await catalogue.pages_without_text(added.id) == {30: TextSource.OCR}
        for number in NO_IDS:
            assert await catalogue.pages_without_text(number) == {}

    async def test_findings_are_added_to(self, catalogue: Catalogue) -> None:
        """Those of the same kind and stage are replaced, as imports are repeated."""

        def finding(stage: str, message: str) -> Finding:
            return Finding(kind="word", severity=Severity.LOW, stage=stage, message=message)

        first, second = finding("a", "first"), finding("b", "second")
        added = await catalogue.add(make_document(findings=(first,)), [])
        changed = await catalogue.update(added.id, findings=[second])
        assert changed.findings == (first, second)
        again = finding("b", "again")
        changed = await catalogue.update(added.id, findings=[again], title="New")
        assert (changed.findings, changed.title) == ((first, again), "New")
        assert await catalogue.get(added.id, owner=None) == changed
        assert (await catalogue.update(added.id, findings=[])).findings == (first, again)

    async def test_a_decision_is_raised_and_never_lowered(self, catalogue: Catalogue) -> None:
        added = await catalogue.add(make_document(decision=Decision.NOTE), [])
        for decision in (Decision.FLAG, Decision.NOTE):
            changed = await catalogue.update(added.id, decision=decision)
            assert changed.decision is Decision.FLAG
            assert await catalogue.get(added.id, owner=None) == changed
