"""Opens what a command of a plugin needs: settings, stores and the index."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import Any, TypeAlias

from pdfsluice.core.errors import PluginError
from pdfsluice.core.event_hub import EventHub
from pdfsluice.core.plugins.loading import load_all
from pdfsluice.core.plugins.ports.context import CommandSpec, Need, Opened
from pdfsluice.core.plugins.registry import choose
from pdfsluice.core.registry_building import build_registry

from .options import Config

Opening: TypeAlias = Callable[[frozenset[Need], Path | None], AbstractAsyncContextManager[Opened]]
"""Opens what a command needs, given the needs and a settings file."""


def with_needs(
    spec: CommandSpec, target: Callable[..., Coroutine[Any, Any, None]], opening: Opening
) -> Callable[..., None]:
    """Return a command with the option ``--config`` that calls a coroutine.

    Args:
        spec: The command.
        target: What it calls, with the opened resources before its own arguments.
        opening: Opens the resources.

    Raises:
        PluginError: The target is no coroutine function, or takes no argument for what is opened.
    """
    parameters = list(inspect.signature(target).parameters.values())
    if not inspect.iscoroutinefunction(target) or not parameters:
        raise PluginError(
            f"command {spec.name!r}: {spec.target} has 'needs' and must be an 'async def' whose"
            " first parameter receives what is opened"
        )

    @wraps(target)
    def command(*, config: Path | None = None, **arguments: Any) -> None:
        async def run() -> None:
            async with opening(spec.needs, config) as resources:
                await target(resources, **arguments)

        asyncio.run(run())

    option = inspect.Parameter(
        "config", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Config
    )
    rest = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters[1:]]
    command.__signature__ = inspect.Signature([*rest, option])  # type: ignore[attr-defined]
    hints = inspect.get_annotations(target, eval_str=True)
    command.__annotations__ = {each.name: hints[each.name] for each in rest} | {"config": Config}
    del command.__wrapped__
    return command


@asynccontextmanager
async def opened(needs: frozenset[Need], config: Path | None) -> AsyncIterator[Opened]:
    """Open what a command needs, in the order in which a server does.

    Args:
        needs: What to open.
        config: A settings file.

    Raises:
        PluginError: A setting names a part that no plugin registered.
    """
    manager, loaded = load_all(file=config)
    settings, missing = loaded.settings, manager.missing
    registry = build_registry(loaded, manager, EventHub())
    resources: dict[str, Any] = {"settings": settings} if Need.SETTINGS in needs else {}
    async with AsyncExitStack() as stack:
        choices: tuple[tuple[Need, str, Sequence[Any], str], ...] = (
            (Need.SESSIONS, "session_stores", registry.session_stores, settings.session_store),
            (Need.CATALOGUE, "catalogues", registry.catalogues, settings.catalogue),
            (Need.INDEX, "indexes", registry.indexes, settings.index),
        )
        for need, kind, specs, name in choices:
            if need in needs:
                part = choose(kind, specs, name, missing=missing)
                resources[need.value] = await stack.enter_async_context(part.open())
        yield Opened(**resources)
