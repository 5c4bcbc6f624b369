"""Makes the larger parts of a runtime from the settings."""

from collections.abc import Awaitable, Callable, Collection, Mapping

from pdfsluice.config import Settings

from .document_models import JobKind
from .documents.jobs import JobRunner
from .documents.markdown import MarkdownReader
from .documents.pictures import pictures_of
from .documents.previews import Previews
from .documents.turns import TurnLimits
from .event_hub import EventHub
from .opened_stores import OpenedStores
from .plugins.manager import PluginManager
from .plugins.registry import Registry, choose
from .scanning.follower import CheckpointInterval
from .scanning.runner import StageRunners
from .threads import Workers
from .uploads.backends import Backends
from .uploads.completing import Completer
from .uploads.creating import Initiator
from .uploads.idle_clock import IdleClock
from .uploads.integrity import IntegrityChecker
from .uploads.open_uploads import OpenUploads
from .uploads.opening import UploadOpener
from .uploads.quarantine import Quarantine
from .uploads.receiving import ChunkReceiver
from .uploads.service import UploadService

_MARKDOWN_PLUGIN = "markdown"


def time_limits(settings: Settings) -> Mapping[str, float]:
    """Return the limits of awaited calls in seconds; see :func:`.guarding.guard`."""
    return {
        "authenticators": settings.authenticator_timeout.total_seconds(),
        "gates": settings.gate_timeout.total_seconds(),
        "completion_stages": settings.completion_stage_timeout.total_seconds(),
        "page_renderers": settings.renderer_timeout.total_seconds(),
        "text_recognizers.obstacle": settings.renderer_timeout.total_seconds(),
        "indexes.search": settings.search_timeout.total_seconds(),
        "link_signers": settings.link_signer_timeout.total_seconds(),
    }


def make_previews(settings: Settings, registry: Registry, stores: OpenedStores) -> Previews:
    """Make what draws pictures of pages."""
    renderers = registry.page_renderers
    pictures = pictures_of(stores.uploads, renderers, settings.data_dir / "previews")
    return Previews(renderers, stores.uploads, pictures)


def make_jobs(
    settings: Settings,
    registry: Registry,
    stores: OpenedStores,
    events: EventHub,
    *,
    previews: Previews,
    admit_page: Callable[[int], Awaitable[None]],
    limits: TurnLimits,
    kinds: Collection[JobKind],
) -> JobRunner:
    """Make what runs background jobs."""
    return JobRunner(
        catalogue=stores.catalogue,
        uploads=stores.uploads,
        registry=registry,
        admit_page=admit_page,
        index=stores.index,
        index_hint=stores.index_hint,
        policy=choose("policies", registry.policies, settings.policy).policy,
        index_label=registry.label("indexes", settings.index),
        previews=previews,
        events=events,
        workers=settings.import_jobs,
        silence_seconds=settings.job_silence_timeout.total_seconds(),
        readers=settings.ocr_jobs,
        limits=limits,
        cluster=stores.cluster,
        kinds=kinds,
    )


def make_markdown(
    manager: PluginManager, registry: Registry, stores: OpenedStores
) -> MarkdownReader:
    """Make what reads documents as Markdown; its plugin is optional."""
    missing = manager.missing.get(_MARKDOWN_PLUGIN)
    return MarkdownReader(
        extractors=[spec.extractor for spec in registry.text_extractors if spec.markdown],
        catalogue=stores.catalogue,
        files=stores.files,
        hint=missing.hint if missing else "",
    )


def make_backends(
    settings: Settings, registry: Registry, stores: OpenedStores, workers: Workers
) -> Backends:
    """Return what all uploads work with."""
    return Backends(
        sessions=stores.sessions,
        uploads=stores.uploads,
        policy=choose("policies", registry.policies, settings.policy).policy,
        workers=workers,
        integrity=IntegrityChecker(),
        cluster=stores.cluster,
    )


def make_open_uploads(
    settings: Settings,
    backends: Backends,
    stores: OpenedStores,
    *,
    stages: StageRunners,
    events: EventHub,
    completer: Completer,
) -> OpenUploads:
    """Make what opens and completes the uploads of this process."""
    opener = UploadOpener(
        backends,
        stages,
        events,
        progress_interval=settings.progress_interval.total_seconds(),
        checkpoints=CheckpointInterval(
            max_bytes=int(settings.checkpoint_bytes),
            max_seconds=settings.checkpoint_interval.total_seconds(),
        ),
    )
    return OpenUploads(backends, catalogue=stores.catalogue, opener=opener, completer=completer)


def make_service(
    settings: Settings,
    backends: Backends,
    stores: OpenedStores,
    *,
    open_uploads: OpenUploads,
    receiver: ChunkReceiver,
    quarantine: Quarantine,
    idle_clock: IdleClock,
) -> UploadService:
    """Make the operations on uploads."""
    initiator = Initiator(
        settings,
        stores.sessions,
        stores.uploads,
        stores.catalogue,
        stores.files,
        policy=backends.policy,
    )
    return UploadService(
        settings=settings,
        sessions=stores.sessions,
        uploads=stores.uploads,
        catalogue=stores.catalogue,
        initiator=initiator,
        idle_clock=idle_clock,
        open_uploads=open_uploads,
        receiver=receiver,
        quarantine=quarantine,
        cluster=stores.cluster,
    )
