"""The pdfsluice framework, without HTTP and without any PDF library.

The names in ``__all__`` are the public interface of plugins: import them from here. What
they promise is in ``docs/explanation/stability.md``; all other modules may change with every
version. A name is imported from its module when it is first used, so that processes start fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .public_names import HOMES as _HOMES

if __name__ == "core":
    raise ImportError("import this package as 'pdfsluice.core', not as 'core'")

if TYPE_CHECKING:
    from .errors import (
        AuthenticationError,
        BodyIncomplete,
        ChecksumMismatch,
        Conflict,
        ContentRejected,
        DocumentNotFound,
        DocumentUnreadable,
        NotFound,
        OffsetConflict,
        Overloaded,
        PdfsluiceError,
        PermissionDenied,
        PluginError,
        ProtocolError,
        QuotaExceeded,
        RateLimited,
        SessionEnded,
        SessionExpired,
        SessionNotFound,
        SizeExceeded,
        StageFailed,
        StateConflict,
        StorageFailed,
        StorageFull,
    )
    from .models.document_filter import DocumentFilter
    from .models.documents import Document, NewDocument, PageText, TextSource
    from .models.events import (
        ChunkProgress,
        Event,
        FindingsReported,
        ImportEnded,
        MemoryWarning,
        SessionEvent,
        ShuttingDown,
        UploadEnded,
        UploadProgress,
        UploadStatus,
    )
    from .models.findings import (
        BY_ITSELF,
        Decision,
        Explanation,
        Finding,
        FindingKind,
        Revision,
        Severity,
        StageReport,
        Trigger,
        Unscanned,
    )
    from .models.jobs import Job, JobKind, JobState
    from .models.layout import Box, PageLayout, WordBoxes
    from .models.passages import Match, Passage
    from .models.ranges import RangeSet
    from .models.sessions import (
        Checksum,
        ChunkIntent,
        Extent,
        Principal,
        Protocol,
        Scope,
        Session,
        SessionState,
    )
    from .models.totals import Totals
    from .models.upload_records import Measures, UploadEnd, UploadRecord
    from .plugins.hookspecs import API_VERSION, hookimpl
    from .plugins.ports.access import (
        Authenticator,
        AuthenticatorOpener,
        AuthenticatorSpec,
        Credentials,
    )
    from .plugins.ports.analytics import Analytics, Dimension, HasAnalytics
    from .plugins.ports.blobs import Blob, PromptBlob, StoreUsage, UploadStore, UploadStoreSpec
    from .plugins.ports.catalogue import (
        Catalogue,
        CatalogueSpec,
        CompletingCatalogue,
        DocumentChanges,
        VersionedCatalogue,
    )
    from .plugins.ports.checksums import ChecksumSpec, Hasher
    from .plugins.ports.children import ChildAccess
    from .plugins.ports.cluster import (
        Cluster,
        Hint,
        HintKind,
        Hold,
        LiveNode,
        NodeIdentity,
        UploadReview,
        alone,
    )
    from .plugins.ports.context import CommandSpec, Need, Opened, OptionsSpec, PluginContext
    from .plugins.ports.derived import DerivingStore
    from .plugins.ports.documents import (
        ImportContext,
        Importer,
        ImporterSpec,
        Index,
        IndexSpec,
        PageRenderer,
        PageRendererSpec,
        Progress,
        RetryPolicy,
        TextExtractor,
        TextExtractorSpec,
        TurnTaking,
    )
    from .plugins.ports.keys import ApiKey, HasKeys, KeyChange, KeyRates, KeyStore
    from .plugins.ports.links import LinkedFile, LinkSigner, LinkSignerSpec, ReachableStore, Ticket
    from .plugins.ports.managed_jobs import JobFilter, ListedJob, ManagedJobs, OpenJobs
    from .plugins.ports.objects import ObjectInfo, ObjectStore
    from .plugins.ports.opening import Opener, closing
    from .plugins.ports.policy import Policy, PolicySpec
    from .plugins.ports.quotas import (
        DEFAULT_ACCOUNT,
        HasQuotas,
        QuotaAccount,
        QuotaLimits,
        Quotas,
        QuotaUsage,
    )
    from .plugins.ports.ranking import Reranker, RerankerSpec
    from .plugins.ports.rates import (
        HasRateLimits,
        HasRates,
        RateClocks,
        RateLimits,
        RateLimitStore,
        Reservation,
    )
    from .plugins.ports.recognition import (
        RecognizedPage,
        RecognizedWord,
        TextRecognizer,
        TextRecognizerSpec,
    )
    from .plugins.ports.sessions import (
        HoldingStore,
        SessionChanges,
        SessionStore,
        SessionStoreSpec,
        Standing,
    )
    from .plugins.ports.sinks import EventSink, EventSinkSpec
    from .plugins.ports.stages import (
        ChunkCheck,
        ChunkStage,
        ChunkStageSpec,
        CompletionContext,
        CompletionStage,
        CompletionStageSpec,
        Gate,
        GateSpec,
        Pacer,
        ReadinessCheck,
    )
    from .plugins.ports.streams import StageContext, StreamStage, StreamStageSpec
    from .processes.child import Child, ChildFailed, plain_environment
    from .processes.child_main import Limits, path_from_text, path_to_text, serve
    from .processes.pool import ChildPool
    from .runtime.inspector import installed_inspector
    from .segments import SegmentedUploadStore, open_segmented_store
    from .text import legible, printable

__all__ = [
    "API_VERSION",
    "BY_ITSELF",
    "DEFAULT_ACCOUNT",
    "Analytics",
    "ApiKey",
    "AuthenticationError",
    "Authenticator",
    "AuthenticatorOpener",
    "AuthenticatorSpec",
    "Blob",
    "BodyIncomplete",
    "Box",
    "Catalogue",
    "CatalogueSpec",
    "Checksum",
    "ChecksumMismatch",
    "ChecksumSpec",
    "Child",
    "ChildAccess",
    "ChildFailed",
    "ChildPool",
    "ChunkCheck",
    "ChunkIntent",
    "ChunkProgress",
    "ChunkStage",
    "ChunkStageSpec",
    "Cluster",
    "CommandSpec",
    "CompletingCatalogue",
    "CompletionContext",
    "CompletionStage",
    "CompletionStageSpec",
    "Conflict",
    "ContentRejected",
    "Credentials",
    "Decision",
    "DerivingStore",
    "Dimension",
    "Document",
    "DocumentChanges",
    "DocumentFilter",
    "DocumentNotFound",
    "DocumentUnreadable",
    "Event",
    "EventSink",
    "EventSinkSpec",
    "Explanation",
    "Extent",
    "Finding",
    "FindingKind",
    "FindingsReported",
    "Gate",
    "GateSpec",
    "HasAnalytics",
    "HasKeys",
    "HasQuotas",
    "HasRateLimits",
    "HasRates",
    "Hasher",
    "Hint",
    "HintKind",
    "Hold",
    "HoldingStore",
    "ImportContext",
    "ImportEnded",
    "Importer",
    "ImporterSpec",
    "Index",
    "IndexSpec",
    "Job",
    "JobFilter",
    "JobKind",
    "JobState",
    "KeyChange",
    "KeyRates",
    "KeyStore",
    "Limits",
    "LinkSigner",
    "LinkSignerSpec",
    "LinkedFile",
    "ListedJob",
    "LiveNode",
    "ManagedJobs",
    "Match",
    "Measures",
    "MemoryWarning",
    "Need",
    "NewDocument",
    "NodeIdentity",
    "NotFound",
    "ObjectInfo",
    "ObjectStore",
    "OffsetConflict",
    "OpenJobs",
    "Opened",
    "Opener",
    "OptionsSpec",
    "Overloaded",
    "Pacer",
    "PageLayout",
    "PageRenderer",
    "PageRendererSpec",
    "PageText",
    "Passage",
    "PdfsluiceError",
    "PermissionDenied",
    "PluginContext",
    "PluginError",
    "Policy",
    "PolicySpec",
    "Principal",
    "Progress",
    "PromptBlob",
    "Protocol",
    "ProtocolError",
    "QuotaAccount",
    "QuotaExceeded",
    "QuotaLimits",
    "QuotaUsage",
    "Quotas",
    "RangeSet",
    "RateClocks",
    "RateLimitStore",
    "RateLimited",
    "RateLimits",
    "ReachableStore",
    "ReadinessCheck",
    "RecognizedPage",
    "RecognizedWord",
    "Reranker",
    "RerankerSpec",
    "Reservation",
    "RetryPolicy",
    "Revision",
    "Scope",
    "SegmentedUploadStore",
    "Session",
    "SessionChanges",
    "SessionEnded",
    "SessionEvent",
    "SessionExpired",
    "SessionNotFound",
    "SessionState",
    "SessionStore",
    "SessionStoreSpec",
    "Severity",
    "ShuttingDown",
    "SizeExceeded",
    "StageContext",
    "StageFailed",
    "StageReport",
    "Standing",
    "StateConflict",
    "StorageFailed",
    "StorageFull",
    "StoreUsage",
    "StreamStage",
    "StreamStageSpec",
    "TextExtractor",
    "TextExtractorSpec",
    "TextRecognizer",
    "TextRecognizerSpec",
    "TextSource",
    "Ticket",
    "Totals",
    "Trigger",
    "TurnTaking",
    "Unscanned",
    "UploadEnd",
    "UploadEnded",
    "UploadProgress",
    "UploadRecord",
    "UploadReview",
    "UploadStatus",
    "UploadStore",
    "UploadStoreSpec",
    "VersionedCatalogue",
    "WordBoxes",
    "alone",
    "closing",
    "hookimpl",
    "installed_inspector",
    "legible",
    "open_segmented_store",
    "path_from_text",
    "path_to_text",
    "plain_environment",
    "printable",
    "serve",
]

_DEPRECATED: frozenset[str] = frozenset()
"""Public names that ``plugins/deprecation.py`` lists: importing one warns."""

if not TYPE_CHECKING:  # type checkers see the imports above

    def __getattr__(name: str) -> Any:
        """Import a public name from its module."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
        if name in _DEPRECATED:  # asked for each time, to warn each distribution
            deprecation = import_module(".plugins.deprecation", __name__)
            deprecation.INTERFACE.warn(name, deprecation.calling_distribution())
        else:
            globals()[name] = value
        return value


def __dir__() -> list[str]:
    """Return the public names and what is imported so far."""
    return sorted({*globals(), *__all__})
