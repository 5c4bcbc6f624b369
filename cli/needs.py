"""Calls a command of a plugin with what it needs."""

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from functools import wraps
from pathlib import Path
from typing import Any, TypeAlias

from pdfsluice.core.errors import PluginError
from pdfsluice.core.plugins.ports.context import CommandSpec, Need, Opened

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
