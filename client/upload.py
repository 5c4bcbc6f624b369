"""Uploads one file: opens a session for it, or resumes one."""

from dataclasses import dataclass, replace

from .decoding import decode_value
from .delta import Delta, find_delta
from .errors import (
    ClientError,
    DuplicateDocument,
    FileChanged,
)
from .fingerprint import FINGERPRINT, fingerprint
from .models import (
    ChunkAnswer,
    Document,
    NewSession,
    UploadSession,
)
from .open_file import OpenFile
from .pacing import Pacer
from .problems import ending
from .progress import ProgressTracker
from .retry import Patience, RetryPolicy
from .transfer import STREAMING, Transfer
from .transport import Transport

HASH_FIRST_LIMIT = 256 * 1024 * 1024
_PROBE_SIZE = 64 * 1024
_OTHER_BYTES = "offset-conflict"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadOptions:
    """How a file is sent.

    Attributes:
        title: Title of the document; the server makes one from the filename if empty.
        chunk_size: Bytes of a chunk to ask the server for; ``None`` leaves it to the server.
        parallel: Largest number of requests in flight; fewer on a slow link.
        index: Whether the document is to be made searchable.
        checksum: Whether each request carries the SHA-256 of its bytes (RFC 9530).
        compress: Whether pieces are compressed if that saves time and the server accepts it.
        direct: Whether chunks go to the object store of the server, past the server itself, if
            it allows that; they are not compressed then.
        check_duplicates: Whether a file that the server already has is not stored again.
        hash_first: Whether the whole file is hashed before it is sent. The server then knows
            a duplicate before the first byte, and verifies the whole file at the end. ``None``
            does so for files of up to 256 MiB, where it takes less than a second.
        rate: Bytes per second to send at most, at least 1; ``None`` for no limit.
        encryption: How the file was encrypted (``age``), if the server is not to read it.
        replaces: The document of which the file is a new version.

    Raises:
        ClientError: ``parallel`` or ``rate`` is less than 1.
    """

    title: str = ""
    chunk_size: int | None = None
    parallel: int = 4
    index: bool = False
    checksum: bool = True
    compress: bool = True
    direct: bool = False
    check_duplicates: bool = True
    hash_first: bool | None = None
    rate: float | None = None
    encryption: str = ""
    replaces: int | None = None

    def __post_init__(self) -> None:
        for name, value in (("parallel", self.parallel), ("rate", self.rate)):
            if value is not None and not value >= 1:
                raise ClientError(
                    f"with {name} = {value:g} nothing would ever be sent",
                    code="option-invalid",
                    hint="Give at least 1.",
                )


