"""What a document catalogue that keeps versions of documents must do in addition."""

import asyncio

import pytest

from pdfsluice.core import (
    Catalogue,
    Document,
    DocumentFilter,
    JobKind,
    JobState,
    NewDocument,
    VersionedCatalogue,
)

from .asynchronous import AsyncContract
from .samples import make_document

_ALICE = "key:alice"


def _versioned(catalogue: Catalogue) -> VersionedCatalogue:
    """Return a catalogue that keeps versions; skip the test of another one."""
    if not isinstance(catalogue, VersionedCatalogue):
        pytest.skip("this catalogue keeps no versions")
    return catalogue


def _file(number: int, **changes: object) -> NewDocument:
    return make_document(sha256=f"{number:02x}" * 32, **changes)


async def _replace(catalogue: VersionedCatalogue, document: Document, number: int) -> Document:
    lineage = document.lineage or document.id
    return await catalogue.add(_file(number, lineage=lineage), [], unique=True)


class CatalogueVersionsContract(AsyncContract):
    """The part of the contract about versions; skipped if the catalogue keeps none."""

    async def test_a_new_version_takes_the_place_of_the_newest(self, catalogue: Catalogue) -> None:
        versioned = _versioned(catalogue)
        first = await versioned.add(_file(1), [])
        assert (first.version, first.lineage, first.replaced_by) == (1, None, None)
        second = await _replace(versioned, first, 2)
        third = await _replace(versioned, first, 3)
        assert [second.version, third.version] == [2, 3]
        versions = await versioned.versions(first.id, owner=_ALICE)
        assert [(each.id, each.version, each.replaced_by) for each in versions] == [
            (third.id, 3, None), (second.id, 2, third.id), (first.id, 1, second.id),
        ]  # fmt: skip
        assert {each.lineage for each in versions} == {first.id}
        assert await versioned.get(first.id, owner=_ALICE) == versions[-1]

    async def test_only_the_newest_version_is_listed_and_found(self, catalogue: Catalogue) -> None:
        versioned = _versioned(catalogue)
        first = await versioned.add(_file(1), [])
        other = await versioned.add(_file(9), [])
        second = await _replace(versioned, first, 2)
        documents, total = await versioned.list(owner=_ALICE)
        assert ([each.id for each in documents], total) == ([second.id, other.id], 2)
        documents, total = await versioned.list(owner=_ALICE, replaced=True)
        assert ([each.id for each in documents], total) == ([second.id, other.id, first.id], 3)
        assert await versioned.find(DocumentFilter(title="title"), owner=_ALICE) == [
            other.id, second.id,
        ]  # fmt: skip
        assert await versioned.find(DocumentFilter(documents=[first.id]), owner=_ALICE) == []
        assert await versioned.find_by_digest(first.sha256, owner=_ALICE) is None

    async def test_the_same_bytes_again_are_no_new_version(self, catalogue: Catalogue) -> None:
        """Those of an earlier version are one: the client has gone back to it."""
        versioned = _versioned(catalogue)
        first = await versioned.add(_file(1), [])
        second = await _replace(versioned, first, 2)
        assert (await _replace(versioned, first, 2)).id == second.id
        assert (await _replace(versioned, first, 1)).version == 3
        copy = await versioned.add(_file(1, lineage=first.id), [], unique=False)
        assert copy.version == 4

    async def test_simultaneous_versions_follow_each_other(self, catalogue: Catalogue) -> None:
        versioned = _versioned(catalogue)
        first = await versioned.add(_file(0), [])
        added = await asyncio.gather(*(_replace(versioned, first, n) for n in range(1, 9)))
        assert sorted(each.version for each in added) == list(range(2, 10))
        versions = await versioned.versions(first.id, owner=None)
        assert [each.version for each in versions] == list(range(9, 0, -1))
        following = [None, *(each.id for each in versions[:-1])]
        assert [each.replaced_by for each in versions] == following

    async def test_a_session_becomes_one_version(self, catalogue: Catalogue) -> None:
        versioned = _versioned(catalogue)
        first = await versioned.add(_file(1), [])
        new = _file(2, lineage=first.id)
        added = await asyncio.gather(*(versioned.add(new, []) for _ in range(5)))
        assert {each.version for each in added} == {2}
        assert len(await versioned.versions(first.id, owner=None)) == 2

    async def test_deleting_links_the_neighbours(self, catalogue: Catalogue) -> None:
        versioned = _versioned(catalogue)
        first = await versioned.add(_file(1), [])
        second, third, fourth = [await _replace(versioned, first, n) for n in (2, 3, 4)]
        await versioned.delete(second.id)
        assert (await versioned.get(first.id, owner=None)).replaced_by == third.id
        await versioned.delete(fourth.id)
        documents, _ = await versioned.list(owner=None)
        assert [each.id for each in documents] == [third.id], "it is the newest again"
        await versioned.delete(first.id)
        assert (await _replace(versioned, third, 5)).version == third.version + 1

    async def test_a_version_of_what_is_gone_is_a_document_of_its_own(
        self, catalogue: Catalogue
    ) -> None:
        versioned = _versioned(catalogue)
        first = await versioned.add(_file(1), [])
        await versioned.delete(first.id)
        alone = await _replace(versioned, first, 2)
        assert (alone.version, alone.lineage) == (1, None)

    async def test_other_owners_see_no_versions(self, catalogue: Catalogue) -> None:
        versioned = _versioned(catalogue)
        first = await versioned.add(_file(1), [])
        await _replace(versioned, first, 2)
        assert await versioned.versions(first.id, owner="key:mallory") == []
        assert await versioned.versions(2**40, owner=None) == []

    async def test_long_lineages_are_named(self, catalogue: Catalogue) -> None:
        versioned = _versioned(catalogue)
        first = await versioned.add(_file(1), [])
        await _replace(versioned, first, 2)
        await versioned.add(_file(3), [])
        assert await versioned.lineages(1) == [first.id]
        assert await versioned.lineages(2) == []

    async def test_replaced_documents_with_index_jobs_are_retired_once(
        self, catalogue: Catalogue
    ) -> None:
        versioned = _versioned(catalogue)
        first = await versioned.add(_file(1), [JobKind.INDEX])
        assert await versioned.retired() == []
        second = await versioned.add(_file(2, lineage=first.id), [JobKind.INDEX])
        claim = await versioned.claim()
        assert claim is not None
        assert claim[1].id == first.id
        assert [each.id for each in await versioned.retired()] == [first.id]
        await versioned.forget_index(first.id)
        assert len(await versioned.jobs(first.id)) == 1, "a running job would be reported"
        await versioned.report(claim[0][0].id, state=JobState.DONE, progress=1.0, message="")
        await versioned.forget_index(first.id)
        assert await versioned.retired() == []
        assert len(await versioned.jobs(second.id)) == 1
