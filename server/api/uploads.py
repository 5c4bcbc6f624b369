"""Uploads over HTTP: initiate, send, resume, complete, cancel, release, list."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

from aiohttp import hdrs, web

from pdfsluice.core import errors
from pdfsluice.core.models.sessions import Scope, Session
from pdfsluice.core.runtime.runtime import Runtime
from pdfsluice.core.uploads.completing.results import Completion
from pdfsluice.core.uploads.creating import Initiation
from pdfsluice.server.app_keys import PRINCIPAL
from pdfsluice.server.routes import Answer, Route
from pdfsluice.server.transport.body import BodyLimits
from pdfsluice.server.transport.parsing import (
    NoQuery,
    checked_id,
    read_json,
    read_query,
    session_id,
)

from .documents import Documents
from .requests import (
    CancelRequest,
    CompleteRequest,
    InitiateRequest,
    ResumeRequest,
)
from .responses.sessions import (
    AcceptedView,
    CancelledView,
    CompletedView,
    InitiatedView,
    ResumableView,
    SessionView,
)
from .responses.views import respond

PREFIX = "/api/documents/streaming"
TAG = "Uploads"
GONE = (errors.SessionNotFound, errors.SessionExpired, errors.SessionEnded)


class Uploads:
    """Handlers for upload sessions; :mod:`.chunks` receives the bytes.

    Args:
        runtime: The running server.
        documents: Describes the documents of completed uploads.
        follow: Subscribes the client's WebSockets to a session.
    """

    def __init__(
        self, runtime: Runtime, documents: Documents, follow: Callable[[Session], None]
    ) -> None:
        self._uploads = runtime.uploads
        self._library = runtime.library
        self._settings = runtime.settings
        self._checksums = runtime.registry.checksums
        self._documents = documents
        self._follow = follow
        self._limits = BodyLimits.of(runtime.settings)

    def routes(self) -> Iterator[Route]:
        """Return the routes of sessions; fixed paths come before those with an id."""
        session = Answer("The session.", SessionView)
        cancelled = Answer("It has ended and its bytes are deleted.", CancelledView)
        yield Route(
            method="POST",
            path=f"{PREFIX}/initiate",
            handler=self.initiate,
            scopes=(Scope.UPLOAD,),
            summary="Open an upload session",
            tag=TAG,
            body=InitiateRequest,
            answers={200: Answer("The session is open.", InitiatedView)},
            errors=(
                errors.DuplicateDocument,
                errors.DocumentNotFound,
                errors.DocumentReplaced,
                errors.SizeExceeded,
                errors.QuotaExceeded,
                errors.RateLimited,
                errors.StorageFull,
            ),
        )
        yield Route(
            method="GET",
            path=f"{PREFIX}/resumable",
            handler=self.resumable,
            scopes=(Scope.READ, Scope.UPLOAD),
            summary="List unfinished uploads",
            tag=TAG,
            answers={200: Answer("Newest first.", ResumableView, many=True)},
        )
        yield Route(
            method="POST",
            path=f"{PREFIX}/resume",
            handler=self.resume,
            scopes=(Scope.UPLOAD,),
            summary="Resume an upload",
            tag=TAG,
            body=ResumeRequest,
            answers={200: session},
            errors=(*GONE, errors.ContentRejected, errors.StateConflict),
        )
        yield Route(
            method="POST",
            path=f"{PREFIX}/complete/{{session_id}}",
            handler=self.complete,
            scopes=(Scope.UPLOAD,),
            summary="Complete an upload",
            tag=TAG,
            headers={"Prefer": "respond-async, for an immediate answer (RFC 7240)."},
            body=CompleteRequest,
            body_required=False,
            answers={
                200: Answer("The document is in the catalogue.", CompletedView),
                202: Answer(
                    "Validation and import continue; query the status address.",
                    AcceptedView,
                    headers={"Location": "Where to query the state."},
                ),
            },
            errors=(
                *GONE,
                errors.UploadIncomplete,
                errors.DigestMismatch,
                errors.ContentRejected,
                errors.StageFailed,
                errors.StorageFull,
            ),
        )
        yield Route(
            method="POST",
            path=f"{PREFIX}/cancel/{{session_id}}",
            handler=self.cancel,
            scopes=(Scope.UPLOAD,),
            summary="Cancel an upload",
            tag=TAG,
            body=CancelRequest,
            body_required=False,
            answers={200: cancelled},
            errors=(*GONE, errors.StateConflict),
        )
        yield Route(
            method="POST",
            path=f"{PREFIX}/release/{{session_id}}",
            handler=self.release,
            scopes=(Scope.ADMIN,),
            summary="Overrule the refusal of a quarantined upload",
            tag=TAG,
            answers={200: session},
            errors=(*GONE, errors.StateConflict),
        )
        yield Route(
            method="GET",
            path=f"{PREFIX}/{{session_id}}",
            handler=self.status,
            scopes=(Scope.READ, Scope.UPLOAD),
            summary="Show an upload session",
            tag=TAG,
            answers={200: session},
            errors=(errors.SessionNotFound, errors.SessionExpired),
        )
        yield Route(
            method="DELETE",
            path=f"{PREFIX}/{{session_id}}",
            handler=self.cancel,
            scopes=(Scope.UPLOAD,),
            summary="Cancel an upload",
            tag=TAG,
            answers={200: cancelled},
            errors=(*GONE, errors.StateConflict),
        )

    async def initiate(self, request: web.Request) -> web.StreamResponse:
        """Open a session. The answer has the chunk size to use, which may be another.

        With ``expected_hash`` and ``check_duplicates`` a document that is there already is
        named in ``details.document`` of a 409, before a byte is sent.

        With ``replaces`` the file becomes a new version of one of the caller's own documents;
        this needs the scope ``read`` as well. Chunks may then be sent as deltas.
        """
        read_query(request, NoQuery)
        content = await read_json(request, InitiateRequest, self._limits)
        initiation = Initiation(
            filename=content.filename,
            total_size=content.file_size,
            client_id=content.client_id or f"client_{uuid4().hex}",
            chunk_size=content.chunk_size,
            title=content.title,
            check_duplicates=content.check_duplicates,
            auto_build_index=content.auto_build_index,
            expected_digest=content.expected_hash,
            metadata=content.metadata,
            encryption=content.encryption or "",
            replaces=content.replaces,
            software=request.headers.get(hdrs.USER_AGENT, ""),
        )
        try:
            session = await self._uploads.initiate(request[PRINCIPAL], initiation)
        except errors.DuplicateDocument as error:
            raise await self._with_document(request, error) from None
        self._follow(session)
        return respond(InitiatedView.of(session, self._settings, self._checksums))

    async def status(self, request: web.Request) -> web.StreamResponse:
        """Return the whole session: counters, missing ranges, findings, document."""
        read_query(request, NoQuery)
        session = await self._uploads.get(request[PRINCIPAL], session_id(request))
        return respond(await self._view(request, session))

    async def resume(self, request: web.Request) -> web.StreamResponse:
        """Check the stored bytes and return the session with what is missing."""
        read_query(request, NoQuery)
        content = await read_json(request, ResumeRequest, self._limits)
        session = await self._uploads.resume(
            request[PRINCIPAL], checked_id(content.session_id), content.client_id
        )
        self._follow(session)
        return respond(await self._view(request, session))

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """Validate the file and enter it into the catalogue; repeating it is harmless.

        Waits for validation and the entry, not for text and index. With
        ``Prefer: respond-async`` it does not wait at all.
        """
        read_query(request, NoQuery)
        content = await read_json(request, CompleteRequest, self._limits, required=False)
        if content.expected_hash:
            await self._uploads.announce_digest(
                request[PRINCIPAL], session_id(request), content.expected_hash
            )
        if prefers_async(request):
            return await self._complete_later(request)
        completion = await self._uploads.complete(request[PRINCIPAL], session_id(request))
        return await self.completed(completion)

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        """Cancel an upload and delete its bytes; cancelling again is harmless.

        An administrator deletes a file in quarantine this way; its upload stays refused.
        """
        read_query(request, NoQuery)
        content = await read_json(request, CancelRequest, self._limits, required=False)
        session = await self._uploads.cancel(
            request[PRINCIPAL], session_id(request), content.reason
        )
        return respond(CancelledView.of(session))

    async def release(self, request: web.Request) -> web.StreamResponse:
        """Resume a refused upload that is kept in quarantine; for administrators."""
        read_query(request, NoQuery)
        session = await self._uploads.release(request[PRINCIPAL], session_id(request))
        return respond(await self._view(request, session))

    async def resumable(self, request: web.Request) -> web.StreamResponse:
        """Return the caller's unfinished uploads."""
        read_query(request, NoQuery)
        now = datetime.now(UTC)
        sessions = await self._uploads.resumable(request[PRINCIPAL])
        return respond([ResumableView.of(session, now) for session in sessions])

    async def completed(self, completion: Completion) -> web.Response:
        """Answer an upload that became a document, whatever protocol it came by."""
        view = await self._documents.view_completed(completion)
        return respond(CompletedView(document=view, duplicate=completion.duplicate))

    def accepted(self, session_id: str, status: str) -> web.Response:
        """Answer an upload whose completion continues without the client."""
        status_url = f"{self._settings.root_path}{PREFIX}/{session_id}"
        view = AcceptedView(session_id=session_id, status=status, status_url=status_url)
        return respond(view, status=202)

    async def _complete_later(self, request: web.Request) -> web.StreamResponse:
        session = await self._uploads.start_completion(request[PRINCIPAL], session_id(request))
        response = self.accepted(session.id, session.state.value)
        response.headers[hdrs.LOCATION] = f"{PREFIX}/{session.id}"
        response.headers["Preference-Applied"] = "respond-async"
        return response

    async def _view(self, request: web.Request, session: Session) -> SessionView:
        document = None
        counters = self._uploads.counters(session)
        if session.document_id is not None:
            try:
                record = await self._library.get(request[PRINCIPAL], session.document_id)
                document = await self._documents.view(record)
                status = await self._library.import_status(record)
                counters = replace(counters, imported=status.share)
            except (errors.DocumentNotFound, errors.PermissionDenied):
                document = None  # deleted since, or the key may upload only
        return SessionView.of(session, counters, self._settings, document)

    async def _with_document(
        self, request: web.Request, error: errors.DuplicateDocument
    ) -> errors.DuplicateDocument:
        """Add the document to the error, if the principal may read it."""
        principal = request[PRINCIPAL]
        if not principal.may(Scope.READ):
            return error
        view = await self._documents.view_by_id(principal, error.details["document_id"])
        return errors.DuplicateDocument(
            error.message,
            hint=error.hint,
            details={**error.details, "document": view.model_dump(mode="json")},
        )


def prefers_async(request: web.Request) -> bool:
    """Return whether the client asks for an immediate answer (RFC 7240, 4.1)."""
    preferences = ",".join(request.headers.getall("Prefer", ())).lower().split(",")
    return any(item.split(";")[0].strip() == "respond-async" for item in preferences)
