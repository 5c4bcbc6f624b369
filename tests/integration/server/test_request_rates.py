"""The rate of requests: GCRA for each principal, and what clients see of it."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import ClientResponse

from pdfsluice.client import Client
from pdfsluice.core.errors import RateLimited
from pdfsluice.core.models.sessions import Scope
from pdfsluice.server.request_rates import RequestRates
from tests.support.keys import add_key
from tests.support.web import a_server, problem_of

USER = (Scope.READ, Scope.UPLOAD)


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_passes_and_then_the_rate() -> None:
    clock = Clock()
    rates = RequestRates(10, 5, clock)
    assert [rates.count("a").wait for _ in range(5)] == [0] * 5
    standing = rates.count("a")
    assert standing.wait == pytest.approx(0.1)
    assert standing.fields["RateLimit"] == '"requests";r=0;t=1'
    with pytest.raises(RateLimited) as caught:
        standing.check()
    assert caught.value.retry_after == pytest.approx(0.1)
    rates.count("b").check()
    admitted = 0
    for _ in range(1000):  # ten seconds, ten times as fast as allowed
        clock.now += 0.01
        admitted += rates.count("a").wait == 0
    assert admitted == pytest.approx(100, abs=1)


def test_what_is_left_is_reported_and_comes_back() -> None:
    clock = Clock()
    rates = RequestRates(2, 4, clock)
    left = [rates.count("a").fields["RateLimit"] for _ in range(4)]
    assert [each.split(";")[1] for each in left] == ["r=3", "r=2", "r=1", "r=0"]
    assert rates.count("a").fields["RateLimit-Policy"] == '"requests";q=4;w=2'
    clock.now += 100
    assert rates.count("a").fields["RateLimit"].split(";")[1] == "r=3"


def test_the_rate_of_a_key_replaces_that_of_the_server() -> None:
    clock = Clock()
    rates = RequestRates(10, 2, clock)
    assert [rates.count("fast", 100.0).wait for _ in range(3)][-1] == pytest.approx(0.01)
    assert [rates.count("free", 0.0) for _ in range(9)][-1].fields == {}
    assert RequestRates(0, 2, clock).count("slow", 0.1).fields["RateLimit-Policy"].endswith("w=20")


def test_principals_that_are_idle_are_forgotten() -> None:
    clock = Clock()
    rates = RequestRates(100, 1, clock)
    for number in range(10_000):
        rates.count(str(number))
    clock.now += 1
    rates.count("last")
    assert len(rates._due) == 1


def fields(response: ClientResponse) -> set[str]:
    return {name for name in ("RateLimit", "RateLimit-Policy") if name in response.headers}


async def test_a_principal_over_its_rate_gets_429_and_others_do_not(tmp_path: Path) -> None:
    ann, bob = add_key(tmp_path, "ann", USER), add_key(tmp_path, "bob", USER)
    async with a_server(tmp_path, request_rate=0.01, request_burst=3) as web:
        for _ in range(3):
            async with web.http.get("/api/documents", headers=ann) as response:
                assert response.status == 200
                assert len(fields(response)) == 2
        async with web.http.get("/api/documents", headers=ann) as response:
            await problem_of(response, 429, "rate-limited")
            assert 90 <= int(response.headers["Retry-After"]) <= 100
            assert response.headers["RateLimit-Policy"] == '"requests";q=3;w=300'
            assert response.headers["RateLimit"].startswith('"requests";r=0;')
        tus = {**ann, "Tus-Resumable": "1.0.0", "Upload-Length": "9"}
        async with web.http.post("/files", headers=tus) as response:
            assert response.status == 503, "tus clients give up after 429"
            assert int(response.headers["Retry-After"]) > 80
        async with web.http.get("/api/documents", headers=bob) as response:
            assert response.status == 200
        async with web.http.get("/health/live") as response:
            assert response.status == 200
            assert not fields(response), "it needs no key"
    async with a_server(tmp_path) as web, web.http.get("/api/documents", headers=ann) as response:
        assert not fields(response), "there is no limit"


async def test_a_client_waits_as_long_as_the_answer_asks(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 320)
    async with (
        a_server(tmp_path / "data", request_rate=20, request_burst=2) as web,
        Client(web.base_url) as client,
    ):
        document = await client.upload(path, chunk_size=64 * 1024, compress=False)
    assert document.file_size == path.stat().st_size
