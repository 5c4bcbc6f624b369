"""Builds a running pdfsluice from settings and plugins, and closes it again."""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from pdfsluice.config import Loaded, Settings

from .analytics.keeper import AnalyticsKeeper
from .directories import ensure_durable
from .document_models import JobKind
from .documents.bases import DeltaBases
from .documents.job_management import JobManagement
from .documents.library import Library
from .documents.links import DocumentLinks
from .documents.removing import DocumentRemover
from .documents.reranking import Reranking
from .documents.scrubbing import Scrubber
from .documents.searching import Searcher
from .documents.turns import DEFAULT_LIMITS, TurnLimits
from .documents.versions import Versions
from .errors import AuthenticationError
from .event_hub import EventHub
from .models import Principal, Scope
from .opened_stores import opened_stores
from .plugins.guarding import guard
from .plugins.hold_watch import HoldWatch
from .plugins.loop_clock import LoopClock
from .plugins.manager import PluginManager
from .plugins.opening import open_authenticators, open_parts
from .plugins.part_tasks import PartTasks
from .plugins.parts import Part, PartCounts
from .plugins.ports.access import Credentials
from .plugins.ports.cluster import Cluster, NodeIdentity
from .plugins.ports.policy import PolicySpec
from .plugins.registry import Registry, choose
from .registry_building import build_registry
from .relay import EventRelay
from .runtime_parts import (
    make_backends,
    make_jobs,
    make_markdown,
    make_open_uploads,
    make_previews,
    make_service,
    time_limits,
)
from .scanning.pool import PoolLimits
from .scanning.runner import StageRunners
from .scanning.starting import stage_runners
from .threads import Workers
from .uploads.completing import Completer
from .uploads.holding import DEFAULT_INTERVALS, Holding, HoldingIntervals
from .uploads.idle_clock import IdleClock
from .uploads.node_rates import NodeRates
from .uploads.pacing import Pacing, Rates
from .uploads.quarantine import Quarantine
from .uploads.quotas import QuotaKeeper
from .uploads.rate_keeper import RateKeeper
from .uploads.receiving import ChunkReceiver
from .uploads.service import UploadService
from .uploads.shares import LOCAL_PRINCIPAL
from .uploads.sweeper import Sweeper

logger = logging.getLogger(__name__)

_SINGLE = NodeIdentity()

