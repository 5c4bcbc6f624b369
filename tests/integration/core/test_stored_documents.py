"""Documents and their files: duplicates, damage, deletion, background checks."""

import asyncio
import hashlib
import logging
import uuid
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from pdfsluice.core.document_files import DocumentFiles
from pdfsluice.core.documents.scrubbing import Scrubber
from pdfsluice.core.errors import (
    DocumentNotFound,
    DocumentUnreadable,
    DuplicateDocument,
    StorageFailed,
    StorageFull,
)
from pdfsluice.core.models.jobs import Job, JobKind, JobState
from pdfsluice.core.models.sessions import Session, SessionState
from pdfsluice.core.plugins.hookspecs import hookimpl
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.plugins.ports.documents import ImportContext, ImporterSpec
from pdfsluice.core.plugins.ports.stores import Catalogue, SessionStore, UploadStore
from pdfsluice.core.runtime.runtime import LOCAL, Runtime
from pdfsluice.core.uploads.completing.results import Completion
from pdfsluice.plugins.local_store.store import LocalUploadStore
from pdfsluice.plugins.sql.catalogue import SqlCatalogue
from tests.support.runtimes import a_runtime, initiate, send_all
from tests.support.waiting import until

DATA = b"%PDF-1.7\n" + bytes(range(256)) * 40


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    async with a_runtime(tmp_path) as runtime:
        yield runtime


async def sent(runtime: Runtime, data: bytes = DATA, **changes: object) -> Session:
    session = await initiate(runtime, data, **changes)
    await send_all(runtime, session, data)
    return session


async def stored(runtime: Runtime, data: bytes = DATA, **changes: object) -> Completion:
    session = await sent(runtime, data, **changes)
    return await runtime.uploads.complete(LOCAL, session.id)


def file_of(folder: Path, done: Completion) -> Path:
    blob_id = done.document.blob_id
    return folder / "documents" / blob_id[:2] / f"{blob_id}.pdf"


def files_in(folder: Path) -> list[Path]:
    return sorted((folder / "documents").glob("*/*.pdf"))


async def content(runtime: Runtime, document_id: int) -> bytes:
    _, opened = await runtime.library.open_file(LOCAL, document_id)
    async with opened as path:
        return path.read_bytes()


async def test_uploads_of_one_file_at_the_same_moment_become_one_document(
    runtime: Runtime, tmp_path: Path
) -> None:
    sessions = [await sent(runtime, title=f"title {n}") for n in range(8)]
    done = await asyncio.gather(*(runtime.uploads.complete(LOCAL, s.id) for s in sessions))
    assert len({each.document.id for each in done}) == 1
    assert sum(not each.duplicate for each in done) == 1
    assert len(files_in(tmp_path)) == 1
    assert not list((tmp_path / "uploads").glob("*.part"))
    assert await content(runtime, done[0].document.id) == DATA


async def test_a_second_copy_is_made_if_duplicates_are_not_checked(runtime: Runtime) -> None:
    first, second = await stored(runtime), await stored(runtime, check_duplicates=False)
    assert first.document.id != second.document.id
    assert not second.duplicate


async def test_the_wish_of_a_duplicate_to_be_indexed_is_honoured(runtime: Runtime) -> None:
    first = await stored(runtime)
    await stored(runtime, auto_build_index=True)
    status = await runtime.library.import_status(first.document)
    assert JobKind.INDEX in {job.kind for job in status.jobs}


async def test_a_duplicate_completes_though_its_bytes_cannot_be_deleted(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_store: LocalUploadStore, _blob_id: str) -> None:
        raise StorageFailed("the disk is away")

    first = await stored(runtime)
    with monkeypatch.context() as patch:
        patch.setattr(LocalUploadStore, "remove", fail)
        again = await stored(runtime, auto_build_index=True)
    assert (again.duplicate, again.document.id) == (True, first.document.id)
    kinds = {job.kind for job in (await runtime.library.import_status(first.document)).jobs}
    assert JobKind.INDEX in kinds
    await runtime.sweeper.reconcile(sole_store=True)
    assert not [*(tmp_path / "uploads").glob("*.part")]


@pytest.mark.parametrize("damage", ["missing", "empty", "shorter", "flipped"])
async def test_a_good_copy_heals_a_damaged_document(
    runtime: Runtime, tmp_path: Path, damage: str
) -> None:
    first = await stored(runtime)
    file = file_of(tmp_path, first)
    match damage:
        case "missing":
            file.unlink()
        case "empty":
            file.write_bytes(b"")
        case "shorter":
            file.write_bytes(DATA[:-1])
        case _:
            file.write_bytes(DATA[:500] + b"X" + DATA[501:])
    again = await stored(runtime)
    assert again.document.id == first.document.id
    assert again.duplicate
    assert await content(runtime, first.document.id) == DATA
    assert files_in(tmp_path) == [file]
    assert (await runtime.library.available([first.document]))[first.document.id]


