"""Each part's misdeed has the outcome of the table of misdeeds."""

import asyncio
import hashlib
import re
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pdfsluice.core.errors import DocumentUnreadable, Overloaded, PdfsluiceError
from pdfsluice.core.models.documents import Document
from pdfsluice.core.models.findings import Decision
from pdfsluice.core.models.jobs import JobState
from pdfsluice.core.models.sessions import Checksum, ChunkIntent, SessionState
from pdfsluice.core.plugins.kinds import KINDS
from pdfsluice.core.plugins.parts import PartCounts
from pdfsluice.core.plugins.ports.access import Credentials
from pdfsluice.core.runtime.runtime import LOCAL, Runtime
from pdfsluice.core.testing.misdeeds import OUTCOMES, Misdeed, Outcome
from tests.support.documents import ROOT
from tests.support.misbehaviour import Misbehaviour
from tests.support.odd_parts import OddParts
from tests.support.runtimes import Bytes, Watchman, a_runtime, initiate, send_all
from tests.support.waiting import until

DATA = b"%PDF-1.7 a FORBIDDEN word"
ODD = re.compile(r"'odd' of tests")
NOTING = Watchman(decision=Decision.NOTE)
SHORT = timedelta(seconds=0.25)
SETTINGS: dict[str, Any] = {
    "authenticator_timeout": SHORT,
    "gate_timeout": SHORT,
    "completion_stage_timeout": SHORT,
    "renderer_timeout": SHORT,
    "link_signer_timeout": SHORT,
    "downloads": "redirect",
    "loop_hold_timeout": SHORT,
}
CHOSEN = {
    "policies": "policy",
    "upload_stores": "upload_store",
    "session_stores": "session_store",
    "catalogues": "catalogue",
    "indexes": "index",
    "rerankers": "reranker",
    "link_signers": "link_signer",
}
STAGE_DEATHS = "tests/integration/core/test_stage_process_deaths.py"
PROOFS = {
    Outcome.PROCESS_REPLACED: (
        f"{STAGE_DEATHS}::test_a_process_that_hangs_is_ended",
        f"{STAGE_DEATHS}::test_a_file_that_ends_every_process_fails_alone",
    ),
    Outcome.PROCESS_RETIRED: (
        f"{STAGE_DEATHS}::test_a_process_that_has_grown_gives_its_uploads_to_another",
    ),
    Outcome.SERVER_RESTARTS: (
        "tests/integration/core/test_job_order.py::test_a_job_in_which_the_server_dies_is_tried_three_times",
        "tests/integration/faults/test_crashes.py::test_killed_in_the_middle_of_a_body",
    ),
}
"""Tests of outcomes that need processes of their own."""
WITHOUT_TASKS = {"checksums", "chunk_stages", "policies"}
"""Kinds whose methods are plain: they are not asked to start tasks here."""


def cells() -> list[Any]:
    """Return the cells of the table; those that are not nightly have each row and column."""
    params = []
    for row, (kind, outcomes) in enumerate(OUTCOMES.items()):
        for column, (misdeed, outcome) in enumerate(outcomes.items()):
            if outcome in PROOFS or (outcome is Outcome.COUNTED and kind in WITHOUT_TASKS):
                continue
            marks = () if (row + column) % 5 == 0 else pytest.mark.nightly
            name = f"{kind}-{misdeed.name.lower()}"
            params.append(pytest.param(kind, misdeed, id=name, marks=marks))
    return params


def test_the_table_is_complete() -> None:
    assert set(OUTCOMES) == set(KINDS)
    assert all(set(outcomes) == set(Misdeed) for outcomes in OUTCOMES.values())


@pytest.mark.parametrize("proof", [each for proofs in PROOFS.values() for each in proofs])
def test_what_needs_processes_is_tested_elsewhere(proof: str) -> None:
    path, _, name = proof.partition("::")
    assert f"def {name}(" in (ROOT / path).read_text()


@pytest.mark.parametrize(("kind", "misdeed"), cells())
async def test_a_misdeed_has_its_outcome(
    tmp_path: Path, kind: str, misdeed: Misdeed, caplog: pytest.LogCaptureFixture
) -> None:
    odd = Misbehaviour(kind, misdeed)
    settings = SETTINGS | {"index": "odd", "link_signer": "odd"}
    if misdeed is Misdeed.BLOCK:
        settings["job_silence_timeout"] = SHORT
    if kind in CHOSEN:
        settings[CHOSEN[kind]] = "odd"
    async with a_runtime(tmp_path, OddParts(odd), watchman=NOTING, **settings) as runtime:
        try:
            await check(runtime, odd, OUTCOMES[kind][misdeed], caplog)
            odd.mended = True
            await act(runtime, kind)  # what comes next is served
        finally:
            odd.released.set()
            for task in odd.tasks:
                task.cancel()