LOCAL = Principal(id=LOCAL_PRINCIPAL, name="local", scopes=frozenset(Scope))
"""All users of this machine, while no authenticator requires credentials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """A running pdfsluice, without any protocol.

    Attributes:
        uploads: The operations on uploads.
        library: The operations on documents.
        versions: Versions of documents.
        bases: Documents as the base of new versions.
        jobs: What administrators do with background jobs.
        quarantine: Refused uploads whose bytes are retained.
        quotas: What accounts may use, and what they use.
        pacing: How fast uploads may send, and downloads receive.
        rates: The limits of both, which administrators change.
        node_rates: The rates that all nodes keep together.
        analytics: Records of ended uploads, and reports on them.
        events: The hub through which events are published.
        parts: How each part of a plugin has behaved.
        stages: What runs the stream stages.
        cluster: The other nodes.
    """

    settings: Settings
    manager: PluginManager
    registry: Registry
    uploads: UploadService
    library: Library
    versions: Versions
    bases: DeltaBases
    jobs: JobManagement
    quarantine: Quarantine
    quotas: QuotaKeeper
    pacing: Pacing
    rates: RateKeeper
    node_rates: NodeRates
    analytics: AnalyticsKeeper
    events: EventHub
    sweeper: Sweeper
    scrubber: Scrubber
    parts: Mapping[Part, PartCounts]
    stages: StageRunners
    cluster: Cluster

    @property
    def policy(self) -> PolicySpec:
        """The policy that the settings name."""
        return choose("policies", self.registry.policies, self.settings.policy)

    @property
    def authentication_required(self) -> bool:
        """Whether requests without credentials are refused."""
        return any(spec.authenticator.enforced for spec in self.registry.authenticators)

    async def authenticate(self, credentials: Credentials) -> Principal:
        """Return the principal of a request.

        Raises:
            AuthenticationError: The credentials are wrong, or absent although required.
        """
        for spec in self.registry.authenticators:
            principal = await spec.authenticator.authenticate(credentials)
            if principal is not None:
                return principal
        if self.authentication_required:
            has_key = credentials.headers.keys() & {"authorization", "x-api-key"}
            raise AuthenticationError(
                "the API key is not valid" if has_key else "this server needs an API key",
                hint="Send a whole one as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'.",
            )
        return LOCAL

    async def drain(self) -> None:
        """Accept nothing more; finish running requests, or stop them safely."""
        await self.uploads.drain(self.settings.shutdown_grace.total_seconds())


def _make_folders(settings: Settings) -> None:
    for folder in (settings.data_dir, settings.upload_dir, settings.state_dir):
        ensure_durable(folder)


@asynccontextmanager
async def open_runtime(
    loaded: Loaded,
    manager: PluginManager,
    *,
    limits: TurnLimits = DEFAULT_LIMITS,
    intervals: HoldingIntervals = DEFAULT_INTERVALS,
    node: NodeIdentity = _SINGLE,
    job_kinds: Collection[JobKind] = tuple(JobKind),
    stage_limits: PoolLimits | None = None,
    stage_module: str = "pdfsluice.core.scanning.worker_main",
) -> AsyncIterator[Runtime]:
    """Start everything but the protocols; on leaving, stop it in the reverse order.

    Args:
        loaded: The settings.
        manager: The plugins.
        limits: How background jobs take turns.
        intervals: How often rows are looked at that other nodes may have changed.
        node: How this process joins the other nodes; its store is that of the settings.
        job_kinds: The background jobs that this process runs.
        stage_limits: Bounds of the stage processes; by default those of the settings.
        stage_module: The module that a stage process runs.

    Raises:
        PluginError: A plugin is at fault, or a setting names a part that no plugin registered.
    """
    settings = loaded.settings
    events = EventHub()
    clock = LoopClock()
    registry, parts = guard(
        build_registry(loaded, manager, events, worker=node.number),
        clock=clock,
        timeouts=time_limits(settings),
    )
    async with AsyncExitStack() as stack:
        if not all(part.plugin.built_in for part in parts):
            await stack.enter_async_context(PartTasks(clock).watched())
        await asyncio.to_thread(_make_folders, settings)
        registry = await stack.enter_async_context(open_parts(registry))
        workers = Workers(settings.worker_threads)
        stack.callback(workers.close)
        stores = await stack.enter_async_context(opened_stores(settings, manager, registry, node))
        sessions, cluster = stores.sessions, stores.cluster
        registry = await stack.enter_async_context(open_authenticators(registry, sessions, cluster))
        analytics = AnalyticsKeeper(sessions, retention=settings.analytics_retention)
        await stack.enter_async_context(analytics.running())
        await stack.enter_async_context(
            events.running(
                (*registry.event_sinks, *analytics.sinks), partial(registry.label, "event_sinks")
            )
        )
        await stack.enter_async_context(EventRelay(events, cluster).running())
        idle_clock = IdleClock(settings, sessions)
        await idle_clock.record()
        previews = make_previews(settings, registry, stores)
        quotas = QuotaKeeper(sessions, cluster=cluster)
        jobs = make_jobs(
            settings,
            registry,
            stores,
            events,
            admit_page=quotas.take_ocr_page,
            limits=limits,
            previews=previews,
            kinds=job_kinds,
        )
        backends = make_backends(settings, registry, stores, workers)
        stages = await stack.enter_async_context(
            stage_runners(
                loaded, manager, registry, workers, limits=stage_limits, module=stage_module
            )
        )
        remover = DocumentRemover(
            catalogue=stores.catalogue,
            uploads=stores.uploads,
            files=stores.files,
            previews=previews,
            importers=registry.importers,
            index=stores.index,
        )
        versions = Versions(
            catalogue=stores.catalogue,
            index=stores.index,
            remove=remover.remove,
            keep=settings.keep_versions,
            interval_seconds=settings.cleanup_interval.total_seconds(),
            cluster=cluster,
        )
        open_uploads = make_open_uploads(
            settings,
            backends,
            stores,
            stages=stages,
            events=events,
            completer=Completer(
                registry,
                stores.uploads,
                stores.catalogue,
                stores.files,
                on_jobs=jobs.queued,
                on_replaced=versions.replaced,
                on_validating=jobs.expect,
            ),
        )
        node_rates = NodeRates(sessions, cluster)
        pacing = Pacing(Rates.of(settings), nodes=node_rates)
        rates = RateKeeper(pacing, sessions, cluster)
        receiver = ChunkReceiver(
            registry,
            workers,
            open_uploads,
            pacing=pacing,
            max_file_size=int(settings.max_file_size),
            cluster=cluster,
        )
        quarantine = Quarantine(sessions, stores.uploads, open_uploads)
        service = make_service(
            settings,
            backends,
            stores,
            open_uploads=open_uploads,
            receiver=receiver,
            quarantine=quarantine,
            idle_clock=idle_clock,
        )
        sweeper = Sweeper(
            settings=settings,
            sessions=sessions,
            uploads=stores.uploads,
            open_uploads=open_uploads,
            quarantine=quarantine,
            idle_clock=idle_clock,
            cluster=cluster,
        )
        scrubber = Scrubber(
            catalogue=stores.catalogue,
            sessions=sessions,
            uploads=stores.uploads,
            files=stores.files,
            rate=settings.scrub_rate,
            cluster=cluster,
        )
        holding = Holding(
            cluster,
            sessions,
            open_uploads,
            on_jobs=jobs.announced,
            on_stop=jobs.stop,
            intervals=intervals,
        )
        interrupted = (
            await sweeper.reconcile(sole_store=cluster.sole_store) if cluster.first else ()
        )
        stack.push_async_callback(open_uploads.drain, 0.0)
        await stack.enter_async_context(jobs.running())
        await stack.enter_async_context(versions.running())
        await stack.enter_async_context(sweeper.running())
        await stack.enter_async_context(quotas.running())
        await stack.enter_async_context(rates.running())
        await stack.enter_async_context(node_rates.running())
        await stack.enter_async_context(scrubber.running())
        await stack.enter_async_context(holding.running(interrupted))
        stack.enter_context(
            HoldWatch(
                clock, parts, timeout_seconds=settings.loop_hold_timeout.total_seconds()
            ).running()
        )
        yield Runtime(
            settings=settings,
            manager=manager,
            registry=registry,
            uploads=service,
            library=Library(
                catalogue=stores.catalogue,
                remover=remover,
                files=stores.files,
                links=DocumentLinks.of(settings, registry, stores.uploads),
                previews=previews,
                markdown=make_markdown(manager, registry, stores),
                searcher=Searcher(stores.catalogue, Reranking.of(settings, registry)),
                importers=registry.importers,
                index=stores.index,
                index_hint=stores.index_hint,
                jobs=jobs,
            ),
            versions=versions,
            bases=DeltaBases(stores.catalogue, stores.files),
            jobs=JobManagement(stores.catalogue, jobs, cluster),
            quarantine=quarantine,
            quotas=quotas,
            pacing=pacing,
            rates=rates,
            node_rates=node_rates,
            analytics=analytics,
            events=events,
            sweeper=sweeper,
            scrubber=scrubber,
            parts=parts,
            stages=stages,
            cluster=cluster,
        )
