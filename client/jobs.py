"""Background jobs of all documents, as the server answers them to administrators."""

from dataclasses import dataclass

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
