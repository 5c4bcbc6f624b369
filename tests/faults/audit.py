"""What must hold after a power cut: the client's ledger against the server."""

import random
import sqlite3
import sys
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .client import API, Client, Phase, Range, Upload, call

_PAGE = 200
_RECONCILE_SECONDS = 30.0
_POLL_SECONDS = 0.2
_MAX_COMPLETIONS = 3


@dataclass(slots=True)
class Findings:
    """Counts of what was compared and what was wrong.

    Attributes:
        violations: Broken promises, in words.
        allowed: Losses that the durability setting allows.
    """

    finished_documents: int = 0
    acknowledged_ranges: int = 0
    lost_documents: int = 0
    lost_ranges: int = 0
    violations: list[str] = field(default_factory=list)
    allowed: dict[str, int] = field(default_factory=dict)


class Audit:
    """Compares everything that was acknowledged with what is there after a restart.

    Args:
        client: What was acknowledged.
        data_dir: The server's data.
        log: The server's log, where it reports files without rows.
        power: Whether acknowledged chunks must have survived, as with ``durability = "power"``.
    """

    def __init__(self, client: Client, data_dir: Path, log: Path, *, power: bool) -> None:
        self._client = client
        self._data_dir = data_dir
        self._log = log
        self._power = power
        self.findings = Findings()

    def run(self, *, finish: float) -> None:
        """Check everything.

        Args:
            finish: Share of open uploads that are sent to their end.
        """
        self._client.start()
        chance = random.Random(self._client.random.random())
        for upload in list(self._client.uploads):
            upload.busy = True
            self._check(upload, send_rest=chance.random() < finish)
            upload.busy = False
        self._check_listing()
        self._check_database_and_files()

    def _call(self, method: str, path: str, body: Any = None, *, raw: bool = False) -> Any:
        return call(self._client.port, method, path, body, raw=raw)

    def _check(self, upload: Upload, *, send_rest: bool) -> None:
        match upload.phase:
            case Phase.OPEN:
                self._check_open(upload, send_rest=send_rest)
            case Phase.COMPLETING:
                self._check_completing(upload)
            case Phase.DONE:
                self._check_done(upload)
            case Phase.DELETING:
                self._client.delete(upload)
            case Phase.DELETED:
                self._check_deleted(upload)
            case Phase.LOST:
                pass

    def _check_done(self, upload: Upload) -> None:
        self.findings.finished_documents += 1
        status, answer = self._call("GET", f"/api/documents/{upload.document}")
        if status != 200 or answer["sha256"] != upload.digest:
            self._lose_document(upload, f"its row: {status}")
            return
        status, data = self._call("GET", f"/api/documents/{upload.document}/file", raw=True)
        if status != 200 or data != upload.data:
            self._lose_document(upload, f"its file: {status}, {len(data)} bytes")

    def _lose_document(self, upload: Upload, detail: str) -> None:
        self.findings.lost_documents += 1
        self._violate(f"finished document {upload.document} is lost, {detail}")
        upload.phase = Phase.LOST

    def _check_deleted(self, upload: Upload) -> None:
        status, answer = self._call("GET", f"/api/documents/{upload.document}")
        if status == 200 and answer["sha256"] == upload.digest:
            self._violate(f"deleted document {upload.document} is back")
        elif status == 200 and not self._is_ours(upload.document):
            self._violate(f"the id {upload.document} was given again")
        upload.phase = Phase.LOST

    def _is_ours(self, document: int | None) -> bool:
        return any(
            each.document == document and each.phase is Phase.DONE for each in self._client.uploads
        )

    def _check_open(self, upload: Upload, *, send_rest: bool) -> None:
        status, answer = self._call("POST", f"{API}/resume", {"session_id": upload.id})
        if status != 200:
            self._lose(f"session with {len(upload.acknowledged)} ranges: resume {status}", upload)
            return
        self._compare_ranges(upload, answer["missing_ranges"])
        if send_rest:
            self._send_rest(upload)

    def _send_rest(self, upload: Upload) -> None:
        """Send what is missing and complete.

        A completion that the restart continued may find damaged ranges only while it runs; the
        client learns of them from the answer, and sends them again.
        """
        for _ in range(_MAX_COMPLETIONS):
            self._client.send(upload, random.Random(0), stop=False)
            if upload.phase is not Phase.COMPLETING:
                break
            status, answer = self._client.complete(upload)
            if status == 409 and answer.get("code") == "upload-incomplete":
                self._compare_ranges(upload, answer["details"]["missing_ranges"])
                upload.phase = Phase.OPEN
        if upload.phase is Phase.DONE:
            self._check_done(upload)
        else:
            self._violate(f"upload {upload.id} cannot be completed: it is {upload.phase}")

    def _compare_ranges(self, upload: Upload, missing: list[list[int]]) -> None:
        """Count acknowledged ranges that are missing; take over what the server has."""
        self.findings.acknowledged_ranges += len(upload.acknowledged)
        lost = [chunk for chunk in upload.acknowledged if _touches(chunk, missing)]
        self.findings.lost_ranges += len(lost)
        if lost:
            self._lose(f"acknowledged ranges {lost[:3]} of upload {upload.id}", None)
        upload.acknowledged = [chunk for chunk in upload.chunks if not _touches(chunk, missing)]

    def _check_completing(self, upload: Upload) -> None:
        status, answer = self._client.complete(upload)
        if status == 200:
            self._check_done(upload)
        elif status == 409 and answer.get("code") == "upload-incomplete":
            self._compare_ranges(upload, answer["details"]["missing_ranges"])
            upload.phase = Phase.OPEN
            self._check_open(upload, send_rest=True)
        else:
            self._lose(f"completion of {upload.id}: {status} {answer.get('code')}", upload)

    def _lose(self, what: str, upload: Upload | None) -> None:
        """Count a loss: a violation at the level ``power``, allowed at ``process``."""
        if self._power:
            self._violate(what)
        else:
            kind = what.split(maxsplit=1)[0]
            self.findings.allowed[kind] = self.findings.allowed.get(kind, 0) + 1
        if upload is not None:
            upload.phase = Phase.LOST

    def _violate(self, what: str) -> None:
        self.findings.violations.append(what)
        print(what, file=sys.stderr)

    def _check_listing(self) -> None:
        """Compare: one document for each digest, each with its file."""
        after, digests = "", set()
        while True:
            status, page = self._call("GET", f"/api/documents?limit={_PAGE}{after}")
            if status != 200:
                self._violate(f"documents are not listed: {status} {page}")
                return
            for entry in page["documents"]:
                if entry["sha256"] in digests:
                    self._violate(f"document {entry['id']} is there twice")
                digests.add(entry["sha256"])
                if not entry["is_file_available"]:
                    self._violate(f"document {entry['id']} is listed without its file")
            if page["next"] is None:
                return
            after = f"&after={page['next']}"

    def _check_database_and_files(self) -> None:
        rows, open_ids = self._ids()
        missing = [blob_id for blob_id in rows if not self._file(blob_id).exists()]
        if missing:
            self._violate(f"{len(missing)} rows are without files")
        self._check_unnamed_files()
        # If a cut lost all sessions, which only "process" allows, the next start leaves the files.
        log = self._log.read_text(errors="replace")
        are_left = not self._power and "because no session is known at all" in log
        for file in (self._data_dir / "uploads").glob("*.part"):
            if file.stem not in open_ids and not are_left:
                self._violate(f"{file.name} belongs to no open upload")
        for file in self._data_dir.rglob(".*.copying"):
            self._violate(f"{file.name} is left over")

    def _ids(self) -> tuple[set[str], set[str]]:
        """Return the blobs of documents and of open sessions; check the database."""
        path = self._data_dir / "state" / "pdfsluice.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)) as database:
            verdict = database.execute("PRAGMA integrity_check").fetchone()[0]
            rows = {row[0] for row in database.execute("SELECT blob_id FROM documents")}
            open_ids = {
                row[0]
                for row in database.execute(
                    "SELECT id FROM sessions WHERE state IN"
                    " ('created', 'uploading', 'validating', 'importing')"
                )
            }
        if verdict != "ok":
            self._violate(f"the database is damaged: {verdict}")
        return rows, open_ids

    def _file(self, blob_id: str) -> Path:
        return self._data_dir / "documents" / blob_id[:2] / f"{blob_id}.pdf"

    def _check_unnamed_files(self) -> None:
        """Check that the server deletes or reports each file without a row.

        A deletion that failed is made good after a start. At the level "process" a cut may lose
        the session of a file that is published and not yet in the catalogue; such a file stays.
        """
        deadline = time.monotonic() + _RECONCILE_SECONDS
        while unexplained := self._unexplained_files():
            if time.monotonic() > deadline:
                self._violate(f"files without a row are not reported: {unexplained}")
                return
            time.sleep(_POLL_SECONDS)

    def _unexplained_files(self) -> set[str]:
        rows, open_ids = self._ids()
        files = {file.stem for file in (self._data_dir / "documents").glob("*/*.pdf")}
        unnamed = files - rows - open_ids
        if self._power or not unnamed:
            return unnamed
        lines = self._log.read_text(errors="replace").splitlines()
        reported = [line for line in lines if "belong to no document" in line]
        return {each for each in unnamed if not any(each in line for line in reported)}


def _touches(chunk: Range, missing: list[list[int]]) -> bool:
    return any(chunk[0] < end and start < chunk[1] for start, end in missing)