async def test_the_wish_of_the_copy_that_heals_to_be_indexed_is_honoured(
    runtime: Runtime, tmp_path: Path
) -> None:
    first = await stored(runtime)
    file_of(tmp_path, first).unlink()
    await stored(runtime, auto_build_index=True)
    status = await runtime.library.import_status(first.document)
    assert JobKind.INDEX in {job.kind for job in status.jobs}


async def test_a_digest_is_no_reason_to_refuse_the_copy_that_heals(
    runtime: Runtime, tmp_path: Path
) -> None:
    digest = hashlib.sha256(DATA).hexdigest()
    first = await stored(runtime)
    with pytest.raises(DuplicateDocument):
        await initiate(runtime, DATA, expected_digest=digest)
    file_of(tmp_path, first).unlink()
    again = await stored(runtime, expected_digest=digest)
    assert again.document.id == first.document.id
    assert await content(runtime, first.document.id) == DATA


async def test_a_crash_while_a_document_is_healed_is_made_good(tmp_path: Path) -> None:
    """The new bytes have taken their place, and the session does not know it yet."""
    async with a_runtime(tmp_path) as runtime:
        first = await stored(runtime)
        file = file_of(tmp_path, first)
        file.unlink()
        session = await sent(runtime)
    async with a_runtime(tmp_path) as runtime:
        sessions, uploads = parts_of(runtime)
        stuck = await sessions.get(session.id)
        stuck = await sessions.update(stuck, state=SessionState.VALIDATING)
        facts = {"sha256": first.document.sha256}
        await sessions.update(stuck, state=SessionState.IMPORTING, facts=facts)
        await uploads.replace(first.document.blob_id, session.id)
    async with a_runtime(tmp_path) as runtime:
        done = await runtime.uploads.complete(LOCAL, session.id)
        assert done.document.id == first.document.id
        assert await content(runtime, first.document.id) == DATA


class Reads:
    """A plugin with an importer that cannot read anything at first."""

    can_read = False

    @hookimpl
    def pdfsluice_register_importers(self, context: PluginContext) -> list[ImporterSpec]:
        del context
        return [ImporterSpec(name="reads", importer=self)]

    async def run(self, context: ImportContext) -> None:
        if not self.can_read:
            raise DocumentUnreadable("there is nothing to read")

    async def forget(self, document_id: int) -> None:
        del document_id


async def test_a_document_is_imported_again_though_the_database_failed_when_it_was_healed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin, real = Reads(), SqlCatalogue.jobs
    async with a_runtime(tmp_path, plugin) as runtime:
        first = await stored(runtime)

        async def state() -> JobState:
            (job,) = (await runtime.library.import_status(first.document)).latest
            return job.state

        async def state_is(wanted: JobState) -> bool:
            return await state() is wanted

        await until(lambda: state_is(JobState.FAILED))
        file, plugin.can_read = file_of(tmp_path, first), True
        file.unlink()
        session = await sent(runtime)
        errors = [StorageFailed("the database is away")]

        async def jobs(catalogue: SqlCatalogue, document_id: int) -> Sequence[Job]:
            if errors and file.exists():
                raise errors.pop()
            return await real(catalogue, document_id)

        monkeypatch.setattr(SqlCatalogue, "jobs", jobs)
        with pytest.raises(StorageFailed, match="away"):
            await runtime.uploads.complete(LOCAL, session.id)
        assert (await runtime.uploads.complete(LOCAL, session.id)).duplicate
        await until(lambda: state_is(JobState.DONE))


def parts_of(runtime: Runtime) -> tuple[SessionStore, UploadStore]:
    scrubber = runtime.scrubber
    return scrubber._sessions, scrubber._uploads


def catalogue_of(runtime: Runtime) -> Catalogue:
    return runtime.scrubber._catalogue