class Upload:
    """One upload of one file.

    Args:
        transport: Connection to the server.
        source: The file.
        client_id: What the client calls itself.
        options: How to send it.
        policy: How long to keep trying.
        tracker: Records progress.
    """

    def __init__(
        self,
        transport: Transport,
        source: OpenFile,
        *,
        client_id: str,
        options: UploadOptions,
        policy: RetryPolicy,
        tracker: ProgressTracker,
    ) -> None:
        self._transport = transport
        self._source = source
        self._client_id = client_id
        self._options = options
        self._policy = policy
        self._tracker = tracker
        self._patience = Patience(policy, tracker.waiting)

    async def start(self) -> Document:
        """Open a session, send the file and complete it.

        Raises:
            ContentRejected: The server refuses what is in the file.
            ClientError: Anything else that patience does not cure.
        """
        if not self._source.size:
            raise ClientError(f"{self._source.path} is empty", code="file-empty")
        digest = None
        hash_first = self._options.hash_first
        if hash_first is None:
            hash_first = self._source.size <= HASH_FIRST_LIMIT
        if hash_first or self._options.replaces is not None:
            digest = await self._digest()
        try:
            session = await self._initiate(digest)
        except DuplicateDocument as duplicate:
            if document := duplicate.details.get("document"):
                return replace(decode_value(Document, document), duplicate=True)
            # The key may not read: only the answer to a whole upload names the document.
            digest = None
            session = await self._initiate(digest)
        delta = await self._delta(self._options.replaces)
        transfer = self._transfer(session, announced=digest is not None, delta=delta)
        return await transfer.run(((0, self._source.size),))

    async def resume(self, session_id: str) -> Document:
        """Resume a session: send what is missing and complete it.

        Raises:
            FileChanged: The file is not the one the session began with.
            ClientError: As for :meth:`start`.
        """
        session = await self._transport.call(
            UploadSession,
            "POST",
            f"{STREAMING}/resume",
            json={"session_id": session_id, "client_id": self._client_id},
        )
        if session.ended:
            if session.document is None:
                raise ending(session)
            return session.document
        if session.total_size is None:
            raise ClientError(
                f"upload {session_id} was begun by a client that has not announced how long"
                " the file is; nothing was sent",
                code="size-unknown",
                hint="Resume with the client that began it, or upload the file again.",
            )
        await self._check_same_file(session)
        delta = await self._delta(session.replaces)
        transfer = self._transfer(session, announced=bool(session.expected_hash), delta=delta)
        return await transfer.run(session.missing_ranges)

    async def _initiate(self, digest: str | None) -> NewSession:
        request = {
            "filename": _text(self._source.path.name),
            "file_size": self._source.size,
            "client_id": self._client_id,
            "check_duplicates": self._options.check_duplicates,
            "auto_build_index": self._options.index,
            "metadata": {FINGERPRINT: await fingerprint(self._source)},
            **({"title": _text(self._options.title)} if self._options.title else {}),
            **({"chunk_size": self._options.chunk_size} if self._options.chunk_size else {}),
            **({"expected_hash": digest} if digest else {}),
            **({"encryption": self._options.encryption} if self._options.encryption else {}),
            **({"replaces": self._options.replaces} if self._options.replaces else {}),
        }
        session = await self._patience.retried(
            lambda: self._transport.call(NewSession, "POST", f"{STREAMING}/initiate", json=request),
            # A server that was never there is more likely a wrong address than a pause.
            gives_up=lambda error: error.status is None,
        )
        self._patience.progressed()
        return session

    async def _check_same_file(self, session: UploadSession) -> None:
        if session.total_size != self._source.size or not await self._fits(session):
            raise FileChanged(
                f"{self._source.path} is not the file that upload {session.session_id} began with"
                f" ({session.filename}, {session.total_size} bytes)",
                hint="Give the original file, or start a new upload.",
            )

    async def _fits(self, session: UploadSession) -> bool:
        """Compare by the best that is known of the file that the session began with."""
        if session.expected_hash:
            return await self._digest() == session.expected_hash.lower()
        if FINGERPRINT in session.metadata:
            return await fingerprint(self._source) == session.metadata[FINGERPRINT]
        return await self._probe(session)

    async def _probe(self, session: UploadSession) -> bool:
        """Send a few bytes again that the server has: it compares, and refuses other ones."""
        end = session.missing_ranges[0][0] if session.missing_ranges else self._source.size
        if end == 0:
            return True
        chunk = (end - 1) // session.chunk_size
        start = max(chunk * session.chunk_size, end - _PROBE_SIZE)

        async def put() -> ChunkAnswer:
            return await self._transport.send(
                ChunkAnswer,
                f"{STREAMING}/chunk/{session.session_id}",
                query={"chunk_id": str(chunk), "chunk_offset": str(start)},
                headers={},
                length=end - start,
                body=self._source.slices(start, end),
                sent=lambda _size: None,
            )

        try:
            await self._patience.retried(put)
        except ClientError as error:
            if error.code != _OTHER_BYTES:
                raise
            return False
        return True

    async def _digest(self) -> str:
        self._tracker.stage("reading")
        return (await self._source.digest()).hex()

    async def _delta(self, document_id: int | None) -> Delta | None:
        """Find what the document has already; two encryptions have nothing in common."""
        if document_id is None or self._options.encryption:
            return None
        self._tracker.stage("reading")
        return await find_delta(self._transport, self._source, document_id, self._patience)

    def _transfer(
        self, session: NewSession | UploadSession, *, announced: bool, delta: Delta | None
    ) -> Transfer:
        return Transfer(
            self._transport,
            self._source,
            client_id=self._client_id,
            session_id=session.session_id,
            chunk_size=session.chunk_size,
            parallel=self._options.parallel,
            checksum=self._options.checksum,
            codings=session.chunk_codings if self._options.compress else (),
            delta=delta,
            direct=self._options.direct,
            policy=self._policy,
            patience=self._patience,
            pacer=Pacer(self._options.rate),
            tracker=self._tracker,
            announced=announced,
        )


def _text(name: str) -> str:
    """Return a name as JSON can have it; bytes that are no UTF-8 are replaced."""
    return name.encode(errors="surrogateescape").decode(errors="replace")
