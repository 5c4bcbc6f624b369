"""Makes the parts of a runtime that work with uploads."""

from dataclasses import dataclass

from pdfsluice.core.documents.jobs.runner import JobRunner
from pdfsluice.core.plugins.ports.stores import HoldingStore
from pdfsluice.core.scanning.follower import CheckpointInterval
from pdfsluice.core.scanning.runner import StageRunners
from pdfsluice.core.uploads.completing.completer import Completer
from pdfsluice.core.uploads.creating import Initiator
from pdfsluice.core.uploads.holding import Holding, HoldingIntervals
from pdfsluice.core.uploads.idle_clock import IdleClock
from pdfsluice.core.uploads.limits.node_rates import NodeRates
from pdfsluice.core.uploads.limits.pacing import Pacing, Rates
from pdfsluice.core.uploads.limits.rate_keeper import RateKeeper
from pdfsluice.core.uploads.limits.upload_limits import UploadLimits
from pdfsluice.core.uploads.open_upload.backends import Backends
from pdfsluice.core.uploads.open_upload.integrity import IntegrityChecker
from pdfsluice.core.uploads.open_uploads import OpenUploads
from pdfsluice.core.uploads.opening import UploadOpener
from pdfsluice.core.uploads.quarantine import Quarantine
from pdfsluice.core.uploads.receiving import ChunkReceiver
from pdfsluice.core.uploads.service import UploadService
from pdfsluice.core.uploads.sweeper import Sweeper

from .base import RuntimeBase
from .documents import DocumentParts


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
