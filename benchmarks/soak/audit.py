"""What the server has in the end, compared with what was uploaded."""

import asyncio
import hashlib
import time
import urllib.error
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from tests.support.servers import RunningServer
from tests.support.stored import documents, get, get_json

from .counts import Counts, compare

_SETTLED_SECONDS = 60.0


@dataclass(frozen=True)
class Audit:
    """Deviations; all are 0 where every promise was kept.

    Attributes:
        missing: Files that were confirmed and are no document.
        damaged: Documents whose bytes are not those of any file.
        duplicates: Documents beyond the first of the same file.
        orphans: Partial files that belong to no unfinished session.
        strays: Files among the documents that belong to none.
        wrong_accounts: Accounts whose usage differs from a recount.
        wrong_uploads: Completed uploads of analytics, less the documents.
        wrong_bytes: Their bytes, less those of the documents.
    """

    missing: int = 0
    damaged: int = 0
    duplicates: int = 0
    orphans: int = 0
    strays: int = 0
    wrong_accounts: int = 0
    wrong_uploads: int = 0
    wrong_bytes: int = 0

    @property
    def clean(self) -> bool:
        """Whether there are none."""
        return not any(getattr(self, each.name) for each in fields(self))


async def audit(server: RunningServer, digests: Sequence[str]) -> Audit:
    """Restart the server in peace and look at everything."""
    await asyncio.to_thread(server.restart)
    await asyncio.to_thread(_settle, server)
    rows = await asyncio.to_thread(documents, server.base_url)
    counts = await compare(server.data_dir / "state", rows)
    return await asyncio.to_thread(_audit, server, digests, rows, counts)


def _audit(
    server: RunningServer,
    digests: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    counts: Counts,
) -> Audit:
    stored = Counter(
        hashlib.sha256(get(f"{server.base_url}/api/documents/{each['id']}/file")).hexdigest()
        for each in rows
    )
    wanted = set(digests)
    files = list((server.data_dir / "documents").rglob("*.pdf"))
    return Audit(
        missing=len(wanted - set(stored)),
        damaged=sum(count for digest, count in stored.items() if digest not in wanted),
        duplicates=sum(count - 1 for count in stored.values()),
        orphans=_orphans(server),
        strays=len(files) - len(rows),
        wrong_accounts=counts.accounts,
        wrong_uploads=counts.uploads,
        wrong_bytes=counts.bytes,
    )


def _settle(server: RunningServer) -> None:
    """Wait until completions that a kill interrupted have come to their end."""
    deadline = time.monotonic() + _SETTLED_SECONDS
    while "finishing" in _partials(server) and time.monotonic() < deadline:
        time.sleep(0.1)


def _orphans(server: RunningServer) -> int:
    """Count partial files without a session that may still be resumed."""
    return len(_partials(server)) - _partials(server).count("open")


def _partials(server: RunningServer) -> list[str]:
    """Return the state of the session of each partial file."""
    locks = {"server.lock", "identity.lock"}
    uploads = (server.data_dir / "uploads").rglob("*")
    files = [path for path in uploads if path.is_file() and path.name not in locks]
    return [_standing(server, path.stem) for path in files]


def _standing(server: RunningServer, session_id: str) -> str:
    try:
        session = get_json(f"{server.base_url}/api/documents/streaming/{session_id}")
    except urllib.error.HTTPError:
        return "unknown"
    if session["status"] in {"created", "uploading"}:
        return "open"
    return "finishing" if session["status"] in {"validating", "importing"} else "ended"