async def check(
    runtime: Runtime, odd: Misbehaviour, outcome: Outcome, caplog: pytest.LogCaptureFixture
) -> None:
    """Let the part misbehave once; compare what follows with the table."""
    (counts,) = (
        c for part, c in runtime.parts.items() if (part.kind, part.name) == (odd.kind, "odd")
    )
    match outcome:
        case Outcome.REQUEST_FAILS | Outcome.UPLOAD_FAILS:
            await fails(runtime, odd.kind, PdfsluiceError)
            assert odd.kind == "stream_stages" or counts.failures
            assert ODD.search(caplog.text), "the log names the part"
            if outcome is Outcome.UPLOAD_FAILS:
                session = await runtime.uploads.get(LOCAL, odd.sessions[-1])
                assert session.state is SessionState.FAILED
        case Outcome.TIME_LIMIT:
            await fails(runtime, odd.kind, Overloaded)
            assert re.search(f"{ODD.pattern} did not answer within 0.25 s", caplog.text)
        case Outcome.NEXT_TRIED:
            with pytest.raises(DocumentUnreadable):
                await act(runtime, odd.kind)
            assert f"page renderer {ODD.pattern} failed" in caplog.text
        case Outcome.JOB_FAILS | Outcome.JOB_STOPPED | Outcome.PAGE_LEFT_OUT:
            document = await upload(runtime)
            await until(lambda: told_of_failure(runtime, document), seconds=20)
            assert ODD.search(caplog.text), "the log names the part"
        case Outcome.ORDER_KEPT:
            await act(runtime, odd.kind)
            result = await runtime.library.search(LOCAL, "words")
            assert result.hits
            assert ODD.search(result.note), "the note names the part"
        case Outcome.EVENT_LOST | Outcome.EVENTS_DROPPED:
            await check_events(runtime, odd, counts, caplog)
        case Outcome.WAIT_REPORTED:
            call = asyncio.create_task(act(runtime, odd.kind))
            await until(lambda: counts.calls, seconds=10)
            odd.mended = True
            await act(runtime, odd.kind)
            assert counts.calls, "the call is known until it returns"
            odd.released.set()
            with suppress(PdfsluiceError):
                await call
        case Outcome.UNHARMED:
            await act(runtime, odd.kind)
            assert not counts.failures
        case _:
            await act(runtime, odd.kind)
            await until(lambda: counts.tasks >= 100, seconds=10)
            assert f"{ODD.pattern} has 100 tasks that do not end" in caplog.text


async def check_events(
    runtime: Runtime, odd: Misbehaviour, counts: PartCounts, caplog: pytest.LogCaptureFixture
) -> None:
    """Let a sink misbehave: it loses events, or drops them while it waits."""
    await upload(runtime)
    if odd.misdeed is Misdeed.BLOCK:
        assert runtime.events.dropped["odd"]
        assert f"event sink {ODD.pattern} is too slow" in caplog.text
        return
    await until(lambda: counts.failures, seconds=10)
    seen = len(odd.seen)
    odd.mended = True
    await upload(runtime)
    await until(lambda: len(odd.seen) > seen, seconds=10)


async def fails(runtime: Runtime, kind: str, error: type[PdfsluiceError]) -> None:
    """Use the part; the error names it and shows nothing of the server."""
    with pytest.raises(error, match=ODD) as caught:
        await act(runtime, kind)
    assert "secret" not in caught.value.message


async def act(runtime: Runtime, kind: str) -> None:
    """Do what needs a part of that kind."""
    if kind == "authenticators":
        await runtime.authenticate(Credentials(headers={}, query={}, remote=""))
    elif kind == "checksums":
        session = await initiate(runtime, DATA, check_duplicates=False)
        digest = hashlib.sha1(DATA, usedforsecurity=False).digest()
        intent = ChunkIntent(
            offset=0,
            length=len(DATA),
            max_length=len(DATA),
            chunk_id=0,
            checksum=Checksum("odd", digest),
        )
        await runtime.uploads.receive(LOCAL, session.id, intent, Bytes(DATA))
    elif kind in {"gates", "chunk_stages", "upload_stores"}:
        session = await initiate(runtime, DATA, check_duplicates=False)
        await send_all(runtime, session, DATA)
        await runtime.uploads.get(LOCAL, session.id)
    else:
        document = await upload(runtime)
        if kind == "catalogues":
            await runtime.library.get(LOCAL, document.id)
        elif kind == "link_signers":
            await runtime.library.link(document, content_type="", content_disposition="")
        elif kind == "rerankers":
            await until(lambda: imported(runtime, document), seconds=20)
            await runtime.library.search(LOCAL, "words")
        elif kind == "page_renderers":
            await runtime.library.thumbnail(LOCAL, document.id, 1, 200)
        elif kind in {"importers", "text_extractors", "text_recognizers", "indexes"}:
            await until(lambda: imported(runtime, document), seconds=20)


async def upload(runtime: Runtime) -> Document:
    """Upload a document that is imported and indexed."""
    session = await initiate(runtime, DATA, auto_build_index=True, check_duplicates=False)
    await send_all(runtime, session, DATA)
    return (await runtime.uploads.complete(LOCAL, session.id)).document


async def told_of_failure(runtime: Runtime, document: Document) -> bool:
    jobs = (await runtime.library.import_status(document)).jobs
    return any(ODD.search(job.message) for job in jobs)


async def imported(runtime: Runtime, document: Document) -> bool:
    jobs = (await runtime.library.import_status(document)).jobs
    return all(job.state in {JobState.DONE, JobState.SKIPPED} for job in jobs)
