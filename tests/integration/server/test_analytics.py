"""Reports over HTTP: their sums are those of the catalogue."""

import asyncio
import csv
import gzip
import io
import json
import random
import re
import struct
from collections import Counter
from contextlib import nullcontext, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from pdfsluice.client import Client, ClientError
from pdfsluice.core.models.sessions import Scope
from tests.support.commands import pdfsluice_here
from tests.support.keys import add_key
from tests.support.web import STREAMING, WebServer, a_server, body_of, problem_of, sha256

ALWAYS = "from=2020-01-01&to=2100-01-01"
TUS = {"Tus-Resumable": "1.0.0"}
PDF = b"%PDF-1.7" + bytes(99_000)
BYTES = ("received", "resent", "sent", "saved")


async def report(web: WebServer, by: str, headers: dict[str, str]) -> dict[str, Any]:
    async with web.http.get(f"/api/analytics?{ALWAYS}&by={by}", headers=headers) as response:
        assert response.status == 200, await response.text()
        return await body_of(response)


async def table(web: WebServer, path: str, headers: dict[str, str]) -> list[dict[str, str]]:
    async with web.http.get(path, headers=headers) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "text/csv"
        return list(csv.DictReader(io.StringIO(await response.text())))


async def send_over_tus(web: WebServer, data: bytes, headers: dict[str, str]) -> None:
    """Upload in two requests, the second of which resumes."""
    wanted = {**headers, **TUS, "User-Agent": "=tus(1)"}
    creation = {**wanted, "Upload-Length": str(len(data))}
    async with web.http.post("/files", headers=creation) as response:
        assert response.status == 201, await response.text()
        where = response.headers["Location"]
    for start, end in ((0, 1000), (1000, len(data))):
        part = {
            **wanted,
            "Upload-Offset": str(start),
            "Content-Type": "application/offset+octet-stream",
        }
        async with web.http.patch(where, data=data[start:end], headers=part) as response:
            assert response.status == 204, await response.text()


async def send_over_ietf(web: WebServer, data: bytes, headers: dict[str, str]) -> None:
    fields = {**headers, "Upload-Complete": "?1", "Upload-Draft-Interop-Version": "8"}
    async with web.http.post("/resumable", data=data, headers=fields) as response:
        assert response.status in {200, 201}, await response.text()


async def cancel_one(web: WebServer, data: bytes, headers: dict[str, str]) -> None:
    wanted = {"filename": "a.pdf", "file_size": len(data), "chunk_size": 65_536}
    async with web.http.post(f"{STREAMING}/initiate", json=wanted, headers=headers) as response:
        session_id = (await body_of(response))["session_id"]
    path = f"{STREAMING}/chunk/{session_id}?chunk_id=0"
    async with web.http.put(path, data=data[:65_536], headers=headers) as response:
        assert response.status == 200, await response.text()
    async with web.http.post(f"{STREAMING}/cancel/{session_id}", headers=headers) as response:
        assert response.status == 200, await response.text()


async def test_sums_agree_with_the_catalogue_after_all_kinds_of_uploads(tmp_path: Path) -> None:
    """A soak of 28 uploads by two accounts over three protocols."""
    user = add_key(tmp_path, "ann", [Scope.READ, Scope.UPLOAD])
    other = add_key(tmp_path, "bob", [Scope.READ, Scope.UPLOAD])
    admin = add_key(tmp_path, "root", [Scope.ADMIN])
    watcher = add_key(tmp_path, "prometheus", [Scope.METRICS])
    chance = random.Random(3)
    files = [b"%PDF-1.7" + chance.randbytes(chance.randrange(70_000, 200_000)) for _ in range(12)]
    async with (
        a_server(tmp_path) as web,
        Client(web.base_url, api_key=user["Authorization"].removeprefix("Bearer ")) as client,
    ):
        for start in range(0, 12, 3):
            first, second, third = files[start : start + 3]
            await asyncio.gather(
                send_over_tus(web, first, user),
                send_over_ietf(web, second, other),
                cancel_one(web, first, other),
                _upload(client, tmp_path, third),
                _upload(client, tmp_path, b"FORBIDDEN" + third, refused=True),
            )
            await _upload(client, tmp_path, third)  # a duplicate, found before a byte is sent
        async with web.http.get("/api/documents?limit=500", headers=admin) as response:
            documents = (await body_of(response))["documents"]

        sizes = [document["file_size"] for document in documents]
        ends = {group["value"]: group for group in (await report(web, "end", watcher))["groups"]}
        assert ends["completed"]["uploads"] == len(sizes) == 12
        assert ends["completed"]["bytes"] == sum(sizes) == sum(map(len, files))
        assert ends["cancelled"]["bytes"] == 4 * 65_536
        assert {name: group["uploads"] for name, group in ends.items()} == {
            "completed": 12,
            "cancelled": 4,
            "rejected": 4,
        }
        assert sum(group["share"] for group in ends.values()) == 1.0

        rows = await table(web, f"/api/analytics/uploads.csv?{ALWAYS}", admin)
        assert Counter(row["end"] for row in rows) == {
            name: group["uploads"] for name, group in ends.items()
        }
        done = [row for row in rows if row["end"] == "completed"]
        assert sum(int(row["bytes"]) for row in done) == sum(sizes)
        assert {row["resent_bytes"] for row in done} == {"0"}
        tus = [row for row in done if row["protocol"] == "tus"]
        assert {row["client"] for row in tus} == {"'=tus(1)"}, "no formula of a spreadsheet"
        assert {row["requests"] for row in tus} == {"2"}
        assert {row["finding_kinds"] for row in rows if row["end"] == "rejected"} == {"word"}

        accounts = {
            group["value"]: group for group in (await report(web, "account", admin))["groups"]
        }
        assert accounts["key:bob"]["uploads"] == 8
        assert set(accounts) == {"key:ann", "key:bob"}
        protocols = await report(web, "protocol", watcher)
        assert {group["value"] for group in protocols["groups"]} == {"rest", "tus", "ietf"}
        days = await report(web, "day", watcher)
        assert days["total"]["bytes"] == sum(int(row["bytes"]) for row in rows)
        assert 0 < days["total"]["receiving_seconds"]["p50"] <= 30
        groups = await table(web, f"/api/analytics.csv?{ALWAYS}&by=end", watcher)
        assert {row["value"]: int(row["bytes"]) for row in groups} == {
            name: group["bytes"] for name, group in ends.items()
        }


