"""Every code that an error answer can have leads to a page that explains it."""

from collections.abc import Iterator

import pytest
from aiohttp import hdrs

from pdfsluice.core.errors import PdfsluiceError
from pdfsluice.core.testing.pdfs import make_pdf
from pdfsluice.server.app import ERRORS
from tests.support.web import WebServer, problem_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def web(shared_web: WebServer) -> WebServer:
    return shared_web


def kinds(base: type[PdfsluiceError]) -> Iterator[type[PdfsluiceError]]:
    for kind in base.__subclasses__():
        yield from (kind, *kinds(kind))


async def test_no_error_of_the_server_is_left_out(web: WebServer) -> None:
    """Importing the application has defined them all, except ``cannot-serve``."""
    del web
    of_server = [kind for kind in kinds(PdfsluiceError) if ".server." in kind.__module__]
    assert {kind.code for kind in of_server} - ERRORS.keys() <= {"cannot-serve"}


@pytest.mark.parametrize("code", ERRORS)
async def test_a_code_is_explained_in_a_sentence_of_its_own(web: WebServer, code: str) -> None:
    async with web.http.get(f"/problems/{code}") as response:
        assert response.status == 200
        text = await response.text()
    assert f"<code>{code}</code>" in text
    assert text.count("<p>") == 1
    assert "Args:" not in text


async def test_codes_of_http_itself_are_explained(web: WebServer) -> None:
    document = await web.upload(make_pdf(["A page."]))
    path = f"/api/documents/{document['id']}/file"
    async with web.http.get("/openapi.json") as response:
        paths = (await response.json())["paths"]
    statuses = paths["/api/documents/{document_id}/file"]["get"]["responses"]
    for status, code, headers in (
        (416, "range-not-satisfiable", {hdrs.RANGE: "bytes=9999999-"}),
        (412, "precondition-failed", {hdrs.IF_MATCH: '"another"'}),
        (417, "expectation-failed", {hdrs.EXPECT: "miracles"}),
    ):
        async with web.http.get(path, headers=headers) as response:
            problem = await problem_of(response, status, code)
        assert problem["hint"] or status == 417
        assert str(status) in statuses or status == 417, "documented with the operation"
        async with web.http.get(problem["type"]) as response:
            assert response.status == 200
