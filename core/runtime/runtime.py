"""Builds a running pdfsluice from settings and plugins, and closes it again."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from pdfsluice.config import Loaded, Settings
from pdfsluice.core.analytics.keeper import AnalyticsKeeper
from pdfsluice.core.documents.bases import DeltaBases
from pdfsluice.core.documents.jobs.management import JobManagement
from pdfsluice.core.documents.jobs.turns import DEFAULT_LIMITS, TurnLimits
from pdfsluice.core.documents.library import Library
from pdfsluice.core.documents.scrubbing import Scrubber
from pdfsluice.core.documents.versions import Versions
from pdfsluice.core.errors import AuthenticationError
from pdfsluice.core.events.hub import EventHub
from pdfsluice.core.models.jobs import JobKind
from pdfsluice.core.models.sessions import Principal, Scope, Session
from pdfsluice.core.plugins.hold_watch import HoldWatch
from pdfsluice.core.plugins.manager import PluginManager
from pdfsluice.core.plugins.parts import Part, PartCounts
from pdfsluice.core.plugins.ports.access import Credentials
from pdfsluice.core.plugins.ports.cluster import Cluster, NodeIdentity
from pdfsluice.core.plugins.ports.policy import PolicySpec
from pdfsluice.core.plugins.registry import Registry, choose
from pdfsluice.core.scanning.pool import PoolLimits
from pdfsluice.core.scanning.runner import StageRunners
from pdfsluice.core.scanning.starting import stage_runners
from pdfsluice.core.uploads.holding import DEFAULT_INTERVALS, HoldingIntervals
from pdfsluice.core.uploads.idle_clock import IdleClock
from pdfsluice.core.uploads.limits.node_rates import NodeRates
from pdfsluice.core.uploads.limits.pacing import Pacing
from pdfsluice.core.uploads.limits.quotas import QuotaKeeper
from pdfsluice.core.uploads.limits.rate_keeper import RateKeeper
from pdfsluice.core.uploads.limits.shares import LOCAL_PRINCIPAL
from pdfsluice.core.uploads.limits.upload_limits import DEFAULT_UPLOAD_LIMITS, UploadLimits
from pdfsluice.core.uploads.quarantine import Quarantine
from pdfsluice.core.uploads.service import UploadService
from pdfsluice.core.uploads.sweeper import Sweeper

from .base import RuntimeBase, opened_base
from .documents import DocumentParts, make_document_parts
from .uploads import UploadParts, make_upload_parts

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


@asynccontextmanager
async def open_runtime(
    loaded: Loaded,
    manager: PluginManager,
    *,
    limits: TurnLimits = DEFAULT_LIMITS,
    upload_limits: UploadLimits = DEFAULT_UPLOAD_LIMITS,
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
        upload_limits: Limits on open uploads.
        intervals: How often rows are looked at that other nodes may have changed.
        node: How this process joins the other nodes; its store is that of the settings.
        job_kinds: The background jobs that this process runs.
        stage_limits: Bounds of the stage processes; by default those of the settings.
        stage_module: The module that a stage process runs.

    Raises:
        PluginError: A plugin is at fault, or a setting names a part that no plugin registered.
    """
    settings = loaded.settings
    async with AsyncExitStack() as stack:
        base = await stack.enter_async_context(opened_base(loaded, manager, node))
        sessions, cluster = base.stores.sessions, base.stores.cluster
        idle_clock = IdleClock(settings, sessions)
        await idle_clock.record()
        quotas = QuotaKeeper(sessions, cluster=cluster)
        documents = make_document_parts(base, quotas, limits=limits, kinds=job_kinds)
        stages = await stack.enter_async_context(
            stage_runners(
                loaded,
                manager,
                base.registry,
                base.workers,
                limits=stage_limits,
                module=stage_module,
            )
        )
        uploads = make_upload_parts(
            base, documents, stages, idle_clock, limits=upload_limits, intervals=intervals
        )
        await stack.enter_async_context(_running(base, quotas, documents, uploads))
        yield Runtime(
            settings=settings,
            manager=manager,
            registry=base.registry,
            uploads=uploads.service,
            library=documents.library,
            versions=documents.versions,
            bases=documents.bases,
            jobs=documents.management,
            quarantine=uploads.quarantine,
            quotas=quotas,
            pacing=uploads.pacing,
            rates=uploads.rates,
            node_rates=uploads.node_rates,
            analytics=base.analytics,
            events=base.events,
            sweeper=uploads.sweeper,
            scrubber=documents.scrubber,
            parts=base.parts,
            stages=stages,
            cluster=cluster,
        )


@asynccontextmanager
async def _running(
    base: RuntimeBase, quotas: QuotaKeeper, documents: DocumentParts, uploads: UploadParts
) -> AsyncIterator[None]:
    """Reconcile the stores, then run what works in the background."""
    cluster = base.stores.cluster
    interrupted: Sequence[Session] = ()
    if cluster.first:
        interrupted = await uploads.sweeper.reconcile(sole_store=cluster.sole_store)
        await documents.library.index_loss.warn()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(uploads.open_uploads.drain, 0.0)
        await stack.enter_async_context(documents.jobs.running())
        await stack.enter_async_context(documents.versions.running())
        await stack.enter_async_context(uploads.sweeper.running())
        await stack.enter_async_context(quotas.running())
        await stack.enter_async_context(uploads.rates.running())
        await stack.enter_async_context(uploads.node_rates.running())
        await stack.enter_async_context(documents.scrubber.running())
        await stack.enter_async_context(uploads.holding.running(interrupted))
        hold_timeout = base.settings.loop_hold_timeout.total_seconds()
        watch = HoldWatch(base.clock, base.parts, timeout_seconds=hold_timeout)
        stack.enter_context(watch.running())
        yield
