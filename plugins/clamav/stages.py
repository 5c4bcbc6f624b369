"""Two stages: one follows the upload, the other rescans what the first could not.

clamd drops a connection on which nothing comes for a while, as on an upload that is paused
or resumed after a restart. The first stage then reports that it saw nothing, and the second
one sends the whole file when it is there.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from io import RawIOBase
from pathlib import Path

from pdfsluice.core import (
    CompletionContext,
    Finding,
    FindingKind,
    Overloaded,
    Severity,
    StageReport,
    Unscanned,
    printable,
)

from .options import ClamavOptions
from .protocol import (
    ClamdError,
    Instream,
    LimitReachedError,
    Verdict,
    ping,
)

logger = logging.getLogger(__name__)

NAME = "clamav"
RESCAN_NAME = "clamav-rescan"
INTERRUPTED = "interrupted"
_SLICE = 1024 * 1024
_RETRY_SECONDS = 30.0
_READY_SECONDS = 1.0
_LIMITS = ("Heuristics.Limits.",)
_ENCRYPTED = ("Heuristics.Encrypted.",)
_UNCERTAIN = ("Heuristics.", "PUA.")


def warn_if_away(options: ClamavOptions) -> None:
    """Ask whether clamd is there; if it is not, log what that means for uploads."""
    try:
        ping(options.socket, seconds=options.connect_seconds)
    except ClamdError as error:
        closed = options.when_down == "fail-closed"
        logger.warning(
            "%s; until it can, uploads are %s. Check that clamd runs, and the setting"
            " 'clamav.socket'",
            error,
            "not completed" if closed else "accepted without a virus scan",
        )


@asynccontextmanager
async def open_rescan(stage: "RescanStage", options: ClamavOptions) -> AsyncIterator["RescanStage"]:
    """Open the second stage, and warn if clamd is not there: the socket may be wrong."""
    await asyncio.to_thread(warn_if_away, options)
    yield stage


class ClamavStage:
    """A stage that shows one upload to clamd while it arrives."""

    def __init__(self, options: ClamavOptions) -> None:
        self._left = int(options.stream_max_length)
        self._limit = self._left
        self._broken = ""
        self._limited = False
        self._unscanned: tuple[Unscanned, ...] = ()
        self._stream: Instream | None = None
        try:
            self._stream = _open(options)
        except ClamdError as error:
            self._broken = str(error)

    def feed(self, data: memoryview, offset: int) -> Sequence[Finding]:  # noqa: ARG002 - the port's
        """Send the next bytes, as far as clamd accepts them; return the findings."""
        self._limited = self._limited or len(data) > self._left
        if self._stream is None:
            return ()
        try:
            self._stream.send(data[: self._left])
            self._left -= min(self._left, len(data))
            return self._conclude() if self._limited else ()
        except ClamdError as error:
            self._break(error)
            return ()

    def finish(self) -> StageReport:
        """Return clamd's verdict."""
        findings: Sequence[Finding] = ()
        if self._stream is not None:
            try:
                findings = self._conclude()
            except ClamdError as error:
                self._break(error)
        if self._broken:
            message = f"The virus scan was interrupted: {self._broken}."
            return StageReport(
                unscanned=(Unscanned(stage=NAME, reason=INTERRUPTED, message=message),)
            )
        return StageReport(
            findings=tuple(findings),
            unscanned=(
                *self._unscanned,
                *([_behind_limit(NAME, self._limit)] if self._limited else ()),
            ),
        )

    def checkpoint(self) -> None:
        """There is none: clamd cannot continue in the middle of a stream."""

    def close(self) -> None:
        """Close the connection to clamd."""
        if self._stream is not None:
            self._stream.close()

    def _conclude(self) -> Sequence[Finding]:
        stream, self._stream = self._stream, None
        if stream is None:
            return ()
        with stream:
            findings, self._unscanned = _judged(stream.finish(), NAME)
            return findings

    def _break(self, error: ClamdError) -> None:
        self._broken = str(error)
        self.close()
        self._stream = None