async def test_a_deletion_that_is_refused_leaves_the_file(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = await stored(runtime)

    async def full(_: int) -> None:
        raise StorageFull("There is no space left.")

    with monkeypatch.context() as patch:
        patch.setattr(catalogue_of(runtime), "delete", full)
        with pytest.raises(StorageFull):
            await runtime.library.delete(LOCAL, done.document.id)
    assert await content(runtime, done.document.id) == DATA
    await runtime.library.delete(LOCAL, done.document.id)
    assert files_in(tmp_path) == []


async def test_a_file_that_an_interrupted_deletion_left_is_deleted_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_runtime(tmp_path) as runtime:
        done = await stored(runtime)

        async def fails(_: str) -> None:
            raise StorageFailed("The disk has an error.")

        monkeypatch.setattr(parts_of(runtime)[1], "remove", fails)
        await runtime.library.delete(LOCAL, done.document.id)
        with pytest.raises(DocumentNotFound):
            await runtime.library.get(LOCAL, done.document.id)
        assert len(files_in(tmp_path)) == 1
    async with a_runtime(tmp_path) as runtime:
        await runtime.scrubber.reconcile()
        assert files_in(tmp_path) == []


async def test_files_without_rows_and_rows_without_files_are_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with a_runtime(tmp_path) as runtime:
        lost, kept = await stored(runtime), await stored(runtime, DATA + b"x")
    file_of(tmp_path, lost).unlink()
    stray = str(uuid.uuid4())
    (tmp_path / "documents" / stray[:2]).mkdir(exist_ok=True)
    (tmp_path / "documents" / stray[:2] / f"{stray}.pdf").write_bytes(b"of a lost database")
    with caplog.at_level(logging.ERROR):
        async with a_runtime(tmp_path) as runtime:
            await runtime.scrubber.reconcile()
            report = runtime.scrubber.report
            available = await runtime.library.available([lost.document, kept.document])
    assert available == {lost.document.id: False, kept.document.id: True}
    assert report.files_without_document == 1
    assert stray in caplog.text
    assert f"document {lost.document.id} is damaged: it is missing" in caplog.text
    assert len(files_in(tmp_path)) == 2, "nothing that could be of value is deleted"


@pytest.mark.parametrize("content_now", [b"", DATA[:-1], DATA + b"x"])
async def test_a_file_of_another_size_is_not_served(
    runtime: Runtime, tmp_path: Path, content_now: bytes
) -> None:
    done = await stored(runtime)
    file_of(tmp_path, done).write_bytes(content_now)
    with pytest.raises(StorageFailed, match="damaged"):
        await content(runtime, done.document.id)
    assert not (await runtime.library.available([done.document]))[done.document.id]


async def test_the_scrub_finds_a_flipped_byte_and_notices_the_repair(
    runtime: Runtime, tmp_path: Path
) -> None:
    done = await stored(runtime)
    await stored(runtime, DATA + b"another")
    file = file_of(tmp_path, done)
    file.write_bytes(DATA[:500] + b"X" + DATA[501:])
    assert (await runtime.library.available([done.document]))[done.document.id]
    await runtime.scrubber.scrub()
    assert runtime.scrubber.report.documents_checked == 2
    assert not (await runtime.library.available([done.document]))[done.document.id]
    with pytest.raises(StorageFailed, match="SHA-256"):
        await content(runtime, done.document.id)
    file.write_bytes(DATA)
    assert await content(runtime, done.document.id) == DATA
    assert (await runtime.library.available([done.document]))[done.document.id]


async def test_the_scrub_keeps_its_pace(runtime: Runtime) -> None:
    data = DATA * 20
    await stored(runtime, data)
    sessions, uploads = parts_of(runtime)
    scrubber = Scrubber(
        catalogue=catalogue_of(runtime),
        sessions=sessions,
        uploads=uploads,
        files=DocumentFiles(uploads),
        rate=len(data) * 2,
    )
    loop = asyncio.get_running_loop()
    began = loop.time()
    await scrubber.scrub()
    assert loop.time() - began >= 0.5


async def test_missing_bytes_do_not_undo_what_was_acknowledged(tmp_path: Path) -> None:
    """They may be on a disk that is not mounted, or with another server."""
    async with a_runtime(tmp_path) as runtime:
        session = await initiate(runtime, DATA, check_duplicates=False)
        await send_all(runtime, session, DATA)
    async with a_runtime(tmp_path) as runtime:
        file = tmp_path / "uploads" / f"{session.id}.part"
        file.rename(tmp_path / "aside")
        with pytest.raises(StorageFailed, match="does not find"):
            await runtime.uploads.complete(LOCAL, session.id)
        (tmp_path / "aside").rename(file)
        assert (await runtime.uploads.complete(LOCAL, session.id)).document.file_size == len(DATA)


async def test_after_a_start_what_is_gone_from_the_only_store_is_sent_again(tmp_path: Path) -> None:
    """At the level ``process``, a power cut may leave a session without its file."""
    async with a_runtime(tmp_path) as runtime:
        session = await sent(runtime)
    (tmp_path / "uploads" / f"{session.id}.part").unlink()
    async with a_runtime(tmp_path) as runtime:
        resumed = await runtime.uploads.resume(LOCAL, session.id, "client")
        assert not resumed.committed
        await send_all(runtime, resumed, DATA)
        done = await runtime.uploads.complete(LOCAL, session.id)
        assert await content(runtime, done.document.id) == DATA


async def test_committed_bytes_are_counted_once(tmp_path: Path) -> None:
    async with a_runtime(tmp_path) as runtime:
        session = await sent(runtime)
        assert (await runtime.uploads.stats()).committed_bytes == len(DATA)
    async with a_runtime(tmp_path) as runtime:
        await runtime.uploads.complete(LOCAL, session.id)
        assert (await runtime.uploads.stats()).committed_bytes == 0
