"""Background jobs and live servers, as the server answers them to administrators."""

from dataclasses import dataclass
from datetime import datetime

from .models import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedJob(Job):
    """A background job, with its document.

    Attributes:
        document_id: The document.
        document_title: Its title.
        owner: Its owner.
        node: The server that runs the job, or ran it last; empty if none did.
        stopping: Whether it runs, and is to be stopped.
    """

    document_id: int
    document_title: str
    owner: str
    node: str = ""
    stopping: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPage:
    """A page of jobs, newest first.

    Attributes:
        jobs: The jobs.
        total: How many are selected, on all pages.
        next: What continues the list; ``None`` at the end.
    """

    jobs: tuple[ListedJob, ...]
    total: int
    next: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A server or a worker that is live.

    Attributes:
        id: The id of the process, never used again.
        role: ``server``, or ``worker`` without HTTP.
        version: The version of its program.
        host: The name of its machine.
        started_at: When it joined the others.
        seen_at: When its last heartbeat was stored.
        uploads: How many uploads it holds: it scans and completes them.
        jobs: How many background jobs it runs.
    """

    id: str
    role: str
    version: str
    host: str
    started_at: datetime
    seen_at: datetime
    uploads: int = 0
    jobs: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeList:
    """All servers and workers that are live, the oldest first."""

    nodes: tuple[Node, ...]