class RescanStage:
    """A stage that scans whole files whose scan was interrupted."""

    def __init__(self, options: ClamavOptions) -> None:
        self._options = options

    async def inspect(self, context: CompletionContext) -> StageReport:
        """Scan the file, unless the first stage has.

        Raises:
            Overloaded: clamd is down, and nothing is to be accepted unscanned.
        """
        regions = context.session.unscanned
        if not any(item.stage == NAME and item.reason == INTERRUPTED for item in regions):
            return StageReport()
        try:
            return await asyncio.to_thread(self._scan, context.path)
        except ClamdError as error:
            logger.warning("upload %s was not scanned for viruses: %s", context.session.id, error)
            if self._options.when_down == "fail-closed":
                raise Overloaded(
                    "the virus scanner does not answer; the upload is kept",
                    retry_after=_RETRY_SECONDS,
                    hint="Complete the upload again when the scanner is back.",
                ) from None  # the log has the reason
            message = f"The file was not scanned for viruses: {error}."
            unscanned = Unscanned(stage=RESCAN_NAME, reason="unavailable", message=message)
            return StageReport(unscanned=(unscanned,), settles=frozenset({NAME}))

    async def obstacle(self) -> str:
        """Return why uploads cannot be completed, if clamd is away."""
        if self._options.when_down == "fail-open":
            return ""
        seconds = min(self._options.connect_seconds, _READY_SECONDS)
        try:
            await asyncio.to_thread(ping, self._options.socket, seconds=seconds)
        except ClamdError:  # its text names the socket, which stays private
            return "the virus scanner does not answer"
        return ""

    def _scan(self, path: Path) -> StageReport:
        limit = int(self._options.stream_max_length)
        limited = path.stat().st_size > limit
        findings: tuple[Finding, ...] = ()
        unscanned: tuple[Unscanned, ...] = ()
        with path.open("rb", buffering=0) as file, _open(self._options) as stream:
            try:
                _send(file, limit, stream)
                findings, unscanned = _judged(stream.finish(), RESCAN_NAME)
            except LimitReachedError:
                limited = True
        return StageReport(
            findings=findings,
            unscanned=(*unscanned, *([_behind_limit(RESCAN_NAME, limit)] if limited else ())),
            settles=frozenset({NAME}),
        )


def _send(file: RawIOBase, limit: int, stream: Instream) -> None:
    buffer = memoryview(bytearray(_SLICE))
    while limit and (size := file.readinto(buffer[: min(limit, _SLICE)])):
        stream.send(buffer[:size])
        limit -= size


def _open(options: ClamavOptions) -> Instream:
    return Instream(
        options.socket,
        connect_seconds=options.connect_seconds,
        answer_seconds=options.answer_seconds,
    )


def _judged(verdict: Verdict, stage: str) -> tuple[tuple[Finding, ...], tuple[Unscanned, ...]]:
    """Translate a verdict of clamd into findings and unscanned regions.

    With ``AlertExceedsMax`` and ``AlertEncrypted``, clamd reports limits and encryption under
    names like those of malware.
    """
    if not verdict.signature:
        return (), ()
    name = printable(verdict.signature, 200)
    if name.startswith(_LIMITS):
        message = f"The virus scanner reached one of its own limits ({name})."
        return (), (Unscanned(stage=stage, reason="limit", message=message),)
    if name.startswith(_ENCRYPTED):
        return (_encrypted(name, stage),), ()
    uncertain = name.startswith(_UNCERTAIN)
    finding = Finding(
        kind=FindingKind.MALWARE,
        severity=Severity.MEDIUM if uncertain else Severity.CRITICAL,
        stage=stage,
        message=f"ClamAV {'suspects' if uncertain else 'recognizes'} {name}.",
        advice="Do not open the file; inform the sender.",
        excerpt=name,
    )
    return (finding,), ()


def _encrypted(name: str, stage: str) -> Finding:
    return Finding(
        kind=FindingKind.ENCRYPTED,
        severity=Severity.LOW,
        stage=stage,
        message="The virus scanner could not look into a part that is encrypted.",
        advice="Ask for a copy without a password, or treat it as unchecked.",
        excerpt=name,
    )


def _behind_limit(stage: str, limit: int) -> Unscanned:
    return Unscanned(
        stage=stage,
        reason="limit",
        message=f"The virus scanner takes no more than {limit} bytes of a file"
        " ('stream_max_length', or clamd's own StreamMaxLength).",
    )
