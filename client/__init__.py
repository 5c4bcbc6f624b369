"""The Python client library.

Everything a program needs is named here and imported on first use, so that the command
line starts without loading an HTTP client:

    async with Client("http://localhost:8000") as client:
        document = await client.upload(Path("large.pdf"))

It knows the HTTP interface alone, and imports nothing of the server.
"""

if __name__ == "client":
    raise ImportError("import this package as 'pdfsluice.client', not as 'client'")

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .analytics import AnalyticsReport as AnalyticsReport
    from .analytics import Percentiles as Percentiles
    from .analytics import UploadGroup as UploadGroup
    from .analytics import UploadTotals as UploadTotals
    from .client import Client as Client
    from .errors import AuthenticationFailed as AuthenticationFailed
    from .errors import ClientError as ClientError
    from .errors import ContentRejected as ContentRejected
    from .errors import DigestMismatch as DigestMismatch
    from .errors import DuplicateDocument as DuplicateDocument
    from .errors import FileChanged as FileChanged
    from .errors import NotFound as NotFound
    from .errors import PermissionDenied as PermissionDenied
    from .errors import SessionGone as SessionGone
    from .errors import UnexpectedAnswer as UnexpectedAnswer
    from .errors import Unreachable as Unreachable
    from .errors import UploadIncomplete as UploadIncomplete
    from .events import FindingsEvent as FindingsEvent
    from .events import ProgressEvent as ProgressEvent
    from .events import ServerClosing as ServerClosing
    from .events import StatusEvent as StatusEvent
    from .findings import Finding as Finding
    from .findings import Severity as Severity
    from .findings import Unscanned as Unscanned
    from .jobs import ListedJob as ListedJob
    from .jobs import Node as Node
    from .limits import Account as Account
    from .limits import QuotaLimits as QuotaLimits
    from .limits import QuotaUsage as QuotaUsage
    from .limits import RateLimits as RateLimits
    from .limits import Rates as Rates
    from .models import Document as Document
    from .models import ImportStatus as ImportStatus
    from .models import Job as Job
    from .models import QuarantinedUpload as QuarantinedUpload
    from .models import ResumableUpload as ResumableUpload
    from .models import ServerInfo as ServerInfo
    from .models import ServerLimits as ServerLimits
    from .models import SessionFailure as SessionFailure
    from .models import SessionState as SessionState
    from .models import UploadSession as UploadSession
    from .progress import TransferProgress as TransferProgress
    from .reading import MarkdownPage as MarkdownPage
    from .retry import RetryPolicy as RetryPolicy
    from .search import FoundDocument as FoundDocument
    from .search import Match as Match
    from .search import Passage as Passage
    from .search import PassagePlace as PassagePlace
    from .search import SearchAnswer as SearchAnswer
    from .search import SearchFilter as SearchFilter
    from .search import Segment as Segment

_HOMES = {
    ".analytics": ("AnalyticsReport", "Percentiles", "UploadGroup", "UploadTotals"),
    ".client": ("Client",),
    ".errors": (
        "AuthenticationFailed",
        "ClientError",
        "ContentRejected",
        "DigestMismatch",
        "DuplicateDocument",
        "FileChanged",
        "NotFound",
        "PermissionDenied",
        "SessionGone",
        "UnexpectedAnswer",
        "Unreachable",
        "UploadIncomplete",
    ),
    ".events": ("FindingsEvent", "ProgressEvent", "ServerClosing", "StatusEvent"),
    ".findings": ("Finding", "Severity", "Unscanned"),
    ".jobs": ("ListedJob", "Node"),
    ".limits": ("Account", "QuotaLimits", "QuotaUsage", "RateLimits", "Rates"),
    ".models": (
        "Document",
        "ImportStatus",
        "Job",
        "QuarantinedUpload",
        "ResumableUpload",
        "ServerInfo",
        "ServerLimits",
        "SessionFailure",
        "SessionState",
        "UploadSession",
    ),
    ".progress": ("TransferProgress",),
    ".reading": ("MarkdownPage",),
    ".retry": ("RetryPolicy",),
    ".search": (
        "FoundDocument",
        "Match",
        "Passage",
        "PassagePlace",
        "SearchAnswer",
        "SearchFilter",
        "Segment",
    ),
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name], __name__), name)


def __dir__() -> list[str]:
    return sorted(_MODULES)
