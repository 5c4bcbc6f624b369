"""Search over HTTP: places, snippets, filters, pages of results."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.runtimes import STORES
from tests.support.scans import HEIGHT, WIDTH, picture_of, write_scan
from tests.support.waiting import until
from tests.support.web import WebServer, a_server, body_of, problem_of

BUILT_IN = (*STORES, "api_keys", "pdfium", "tesseract", "importers", "llamaindex")
pytestmark = pytest.mark.asyncio(loop_scope="module")
FILLER = "Nothing of note happened on this day. " * 6


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def library(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WebServer]:
    """A server with three indexed documents: two about sluices, one about bread."""
    folder: Path = tmp_path_factory.mktemp("search")
    async with a_server(folder, built_in=BUILT_IN, index="llama-index") as server:
        for title, pages in {
            "Sluices of 2023": [FILLER, f"{FILLER}\nThe northern sluice was painted green."],
            "Sluices of 2024": ["The southern sluice leaks.", "A sluice needs oil.", FILLER],
            "Bread": ["Flour, water and salt."],
        }.items():
            document = await server.upload(make_pdf(pages, title=title), title=title)
            async with server.http.post(f"/api/documents/{document['id']}/index") as response:
                assert response.status == 202
            await until(partial(_is_indexed, server, document["id"]), seconds=120)
        yield server


async def _is_indexed(server: WebServer, document_id: int) -> bool:
    async with server.http.get(f"/api/documents/{document_id}/import") as response:
        return bool((await body_of(response))["index_status"] == "done")


async def search(server: WebServer, query: str, **fields: Any) -> Any:
    async with server.http.post("/api/documents/search", json={"query": query, **fields}) as found:
        assert found.status == 200, await found.text()
        return await body_of(found)


async def test_a_hit_has_its_place_and_a_snippet(library: WebServer) -> None:
    answer = await search(library, "northern sluices")
    hit = answer["results"][0]
    assert (hit["title"], hit["page"], hit["match"]) == ("Sluices of 2023", 2, "words")
    assert [part["text"] for part in hit["snippet"] if part["marked"]] == ["northern", "sluice"]
    place = hit["place"]
    assert (place["width"], place["height"], place["label"]) == (612, 792, "")
    lines = place["rectangles"]
    for mark in place["marks"]:
        left, top, right, bottom = mark
        assert 0 < left < right < 612
        assert any(y0 <= top and bottom <= y1 for _, y0, _, y1 in lines), "on a line of the passage"
    assert len(place["marks"]) == 2


async def test_results_are_grouped_by_document(library: WebServer) -> None:
    answer = await search(library, "sluice", top_k=20)
    titles = [answer["results"][number]["title"] for number in range(len(answer["results"]))]
    grouped = {found["title"]: found["results"] for found in answer["documents"]}
    assert sorted(number for numbers in grouped.values() for number in numbers) == list(
        range(len(titles))
    )
    for title, numbers in grouped.items():
        assert {titles[number] for number in numbers} == {title}
    assert answer["documents"][0]["results"][0] == 0
    assert answer["next"] is None


async def test_pages_of_results_follow_each_other(library: WebServer) -> None:
    whole = [hit["text"] for hit in (await search(library, "sluice", top_k=20))["results"]]
    assert len(whole) >= 3
    paged: list[str] = []
    offset: int | None = 0
    while offset is not None:
        answer = await search(library, "sluice", top_k=1, offset=offset)
        paged += [hit["text"] for hit in answer["results"]]
        offset = answer["next"]
    assert paged == whole


async def test_passages_are_found_by_words_or_by_meaning_alone(library: WebServer) -> None:
    by_words = await search(library, "northern lock", top_k=20, match="words")
    assert {hit["match"] for hit in by_words["results"]} == {"words"}
    by_meaning = await search(library, "ingredients of a loaf", match="meaning")
    assert [(hit["title"], hit["match"]) for hit in by_meaning["results"]] == [("Bread", "meaning")]
    assert (await search(library, "ingredients of a loaf", match="words"))["results"] == []
    for body in ({"match": "guess"}, {"match": ""}):
        request = {"query": "bread", **body}
        async with library.http.post("/api/documents/search", json=request) as response:
            problem = await problem_of(response, 400, "bad-request")
            assert "match" in problem["message"]


async def test_a_query_that_nothing_answers_returns_nothing(library: WebServer) -> None:
    """A common word of the documents is no answer to a long query about other things."""
    for query in ("how to tune a northern guitar by ear", "xkcd zqwv plorg"):
        assert (await search(library, query, top_k=20))["results"] == []
    by_words = await search(library, "how to tune a northern guitar by ear", match="words")
    assert [hit["title"] for hit in by_words["results"]] == ["Sluices of 2023"]


async def test_filters_narrow_a_search(library: WebServer) -> None:
    async with library.http.get("/api/documents") as response:
        ids = {each["title"]: each["id"] for each in (await body_of(response))["documents"]}
    one = f"/api/documents/{ids['Sluices of 2024']}"
    async with library.http.patch(one, json={"tags": ["Leaks", "leaks", "2024"]}) as response:
        assert (await body_of(response))["tags"] == ["Leaks", "2024"]

    async def titles(**conditions: Any) -> set[str]:
        answer = await search(library, "sluice", top_k=20, filter=conditions)
        return {hit["title"] for hit in answer["results"]}

    assert await titles(documents=[ids["Sluices of 2023"]]) == {"Sluices of 2023"}
    assert await titles(title="of 2024") == {"Sluices of 2024"}
    assert await titles(tags=["LEAKS"]) == {"Sluices of 2024"}
    assert await titles(uploaded_before="2020-01-01T00:00:00Z") == set()
    assert await titles(uploaded_from="2020-01-01T00:00:00+02:00") >= {"Sluices of 2023"}
    assert await titles(title="no such title") == set()
    assert await titles(metadata={"Title": "2023"}) <= {"Sluices of 2023"}
    for wrong in (
        {"colour": "red"}, {"documents": [0]}, {"uploaded_from": "2020-01-01"}, {"tags": [""]},
    ):  # fmt: skip
        request = {"query": "a", "filter": wrong}
        async with library.http.post("/api/documents/search", json=request) as response:
            await problem_of(response, 400, "bad-request")
    async with library.http.post(
        "/api/documents/search", json={"query": "a", "offset": 901}
    ) as response:
        await problem_of(response, 400, "bad-request")


@pytest.mark.parametrize("query", ["?!", "\U0001f642", "\u200b\u2026", '"', "\0"])
async def test_a_query_without_words_finds_nothing(library: WebServer, query: str) -> None:
    for match in ({}, {"match": "words"}, {"match": "meaning"}):
        assert (await search(library, query, **match))["results"] == []


async def test_a_new_title_finds_a_document(library: WebServer) -> None:
    document = await library.upload(make_pdf(["Income was 17."]), title="scan")
    one = f"/api/documents/{document['id']}"
    async with library.http.patch(one, json={"title": "Orionwater 2031"}) as response:
        assert response.status == 200
    async with library.http.get(f"{one}/import") as response:
        assert (await body_of(response))["index_status"] == "none", "it was not indexed before"
    async with library.http.post(f"{one}/index") as response:
        assert response.status == 202
    await until(partial(_is_indexed, library, document["id"]), seconds=120)
    async with library.http.patch(one, json={"title": "Lyrapress 2031"}) as response:
        assert response.status == 200
    await until(partial(_is_indexed, library, document["id"]), seconds=120)
    found = await search(library, "income of Lyrapress in 2031", match="words")
    assert [hit["title"] for hit in found["results"]] == ["Lyrapress 2031"]
    await library.http.delete(one)


async def test_what_was_deleted_behind_the_index_is_forgotten(library: WebServer) -> None:
    """As if another node had indexed it meanwhile, or a server had been stopped."""
    document = await library.upload(make_pdf(["An avocet wades."]), title="Birds")
    async with library.http.post(f"/api/documents/{document['id']}/index") as response:
        assert response.status == 202
    await until(partial(_is_indexed, library, document["id"]), seconds=120)
    later = await library.upload(make_pdf(["A later one."]), title="Later")
    index = library.runtime.library._indexing.require()
    await library.runtime.scrubber._catalogue.delete(document["id"])
    assert await index.search("avocet", top_k=1, owner=None, match="words")
    assert (await search(library, "avocet", match="words"))["results"] == []
    assert not await index.search("avocet", top_k=1, owner=None, match="words")
    await library.http.delete(f"/api/documents/{later['id']}")


async def test_tags_are_words(library: WebServer) -> None:
    async with library.http.get("/api/documents") as response:
        one = f"/api/documents/{(await body_of(response))['documents'][0]['id']}"
    for wrong in ({"tags": ["x" * 65]}, {"tags": [str(n) for n in range(33)]}, {"tags": "a"}):
        async with library.http.patch(one, json=wrong) as response:
            await problem_of(response, 400, "bad-request")


async def test_old_clients_see_what_they_saw(library: WebServer) -> None:
    answer = await search(library, "bread", top_k=1)
    (hit,) = answer["results"]
    old = {"document_id", "title", "page", "text", "score"}
    assert old <= hit.keys()
    assert {key: type(hit[key]) for key in old} == {
        "document_id": int, "title": str, "page": int, "text": str, "score": float,
    }  # fmt: skip


@pytest.mark.long
async def test_a_scan_is_read_and_found_with_its_place(library: WebServer, tmp_path: Path) -> None:
    lines = ["Minutes of the board", "The dredger was sold for a song."]
    scan = write_scan(tmp_path / "scan.pdf", [picture_of(lines, points=14)])
    document = await library.upload(scan.read_bytes(), title="Minutes", auto_build_index=True)
    one = f"/api/documents/{document['id']}"

    async def is_found() -> bool:
        async with library.http.get(one) as response:
            state = await body_of(response)
        return bool(state["ocr_status"] == state["index_status"] == "done")

    await until(is_found, seconds=120)
    async with library.http.get(f"{one}/pages/1") as response:
        page = await body_of(response)
    assert (page["source"], page["text"]) == ("ocr", "\n".join(lines))
    hit = (await search(library, "dredger"))["results"][0]
    assert (hit["title"], hit["source"], hit["stage"]) == ("Minutes", "ocr", "meaning")
    assert (hit["place"]["width"], hit["place"]["height"]) == (WIDTH, HEIGHT)
    ((left, top, right, bottom),) = hit["place"]["marks"]
    assert 90 < left < right < 170, "after the first word, one inch from the edge"
    assert 85 < top < bottom < 115, "in the second line"
    async with library.http.get(f"{one}/import") as response:
        jobs = (await body_of(response))["jobs"]
    assert [job["message"] for job in jobs if job["kind"] == "ocr"] == ["OCR read 1 page."]