async def _upload(client: Client, folder: Path, data: bytes, *, refused: bool = False) -> None:
    file = folder / f"{sha256(data)}.pdf"
    file.write_bytes(data)
    with suppress(ClientError) if refused else nullcontext():
        await client.upload(file)


async def test_each_scope_sees_its_part_only(tmp_path: Path) -> None:
    user = add_key(tmp_path, "ann", [Scope.READ, Scope.UPLOAD])
    watcher = add_key(tmp_path, "prometheus", [Scope.METRICS])
    async with a_server(tmp_path) as web:
        for path, headers in (
            ("/api/analytics", user),
            ("/api/analytics.csv", user),
            ("/api/analytics/uploads.csv", watcher),
            ("/api/analytics?by=account", watcher),
        ):
            async with web.http.get(path, headers=headers) as response:
                await problem_of(response, 403, "permission-denied")
        async with web.http.get("/api/analytics", headers=watcher) as response:
            assert (await body_of(response))["groups"] == []


async def test_misuse_is_explained(tmp_path: Path) -> None:
    async with a_server(tmp_path, analytics_retention="0s") as web:
        wrong_order = ("from=2024-05-02&to=2024-05-01", "from=9999-12-31T23:59:59-12:00")
        unclear = ("by=size", "from=yesterday", "from=2024-05-01T00:00:00", "limit=3")
        for query in (*unclear, *wrong_order):
            async with web.http.get(f"/api/analytics?{query}") as response:
                problem = await problem_of(response, 400, "bad-request")
            assert "Input should" not in problem["detail"]
        for query in ("from=0001-01-01", "to=0001-01-01"):
            async with web.http.get(f"/api/analytics?{query}") as response:
                assert response.status == 404
        async with web.http.get("/api/analytics") as response:
            problem = await problem_of(response, 404, "not-found")
        assert "analytics_retention" in problem["hint"]


async def finish(web: WebServer, session_id: str) -> dict[str, Any]:
    async with web.http.post(f"{STREAMING}/complete/{session_id}") as response:
        document: dict[str, Any] = (await body_of(response))["document"]
        return document


