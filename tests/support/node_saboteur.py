"""A plugin that kills or stops its server at a named call, and sets its clock.

A call is named by a file in the folder of the settings: its name is that of the point, such as
``before-commit``, and its content is the signal, such as ``SIGKILL``. The file gets the suffix
``.reached`` when that happens, once.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from functools import wraps
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pdfsluice.core import EventSinkSpec, OptionsSpec, PluginContext, hookimpl
from pdfsluice.plugins.object_store.objects import ObstoreObjects
from pdfsluice.plugins.sql.catalogue import SqlCatalogue
from pdfsluice.plugins.sql.sessions import SqlSessionStore

Namer = Callable[..., str]

SECTION = "node_saboteur"


class Options(BaseModel):
    """Where the files are that name the points, and how far the clock is ahead."""

    folder: Path = Path()
    clock_ahead: float = 0.0


def _set_clock(ahead: timedelta) -> None:
    """Let every module of the server have a clock that is ahead."""

    class Ahead(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + ahead

    for name, module in list(sys.modules.items()):
        if name.startswith("pdfsluice.") and getattr(module, "datetime", None) is datetime:
            module.datetime = Ahead  # type: ignore[attr-defined]


@contextmanager
def _around(folder: Path, call: str) -> Iterator[None]:
    _reach(folder, f"before-{call}")
    yield
    _reach(folder, f"after-{call}")


def _reach(folder: Path, point: str) -> None:
    file = folder / point
    if file.exists():
        number = signal.Signals[file.read_text()]
        file.rename(file.with_name(f"{point}.reached"))
        os.kill(os.getpid(), number)


def _wrap(folder: Path, owner: type, method: str, namer: Namer) -> None:
    original = getattr(owner, method)

    @wraps(original)
    def call(self: Any, *arguments: Any, **options: Any) -> Any:
        with _around(folder, namer(*arguments, **options)):
            return original(self, *arguments, **options)

    setattr(owner, method, call)


def _wrap_coroutine(folder: Path, owner: type, method: str, namer: Namer) -> None:
    original = getattr(owner, method)

    @wraps(original)
    async def call(self: Any, *arguments: Any, **options: Any) -> Any:
        with _around(folder, namer(*arguments, **options)):
            return await original(self, *arguments, **options)

    setattr(owner, method, call)


def _put(name: str, *_: Any) -> str:
    return "put-segment" if name.startswith("uploads/") else "put-document"


def _update(_: Any, **changes: Any) -> str:
    state = changes.get("state")
    return "update" if state is None else f"state-{state.value}"


@hookimpl
def pdfsluice_register_options() -> Sequence[OptionsSpec]:
    """Register the section ``node_saboteur``."""
    return [OptionsSpec(name=SECTION, model=Options)]


@hookimpl
def pdfsluice_register_event_sinks(context: PluginContext) -> Sequence[EventSinkSpec]:
    """Put the points into the stores; there is no sink."""
    options = context.options(SECTION, Options)
    folder = options.folder
    if options.clock_ahead:
        _set_clock(timedelta(seconds=options.clock_ahead))
    _wrap(folder, ObstoreObjects, "put", _put)
    _wrap(folder, ObstoreObjects, "put_parts", _put)
    _wrap(folder, ObstoreObjects, "delete", lambda _: "delete-objects")
    _wrap_coroutine(folder, SqlSessionStore, "commit", lambda *_, **__: "commit")
    _wrap_coroutine(folder, SqlSessionStore, "update", _update)
    _wrap_coroutine(folder, SqlCatalogue, "complete", lambda *_, **__: "complete-upload")
    return ()
