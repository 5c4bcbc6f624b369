"""One principal cannot reserve all the space; the others upload."""

import asyncio
from pathlib import Path

from pdfsluice.core.models.sessions import Scope
from tests.support.keys import add_key
from tests.support.web import STREAMING, WebServer, a_server, body_of, problem_of

MIB = 1024 * 1024


async def initiate(web: WebServer, headers: dict[str, str], size: int) -> int:
    wanted = {"filename": "a.pdf", "file_size": size}
    async with web.http.post(f"{STREAMING}/initiate", json=wanted, headers=headers) as response:
        if response.status == 429:
            problem = await problem_of(response, 429, "rate-limited")
            assert "Finish or cancel" in problem["hint"]
            assert "Retry-After" in response.headers
        return response.status


async def test_empty_sessions_of_one_key_leave_space_for_others(tmp_path: Path) -> None:
    greedy, honest, third = (
        add_key(tmp_path, name, [Scope.READ, Scope.UPLOAD]) for name in ("eve", "ann", "bob")
    )
    free = await _available(tmp_path)
    async with a_server(tmp_path, max_file_size=free, min_free_space=0) as web:
        piece = free // 20
        opened = [await initiate(web, greedy, piece) for _ in range(24)]
        assert opened.count(200) in range(8, 11)
        assert set(opened[12:]) == {429}
        assert await initiate(web, honest, piece) == 200
        assert await initiate(web, third, piece) == 200
        async with web.http.get("/health/ready") as response:
            assert response.status == 200
        # deferred lengths count as the largest file, and cancelling gives the share back
        tus = {"Tus-Resumable": "1.0.0", "Upload-Defer-Length": "1"}
        async with web.http.post("/files", headers=greedy | tus) as response:
            assert response.status == 503, "tus clients try again after it"
            assert (await body_of(response))["code"] == "rate-limited"
        async with web.http.get(f"{STREAMING}/resumable", headers=greedy) as response:
            for session in await response.json():
                path = f"{STREAMING}/cancel/{session['session_id']}"
                async with web.http.post(path, headers=greedy) as cancelled:
                    assert cancelled.status == 200
        assert await initiate(web, greedy, piece) == 200


async def test_simultaneous_sessions_of_one_key_keep_to_its_share(tmp_path: Path) -> None:
    greedy = add_key(tmp_path, "eve", [Scope.READ, Scope.UPLOAD])
    free = await _available(tmp_path)
    async with a_server(tmp_path, max_file_size=free, min_free_space=0) as web:
        answers = await asyncio.gather(*(initiate(web, greedy, free // 20) for _ in range(24)))
    assert answers.count(200) in range(8, 11)
    assert set(answers) == {200, 429}


async def test_the_share_holds_after_a_restart(tmp_path: Path) -> None:
    greedy = add_key(tmp_path, "eve", [Scope.READ, Scope.UPLOAD])
    free = await _available(tmp_path)
    counts = []
    for _ in range(2):
        async with a_server(tmp_path, max_file_size=free, min_free_space=0) as web:
            # not near the half, as the free space changes meanwhile
            opened = [await initiate(web, greedy, free // 7) for _ in range(6)]
        counts.append(opened.count(200))
    assert counts == [3, 0]


async def test_without_keys_a_file_may_take_all(tmp_path: Path) -> None:
    free = await _available(tmp_path)
    async with a_server(tmp_path, max_file_size=free, min_free_space=0) as web:
        assert await initiate(web, {}, int(free * 0.8)) == 200


async def _available(tmp_path: Path) -> int:
    async with (
        a_server(tmp_path / "probe", min_free_space=0) as web,
        web.http.get(f"{STREAMING}/memory-stats") as response,
    ):
        stats = await body_of(response)
    return int(stats["disk_space_available_mb"]) * MIB