async def test_what_compression_and_deltas_save_is_measured(web: WebServer) -> None:
    """A chunk that is sent twice was received twice, and sent in its coding twice."""
    data = b"%PDF-1.7\n" + b"BT (a line of the manual) Tj ET\n" * 6000
    first, rest = data[:65_536], data[65_536:]
    coded = gzip.compress(first)
    assert len(rest) > 65_536, "a third chunk"

    async def put(session_id: str, body: bytes, headers: dict[str, str], chunk_id: int) -> None:
        path = f"{STREAMING}/chunk/{session_id}?chunk_id={chunk_id}"
        async with web.http.put(path, data=body, headers=headers) as response:
            assert response.status == 200, await response.text()

    session_id = (await web.initiate(data))["session_id"]
    for _ in range(2):
        await put(session_id, coded, {"Content-Encoding": "gzip"}, 0)
    for chunk_id in (1, 2):
        await put(session_id, data[chunk_id * 65_536 :][:65_536], {}, chunk_id)
    document = await finish(web, session_id)

    changed = data + b"%%EOF"
    wanted = {"replaces": document["id"], "expected_hash": sha256(changed)}
    newer_id = (await web.initiate(changed, **wanted))["session_id"]
    tail = changed[2 * 65_536 :]
    deltas = [struct.pack(">BQQ", 1, offset, 65_536) for offset in (0, 65_536)]
    deltas.append(
        struct.pack(">BQQ", 1, 2 * 65_536, len(tail) - 5) + struct.pack(">BQQ", 2, 0, 5) + b"%%EOF"
    )
    for chunk_id, delta in enumerate(deltas):
        await put(newer_id, delta, {"Content-Type": "application/vnd.pdfsluice.delta"}, chunk_id)
    await finish(web, newer_id)

    rows = {
        row["session_id"]: {name: int(row[f"{name}_bytes"]) for name in BYTES}
        for row in await table(web, f"/api/analytics/uploads.csv?{ALWAYS}", {})
    }
    whole = {"received": len(data) + 65_536, "resent": 65_536}
    sent = 2 * len(coded) + len(rest)
    saved = 2 * (65_536 - len(coded))
    assert rows[session_id] == {**whole, "sent": sent, "saved": saved}
    newer_sent = sum(map(len, deltas))
    assert rows[newer_id] == {
        "received": len(changed),
        "resent": 0,
        "sent": newer_sent,
        "saved": len(changed) - newer_sent,
    }
    total = (await report(web, "day", {}))["total"]
    groups = await table(web, f"/api/analytics.csv?{ALWAYS}&by=end", {})
    async with Client(web.base_url) as client:
        now = datetime.now()  # noqa: DTZ005 - a time without a zone is local
        read = await client.analytics(since=now - timedelta(hours=1), until=now, by="end")
        assert (read.by, read.total.sent_bytes) == ("end", total["sent_bytes"])
        assert [(each.value, each.share) for each in read.groups] == [("completed", 1.0)]
        assert (await client.analytics()).total.saved_bytes == total["saved_bytes"]
    for name in BYTES:
        both = sum(row[name] for row in rows.values())
        assert both == total[f"{name}_bytes"] == sum(int(row[f"{name}_bytes"]) for row in groups)


async def test_the_command(tmp_path: Path) -> None:
    user = add_key(tmp_path, "ann", [Scope.READ, Scope.UPLOAD])
    admin = add_key(tmp_path, "root", [Scope.ADMIN])
    watcher = add_key(tmp_path, "prometheus", [Scope.METRICS])
    always = ("--from", "2020-01-01", "--to", "2100-01-01T00:00Z")
    async with a_server(tmp_path) as web:

        async def command(key: dict[str, str], *options: str) -> tuple[int, str, str]:
            env = {"PDFSLUICE_API_KEY": key["Authorization"].removeprefix("Bearer ")}
            run = partial(pdfsluice_here, "analytics", "--server", web.base_url, *options, env=env)
            ended = await asyncio.to_thread(run)
            return ended.code, ended.out, ended.err

        code, out, err = await command(watcher, "--by", "end", *always)
        assert (code, len(out.splitlines())) == (0, 1)
        assert err == "There are none.\n"

        await send_over_tus(web, PDF, user)
        await cancel_one(web, PDF, user)
        code, out, _ = await command(watcher, "--by", "end", *always)
        lines = [line.split() for line in out.splitlines()]
        assert code == 0
        assert lines[0][:4] == ["Uploads", "that", "ended", "from"]
        assert {line[0]: line[1] for line in lines[2:]} == {
            "completed": "1",
            "cancelled": "1",
            "All": "2",
        }
        _, out, _ = await command(admin, "--by", "account", *always)
        assert "key:ann  2        100%" in out
        _, out, _ = await command(watcher, "--by", "client", *always)
        assert "\n=tus" in out, "as the client calls itself"
        _, out, _ = await command(watcher)
        assert re.search(r"\n[0-9]{4}-[0-9]{2}-[0-9]{2}  2 ", out), "a line for each day"
        _, out, _ = await command(watcher, "--by", "hour")
        assert re.search(r"\n[0-9-]{10} [0-9]{2}:00  2 ", out), "a line for each hour"
        code, out, _ = await command(watcher, "--by", "end", "--json", *always)
        result = json.loads(out)
        assert (code, result["by"], result["total"]["uploads"]) == (0, "end", 2)

        code, _, err = await command(user)
        assert code == 5
        assert "scope metrics" in err
        code, _, err = await command(watcher, "--from", "yesterday")
        assert code == 2
        assert "2024-05-01" in err
        code, _, err = await command(watcher, "--from", "2100-01-01")
        assert code == 1
        assert "later than 'to'" in err
