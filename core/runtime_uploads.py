"""Makes the parts of a runtime that work with uploads."""

from dataclasses import dataclass

from .documents.jobs.runner import JobRunner
from .plugins.ports.stores import HoldingStore
from .runtime_base import RuntimeBase
from .runtime_documents import DocumentParts
from .scanning.follower import CheckpointInterval
from .scanning.runner import StageRunners
from .uploads.completing.completer import Completer
from .uploads.creating import Initiator
from .uploads.holding import Holding, HoldingIntervals
from .uploads.idle_clock import IdleClock
from .uploads.limits.node_rates import NodeRates
from .uploads.limits.pacing import Pacing, Rates
from .uploads.limits.rate_keeper import RateKeeper
from .uploads.limits.upload_limits import UploadLimits
from .uploads.open_upload.backends import Backends
from .uploads.open_upload.integrity import IntegrityChecker
from .uploads.open_uploads import OpenUploads
from .uploads.opening import UploadOpener
from .uploads.quarantine import Quarantine
from .uploads.receiving import ChunkReceiver
from .uploads.service import UploadService
from .uploads.sweeper import Sweeper


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadParts:
    """What works with uploads.

    Attributes:
        open_uploads: The uploads that are in use.
        service: The operations on uploads.
        quarantine: Refused uploads whose bytes are retained.
        pacing: How fast uploads may send, and downloads receive.
        rates: The limits of both, which administrators change.
        node_rates: The rates that all nodes keep together.
        sweeper: Ends idle uploads and deletes what no session needs.
        holding: Shares the work on uploads with other nodes.
    """

    open_uploads: OpenUploads
    service: UploadService
    quarantine: Quarantine
    pacing: Pacing
    rates: RateKeeper
    node_rates: NodeRates
    sweeper: Sweeper
    holding: Holding


def make_upload_parts(
    base: RuntimeBase,
    documents: DocumentParts,
    stages: StageRunners,
    idle_clock: IdleClock,
    *,
    limits: UploadLimits,
    intervals: HoldingIntervals,
) -> UploadParts:
    """Make what works with uploads; nothing of it runs yet.

    Args:
        base: What it is made of.
        documents: What completed uploads become.
        stages: What runs the stream stages.
        idle_clock: Counts how long uploads have been idle.
        limits: Limits on open uploads.
        intervals: How often rows are looked at that other nodes may have changed.
    """
    settings, stores = base.settings, base.stores
    sessions, cluster = stores.sessions, stores.cluster
    backends = Backends(
        sessions=sessions,
        uploads=stores.uploads,
        policy=base.policy,
        workers=base.workers,
        integrity=IntegrityChecker(),
        cluster=cluster,
        holding_store=sessions if isinstance(sessions, HoldingStore) else None,
    )
    open_uploads = OpenUploads(
        backends,
        catalogue=stores.catalogue,
        opener=_opener(base, backends, stages, limits),
        completer=_completer(base, documents),
        max_open_early=limits.max_open_early,
    )
    node_rates = NodeRates(sessions, cluster)
    pacing = Pacing(Rates.of(settings), nodes=node_rates)
    quarantine = Quarantine(sessions, stores.uploads, open_uploads)
    return UploadParts(
        open_uploads=open_uploads,
        service=UploadService(
            settings=settings,
            sessions=sessions,
            uploads=stores.uploads,
            catalogue=stores.catalogue,
            initiator=Initiator(
                settings,
                sessions,
                stores.uploads,
                stores.catalogue,
                stores.files,
                policy=base.policy,
            ),
            idle_clock=idle_clock,
            open_uploads=open_uploads,
            receiver=ChunkReceiver(
                base.registry,
                base.workers,
                open_uploads,
                pacing=pacing,
                max_file_size=int(settings.max_file_size),
                max_ranges=limits.max_ranges,
                cluster=cluster,
            ),
            quarantine=quarantine,
            cluster=cluster,
        ),
        quarantine=quarantine,
        pacing=pacing,
        rates=RateKeeper(pacing, sessions, cluster),
        node_rates=node_rates,
        sweeper=Sweeper(
            settings=settings,
            sessions=sessions,
            uploads=stores.uploads,
            open_uploads=open_uploads,
            quarantine=quarantine,
            idle_clock=idle_clock,
            cluster=cluster,
        ),
        holding=_holding(base, open_uploads, documents.jobs, intervals),
    )


def _opener(
    base: RuntimeBase, backends: Backends, stages: StageRunners, limits: UploadLimits
) -> UploadOpener:
    settings = base.settings
    return UploadOpener(
        backends,
        stages,
        base.events,
        progress_interval=settings.progress_interval.total_seconds(),
        first_pause=limits.first_pause_seconds,
        checkpoints=CheckpointInterval(
            max_bytes=int(settings.checkpoint_bytes),
            max_seconds=settings.checkpoint_interval.total_seconds(),
        ),
    )


def _completer(base: RuntimeBase, documents: DocumentParts) -> Completer:
    return Completer(
        base.registry,
        base.stores.uploads,
        base.stores.catalogue,
        base.stores.sessions,
        base.stores.files,
        on_jobs=documents.jobs.queued,
        on_replaced=documents.versions.replaced,
        on_validating=documents.jobs.expect,
    )


def _holding(
    base: RuntimeBase, open_uploads: OpenUploads, jobs: JobRunner, intervals: HoldingIntervals
) -> Holding:
    return Holding(
        base.stores.cluster,
        base.stores.sessions,
        open_uploads,
        on_jobs=jobs.announced,
        on_stop=jobs.stop,
        intervals=intervals,
    )
