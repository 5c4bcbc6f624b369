"""The module of each public name of ``pdfsluice.core``, imported at first use."""

_MODULES = {
    "errors": (
        "AuthenticationError BodyIncomplete ChecksumMismatch Conflict ContentRejected "
        "DocumentNotFound DocumentUnreadable NotFound OffsetConflict Overloaded PdfsluiceError "
        "PermissionDenied PluginError ProtocolError QuotaExceeded RateLimited SessionEnded "
        "SessionExpired SessionNotFound SizeExceeded StageFailed StateConflict StorageFailed "
        "StorageFull"
    ),
    "models.events": (
        "ChunkProgress Event FindingsReported ImportEnded MemoryWarning SessionEvent "
        "ShuttingDown UploadEnded UploadProgress UploadStatus"
    ),
    "models.findings": (
        "BY_ITSELF Decision Explanation Finding FindingKind Revision Severity StageReport "
        "Trigger Unscanned"
    ),
    "models.documents": "Document NewDocument PageText TextSource",
    "models.jobs": "Job JobKind JobState",
    "models.sessions": "Checksum ChunkIntent Extent Principal Protocol Scope Session SessionState",
    "plugins.hookspecs": "API_VERSION hookimpl",
    "plugins.ports.access": "Authenticator AuthenticatorOpener AuthenticatorSpec Credentials",
    "plugins.ports.checksums": "ChecksumSpec Hasher",
    "plugins.ports.analytics": "Analytics Dimension HasAnalytics",
    "models.totals": "Totals",
    "models.upload_records": "Measures UploadEnd UploadRecord",
    "plugins.ports.quotas": "DEFAULT_ACCOUNT HasQuotas QuotaAccount QuotaLimits Quotas QuotaUsage",
    "plugins.ports.context": "CommandSpec Need Opened OptionsSpec PluginContext",
    "plugins.ports.derived": "DerivingStore",
    "plugins.ports.documents": (
        "ImportContext Importer ImporterSpec Index IndexSpec PageRenderer PageRendererSpec "
        "Progress RetryPolicy TextExtractor TextExtractorSpec TurnTaking"
    ),
    "plugins.ports.opening": "Opener closing",
    "plugins.ports.policy": "Policy PolicySpec",
    "plugins.ports.recognition": (
        "RecognizedPage RecognizedWord TextRecognizer TextRecognizerSpec"
    ),
    "plugins.ports.sinks": "EventSink EventSinkSpec",
    "plugins.ports.children": "ChildAccess",
    "plugins.ports.stages": (
        "ChunkCheck ChunkStage ChunkStageSpec CompletionContext CompletionStage "
        "CompletionStageSpec Gate GateSpec Pacer ReadinessCheck"
    ),
    "plugins.ports.streams": "StageContext StreamStage StreamStageSpec",
    "plugins.ports.blobs": "Blob PromptBlob StoreUsage UploadStore UploadStoreSpec",
    "plugins.ports.cluster": "Cluster Hint HintKind Hold LiveNode NodeIdentity UploadReview alone",
    "plugins.ports.keys": "ApiKey HasKeys KeyChange KeyRates KeyStore",
    "plugins.ports.ranking": "Reranker RerankerSpec",
    "plugins.ports.links": "LinkSigner LinkSignerSpec LinkedFile ReachableStore Ticket",
    "plugins.ports.managed_jobs": "JobFilter ListedJob ManagedJobs OpenJobs",
    "plugins.ports.objects": "ObjectInfo ObjectStore",
    "plugins.ports.catalogue": "Catalogue CatalogueSpec CompletingCatalogue"
    " DocumentChanges VersionedCatalogue",
    "plugins.ports.rates": (
        "HasRateLimits HasRates RateClocks RateLimits RateLimitStore Reservation"
    ),
    "plugins.ports.sessions": "HoldingStore SessionChanges SessionStore SessionStoreSpec Standing",
    "processes.child": "Child ChildFailed plain_environment",
    "processes.child_main": "Limits path_from_text path_to_text serve",
    "processes.pool": "ChildPool",
    "models.document_filter": "DocumentFilter",
    "runtime.inspector": "installed_inspector",
    "models.layout": "Box PageLayout WordBoxes",
    "models.passages": "Match Passage",
    "models.ranges": "RangeSet",
    "segments": "SegmentedUploadStore open_segmented_store",
    "text": "legible printable",
}

HOMES = {name: module for module, names in _MODULES.items() for name in names.split()}
"""The module, relative to ``pdfsluice.core``, from which each name is imported."""
