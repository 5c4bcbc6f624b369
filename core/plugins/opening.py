"""Opens the parts that hold processes or connections, and closes them at the end."""

from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

from .kinds import KINDS
from .ports.cluster import Cluster
from .ports.sessions import SessionStore
from .registry import Registry


@asynccontextmanager
async def open_parts(
    registry: Registry, *, kinds: Collection[str] | None = None
) -> AsyncIterator[Registry]:
    """Open every part whose descriptor has ``open`` in place of the part.

    Stores, catalogues and indexes are left out, because a setting chooses one of each; stream
    stages, because each upload opens its own; and authenticators that need the session store.

    Args:
        registry: The parts as plugins registered them.
        kinds: The kinds of parts to open; all if not given.

    Yields:
        The registry with the open parts.
    """
    specs_by_kind: dict[str, tuple[Any, ...]] = {}
    async with AsyncExitStack() as stack:
        for name, kind in KINDS.items():
            if kind.shape is not None or (kinds is not None and name not in kinds):
                continue
            specs = []
            for spec in getattr(registry, name):
                if spec.open is None:
                    specs.append(spec)
                    continue
                part = await stack.enter_async_context(spec.open())
                specs.append(replace(spec, **{kind.field: part, "open": None}))
            specs_by_kind[name] = tuple(specs)
        yield replace(registry, **specs_by_kind)


@asynccontextmanager
async def open_authenticators(
    registry: Registry, sessions: SessionStore, cluster: Cluster
) -> AsyncIterator[Registry]:
    """Open the authenticators whose credentials are in the session store.

    Args:
        registry: The parts, of which all others are open.
        sessions: The session store.
        cluster: The other nodes that use it.

    Yields:
        The registry with the open authenticators.
    """
    specs = []
    async with AsyncExitStack() as stack:
        for spec in registry.authenticators:
            if spec.open_with is None:
                specs.append(spec)
                continue
            part = await stack.enter_async_context(spec.open_with(sessions, cluster))
            specs.append(replace(spec, authenticator=part, open_with=None))
        yield replace(registry, authenticators=tuple(specs))
