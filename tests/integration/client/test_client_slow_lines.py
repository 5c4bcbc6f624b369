"""Uploads with the client library over links that are slow or break."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pdfsluice.client import (
    Client,
    ClientError,
    RetryPolicy,
    TransferProgress,
)
from pdfsluice.core.models.findings import StageReport
from pdfsluice.core.plugins.hookspecs import hookimpl
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.plugins.ports.stages import CompletionContext, CompletionStageSpec
from tests.support.fault_proxy import Cut, Fault, Link, fault_proxy
from tests.support.servers import RunningServer
from tests.support.web import a_server

KIB = 1024
MIB = 1024 * KIB


def a_file(path: Path, size: int) -> Path:
    path.write_bytes(b"%PDF-1.7\n" + os.urandom(size - 9))
    return path


def patient(seconds: float = 60) -> RetryPolicy:
    return RetryPolicy(patience=seconds, first_pause=0.05, longest_pause=0.3)


@pytest.mark.parametrize("checksum", [True, False])
async def test_a_line_that_breaks_before_a_chunk_is_whole_only_delays(
    tmp_path: Path, *, checksum: bool
) -> None:
    path = a_file(tmp_path / "report.pdf", 9 * MIB)
    async with (
        a_server(tmp_path / "data") as web,
        fault_proxy(web.port, lambda _number: Cut(900 * KIB)) as proxy,
        Client(proxy.base_url, retry=patient()) as client,
    ):
        document = await client.upload(path, chunk_size=8 * MIB, checksum=checksum)
        target = tmp_path / "back.pdf"
        await client.download(document.id, target)
    assert proxy.connections > 9
    assert target.read_bytes() == path.read_bytes()


async def test_little_is_lost_by_a_pause(tmp_path: Path) -> None:
    path = a_file(tmp_path / "report.pdf", 40 * MIB)
    begun = asyncio.Event()
    heard: list[TransferProgress] = []

    def stop(now: TransferProgress) -> None:
        heard.append(now)
        if now.sent_bytes > 3 * MIB:
            begun.set()

    async with a_server(tmp_path / "data") as web, Client(web.base_url) as client:
        uploading = asyncio.create_task(
            client.upload(path, chunk_size=8 * MIB, rate=20 * MIB, on_progress=stop)
        )
        await asyncio.wait_for(begun.wait(), 60)
        uploading.cancel()
        await asyncio.wait([uploading])
        session = await client.session(heard[-1].session_id)
    assert session.durable_bytes >= MIB


@dataclass(eq=False)
class CutOnce(Fault):
    """Closes the first connection that has carried ``after`` bytes, and no other."""

    after: int
    cut: list[Link] = field(default_factory=list)

    async def pump(self, link: Link) -> None:
        """Carry bytes until it is time."""
        while data := await link.client[0].read(64 * KIB):
            await link.upstream(data)
            if link.sent > self.after and not self.cut:
                self.cut.append(link)
                link.close(reset=False)
                return


async def test_what_takes_longer_than_the_patience_is_no_trouble(tmp_path: Path) -> None:
    """One connection breaks when the upload has run for longer than its patience."""
    path = a_file(tmp_path / "report.pdf", 3 * MIB // 2)
    fault = CutOnce(900 * KIB)
    async with (
        a_server(tmp_path / "data") as web,
        fault_proxy(web.port, lambda _number: fault) as proxy,
        Client(proxy.base_url, retry=patient(1)) as client,
    ):
        document = await client.upload(path, rate=400 * KIB, hash_first=False)
    assert fault.cut
    assert document.file_size == path.stat().st_size


@dataclass(eq=False)
class SlowCheck:
    """A plugin whose completion stage takes until it is released."""

    released: asyncio.Event = field(default_factory=asyncio.Event)

    @hookimpl
    def pdfsluice_register_completion_stages(
        self, context: PluginContext
    ) -> Sequence[CompletionStageSpec]:
        """Register the stage ``slow``."""
        del context
        return [CompletionStageSpec(name="slow", stage=self)]

    async def inspect(self, context: CompletionContext) -> StageReport:
        """Wait."""
        del context
        await self.released.wait()
        return StageReport()


@dataclass(eq=False)
class Impatient(Fault):
    """Closes the connection as soon as it has passed a request for completion on."""

    asked: list[bytes]

    async def pump(self, link: Link) -> None:
        """Carry bytes until one of them is such a request."""
        while data := await link.client[0].read(64 * KIB):
            await link.upstream(data)
            if b"/complete/" in data:
                self.asked.append(data)
                link.close(reset=False)
                return


async def test_a_server_that_checks_for_longer_than_the_patience_is_waited_for(
    tmp_path: Path,
) -> None:
    """A proxy gives up each request for completion; the client asks 100 times."""
    path = a_file(tmp_path / "report.pdf", MIB)
    check, asked = SlowCheck(), list[bytes]()

    def impatient(_number: int) -> Fault:
        if len(asked) < 100:
            return Impatient(asked)
        check.released.set()
        return Fault()

    async with (
        a_server(tmp_path / "data", check) as web,
        fault_proxy(web.port, impatient) as proxy,
        Client(proxy.base_url, retry=patient(1)) as client,
    ):
        document = await asyncio.wait_for(client.upload(path), 60)
    assert len(asked) >= 100
    assert document.file_size == path.stat().st_size


async def test_a_rate_below_a_slice_within_the_timeout_is_no_silence(tmp_path: Path) -> None:
    path = a_file(tmp_path / "report.pdf", 60_000)
    policy = RetryPolicy(patience=0)  # nothing fails
    async with (
        a_server(tmp_path / "data") as web,
        Client(web.base_url, timeout=0.5, retry=policy) as client,
    ):
        document = await client.upload(path, rate=30_000)
    assert document.file_size == path.stat().st_size


@pytest.mark.parametrize("options", [{"rate": 0}, {"rate": -1.5}, {"parallel": 0}])
async def test_what_would_send_nothing_is_refused_immediately(
    server: RunningServer, tmp_path: Path, options: dict[str, int]
) -> None:
    path = a_file(tmp_path / "report.pdf", MIB)
    async with Client(server.base_url) as client:
        before = {session.session_id for session in await client.sessions()}
        with pytest.raises(ClientError, match="nothing would ever be sent") as caught:
            await client.upload(path, parallel=options.get("parallel", 4), rate=options.get("rate"))
        assert {session.session_id for session in await client.sessions()} == before
    assert caught.value.code == "option-invalid"
