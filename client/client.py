"""The client: everything the server offers, as methods."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Any, BinaryIO, Self
from urllib.parse import quote
from uuid import uuid4

from .administration import Administration
from .download import Download, check_target, shortened
from .encryption import SUFFIX, decrypt, encrypted_copy
from .errors import ClientError
from .events import UploadEvent
from .models import (
    Document,
    DocumentPage,
    ImportStatus,
    ResumableUpload,
    ServerInfo,
    UploadSession,
    VersionList,
)
from .open_file import OpenFile
from .progress import ProgressTracker, TransferProgress
from .reading import Reading
from .retry import Patience, RetryPolicy
from .search import Searches
from .streaming import StreamedDownload
from .transfer import STREAMING, session_path
from .transport import Transport
from .upload import Upload, UploadOptions
from .watching import Subscriber

DEFAULT_SERVER = "http://localhost:8000"
_DOCUMENTS = "/api/documents"
_FIRST_POLL_SECONDS = 0.25
_MAX_POLL_SECONDS = 2.0
_POLL_GROWTH = 1.5

Listener = Callable[[TransferProgress], None]


class Client(Administration, Reading, Searches):
    """A connection to one server, used as an async context manager.

    Every method raises a :class:`~pdfsluice.client.ClientError` if the server refuses or
    cannot be reached. Methods may run at the same time.

    Args:
        base_url: Address of the server.
        api_key: Identifies the caller; ``None`` if the server needs none.
        retry: How uploads behave while the server is unavailable or busy.
        timeout: Seconds without any byte after which a connection counts as broken.
        ca: File in PEM with certificates of further authorities that are trusted. Without it
            those of the system count, or those that ``SSL_CERT_FILE`` names.

    ``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` in the environment are followed,
    except for a server on this machine.

    Raises:
        ValueError: The address is not an HTTP address.
        ClientError: The certificates cannot be read, or the proxy is not an HTTP proxy.
    """

    def __init__(
        self,
        base_url: str = DEFAULT_SERVER,
        *,
        api_key: str | None = None,
        retry: RetryPolicy | None = None,
        timeout: float = 60.0,
        ca: Path | str | None = None,
    ) -> None:
        self._transport = Transport(
            base_url, api_key=api_key, timeout=timeout, ca=Path(ca) if ca else None
        )
        self._retry = retry or RetryPolicy()
        self._client_id = f"pdfsluice-{uuid4().hex[:16]}"

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._transport.__aexit__(*error)

    async def info(self) -> ServerInfo:
        """Return the version and limits of the server; needs no key."""
        return await self._transport.call(ServerInfo, "GET", "/api/info")

    async def upload(
        self,
        path: Path | str,
        *,
        title: str = "",
        chunk_size: int | None = None,
        parallel: int = 4,
        index: bool = False,
        checksum: bool = True,
        compress: bool = True,
        direct: bool = False,
        check_duplicates: bool = True,
        hash_first: bool | None = None,
        rate: float | None = None,
        encrypt_to: Sequence[str] = (),
        replaces: int | None = None,
        on_progress: Listener | None = None,
    ) -> Document:
        """Upload a file; return its document when it is in the catalogue.

        After a lost connection, a restart of the server, or an answer such as "busy" or "full",
        it waits and continues, according to the retry policy. The parameters are those of
        :class:`~pdfsluice.client.upload.UploadOptions`.

        Args:
            path: The file.
            title: Title of the document; made from the filename if empty.
            chunk_size: Bytes of a chunk to ask for; the server decides.
            parallel: Largest number of requests in flight.
            index: Whether the document is to be made searchable, in the background.
            checksum: Whether each request carries the SHA-256 of its bytes.
            compress: Whether requests are compressed if that saves time.
            direct: Whether chunks go to the object store of the server, if it allows that.
            check_duplicates: Whether a file that the server already has is not stored again;
                the answer then is the existing document, with ``duplicate`` set.
            hash_first: Whether the whole file is hashed before it is sent; ``None`` does so
                for files of up to 256 MiB.
            rate: Bytes per second to send at most; at least 1.
            encrypt_to: Public keys (``age1...``) for which the file is encrypted before it is
                sent. The server can then neither scan nor search it, and may refuse it.
            replaces: The document of which the file is a new version. What that document has
                already is not sent again.
            on_progress: Called often, from the event loop; must be quick.

        Raises:
            ContentRejected: The server refuses the content; ``findings`` has the reasons.
            FileChanged: The file was written to in the meantime.
            Unreachable: The server was unavailable for longer than ``RetryPolicy.patience``.
        """
        options = UploadOptions(
            title=title,
            chunk_size=chunk_size,
            parallel=parallel,
            index=index,
            checksum=checksum,
            compress=compress,
            direct=direct,
            check_duplicates=check_duplicates,
            hash_first=hash_first,
            rate=rate,
            encryption="age" if encrypt_to else "",
            replaces=replaces,
        )
        if encrypt_to and index:
            raise ClientError("the server cannot index what it cannot read", code="option-invalid")
        if encrypt_to:
            return await self._upload_encrypted(Path(path), encrypt_to, options, on_progress)
        with OpenFile.opened(Path(path)) as source:
            document = await self._sender(source, options, on_progress).start()
        if document.duplicate and index and document.index_status == "none":
            await self.index(document.id)
        return document

    async def _upload_encrypted(
        self,
        path: Path,
        recipients: Sequence[str],
        options: UploadOptions,
        on_progress: Listener | None,
    ) -> Document:
        with OpenFile.opened(path):
            pass  # reports what is wrong with it
        async with AsyncExitStack() as stack:
            copy = encrypted_copy(path, recipients)
            encrypted = await asyncio.to_thread(copy.__enter__)
            stack.push(copy.__exit__)
            source = stack.enter_context(OpenFile.opened(encrypted))
            return await self._sender(source, options, on_progress).start()

    async def resume(
        self,
        session_id: str,
        path: Path | str,
        *,
        parallel: int = 4,
        checksum: bool = True,
        compress: bool = True,
        direct: bool = False,
        rate: float | None = None,
        on_progress: Listener | None = None,
    ) -> Document:
        """Resume an interrupted upload: send what is missing and complete it.

        Raises:
            ClientError: The client that began the upload did not announce the size of the file;
                only that client can resume it (code ``size-unknown``).
            FileChanged: The file has another size or digest than the one the upload began
                with.
            SessionGone: The session has expired or was cancelled.
        """
        options = UploadOptions(
            parallel=parallel, checksum=checksum, compress=compress, direct=direct, rate=rate
        )
        with OpenFile.opened(Path(path)) as source:
            return await self._sender(source, options, on_progress).resume(session_id)

    def _sender(
        self, source: OpenFile, options: UploadOptions, listener: Listener | None
    ) -> Upload:
        return Upload(
            self._transport,
            source,
            client_id=self._client_id,
            options=options,
            policy=self._retry,
            tracker=ProgressTracker(source.size, listener),
        )

    async def sessions(self) -> tuple[ResumableUpload, ...]:
        """Return the unfinished uploads."""
        return await self._transport.call(
            tuple[ResumableUpload, ...], "GET", f"{STREAMING}/resumable"
        )

    async def session(self, session_id: str) -> UploadSession:
        """Return the state of an upload."""
        return await self._transport.call(UploadSession, "GET", session_path(session_id))

    async def cancel(self, session_id: str, *, reason: str = "") -> None:
        """End an unfinished upload; the server deletes its bytes."""
        path = session_path(session_id, "/cancel")
        await self._transport.call(dict[str, Any], "POST", path, json={"reason": reason})

    async def watch(self, session_id: str) -> AsyncGenerator[UploadEvent, None]:
        """Yield what happens to an upload until it ends, beginning with how it stands.

        The events come over the WebSocket; without one within 15 seconds the session is polled.
        """
        watcher = Subscriber(
            self._transport,
            self._client_id,
            lambda: self.session(session_id),
            self._retry,
        )
        async with aclosing(watcher.events(session_id)) as events:
            async for event in events:
                yield event

    async def documents(self, *, page_size: int = 50) -> AsyncGenerator[Document, None]:
        """Yield all documents; further pages of the list are fetched as they are needed."""
        query = {"limit": str(page_size)}
        while True:
            page = await self._transport.call(DocumentPage, "GET", _DOCUMENTS, query=query)
            for document in page.documents:
                yield document
            if page.next is None:
                return
            query["after"] = str(page.next)

    async def document(self, document_id: int) -> Document:
        """Return a document."""
        return await self._transport.call(Document, "GET", f"{_DOCUMENTS}/{document_id}")

    async def download(
        self,
        document_id: int,
        target: Path | str | BinaryIO,
        *,
        identity: Path | None = None,
        on_progress: Callable[[int, int], None] = lambda _arrived, _total: None,
    ) -> Document:
        """Fetch a document's file, and return the document.

        It continues after interruptions, according to the retry policy. An unfinished download is
        kept in the folder of the target, and resumed the next time. The target appears when the
        file is complete and its digest is right.

        Args:
            document_id: The document.
            target: Where the file is to be; a file that is there is replaced. A binary stream
                is given the bytes as they arrive; the digest is compared after the last one.
            identity: A file with the secret key of a recipient, if the file is to be decrypted;
                not possible if the target is a stream.
            on_progress: Called with the bytes that have arrived and the total.

        Raises:
            DigestMismatch: What arrived is not what the server announced.
            NotFound: There is no such document, or its file is not available.
            ClientError: It cannot be decrypted, or the target is a folder, a device or a pipe.
        """
        document = await self.document(document_id)
        if identity is not None:
            return await self._download_decrypted(document, target, identity, on_progress)
        patience = Patience(self._retry)
        download: Download | StreamedDownload
        if isinstance(target, Path | str):
            download = Download(
                self._transport, document, Path(target), patience=patience, listener=on_progress
            )
        else:
            download = StreamedDownload(
                self._transport, document, target, patience=patience, listener=on_progress
            )
        await download.run()
        return document

    async def _download_decrypted(
        self,
        document: Document,
        target: Path | str | BinaryIO,
        identity: Path,
        on_progress: Callable[[int, int], None],
    ) -> Document:
        if not isinstance(target, Path | str):
            raise ClientError("a stream cannot be decrypted", code="option-invalid")
        place = Path(target)
        check_target(place)
        encrypted = place.with_name(shortened(f".{place.name}{SUFFIX}"))
        await self.download(document.id, encrypted, on_progress=on_progress)
        await asyncio.to_thread(decrypt, encrypted, place, identity)
        encrypted.unlink()
        return document

    async def rename(self, document_id: int, title: str) -> Document:
        """Give a document another title."""
        path = f"{_DOCUMENTS}/{document_id}"
        return await self._transport.call(Document, "PATCH", path, json={"title": title})

    async def versions(self, document_id: int) -> tuple[Document, ...]:
        """Return all versions of a document, the newest first."""
        path = f"{_DOCUMENTS}/{document_id}/versions"
        return (await self._transport.call(VersionList, "GET", path)).versions

    async def delete(self, document_id: int, *, all_versions: bool = False) -> None:
        """Delete a document, its file and what was derived from it.

        If it is the newest of several versions, the one before it is the newest again.
        """
        query = {"all_versions": "true"} if all_versions else None
        await self._transport.call(object, "DELETE", f"{_DOCUMENTS}/{document_id}", query=query)

    async def import_status(self, document_id: int) -> ImportStatus:
        """Return the progress of import and index of a document; ask once.

        :meth:`settled` waits for their end.
        """
        return await self._transport.call(ImportStatus, "GET", f"{_DOCUMENTS}/{document_id}/import")

    async def settled(
        self,
        document_id: int,
        *,
        on_status: Callable[[ImportStatus], None] = lambda _status: None,
        on_waiting: Callable[[ClientError, float], None] = lambda _error, _pause: None,
    ) -> ImportStatus:
        """Wait until the import and the index of a document have ended, well or not.

        It continues after interruptions, according to the retry policy: the upload is finished
        already, and a restart of the server does not change that.

        Args:
            document_id: The document.
            on_status: Called with each status that is read: every quarter of a second at first,
                later every two seconds.
            on_waiting: Called with the error and the pause before each wait for the server.

        Raises:
            Unreachable: The server was unavailable for longer than ``RetryPolicy.patience``.
            NotFound: There is no such document.
        """
        patience = Patience(self._retry, on_waiting)
        pause = _FIRST_POLL_SECONDS
        while True:
            status = await patience.retried(lambda: self.import_status(document_id))
            patience.progressed()
            if not status.running:
                return status
            on_status(status)
            await asyncio.sleep(pause)
            pause = min(pause * _POLL_GROWTH, _MAX_POLL_SECONDS)

    async def retry_import(self, document_id: int, importer: str) -> ImportStatus:
        """Ask for one importer to be repeated; it happens in the background."""
        path = f"{_DOCUMENTS}/{document_id}/import/{quote(importer, safe='')}/retry"
        return await self._transport.call(ImportStatus, "POST", path)

    async def index(self, document_id: int) -> ImportStatus:
        """Ask for a document to be made searchable; it happens in the background."""
        return await self._transport.call(ImportStatus, "POST", f"{_DOCUMENTS}/{document_id}/index")
