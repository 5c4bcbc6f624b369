"""What a part does wrong on purpose, and the link signer that does it."""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pdfsluice.core import (
    LinkedFile,
    LinkSignerSpec,
    Passage,
    PluginContext,
    RerankerSpec,
    hookimpl,
)
from pdfsluice.core.testing.misdeeds import Misdeed

_RAISED: dict[Misdeed, Callable[[], BaseException]] = {
    Misdeed.RAISE: lambda: ZeroDivisionError("/srv/secret"),
    Misdeed.EXIT: lambda: SystemExit(3),
    Misdeed.INTERRUPT: KeyboardInterrupt,
    Misdeed.STRAY: asyncio.CancelledError,
}


@dataclass(eq=False)
class Misbehaviour:
    """What one kind of part does wrong until :meth:`mend` is called."""

    kind: str
    misdeed: Misdeed
    mended: bool = False
    sessions: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    tasks: list[asyncio.Task[bool]] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def acts_for(self, kind: str) -> bool:
        return self.kind == kind and not self.mended

    async def awaited(self, kind: str, answer: Any = None) -> Any:
        """Do the misdeed in a coroutine, or return the right answer."""
        if not self.acts_for(kind):
            return answer
        if self.misdeed is Misdeed.BLOCK:
            await self.released.wait()
        if self.misdeed is Misdeed.LEAK:
            self.tasks += [asyncio.create_task(self.released.wait()) for _ in range(100)]
        result = self.plain(kind, answer)
        await asyncio.sleep(0)
        return result

    def plain(self, kind: str, answer: Any = None) -> Any:
        """Do the misdeed in a plain function, or return the right answer."""
        if not self.acts_for(kind):
            return answer
        if self.misdeed in _RAISED:
            error = _RAISED[self.misdeed]()
            raise error
        if self.misdeed is Misdeed.RUBBISH:
            return object()
        if self.misdeed is Misdeed.HOLD or (self.misdeed is Misdeed.BLOCK and kind == "policies"):
            time.sleep(3600)
        if self.misdeed is Misdeed.CANCEL:
            task: Any = asyncio.current_task()  # none in a worker thread: that raises
            task.cancel()
        if self.misdeed is Misdeed.DIE:
            os._exit(3)
        return answer

    def threaded(self, kind: str, answer: Any = None) -> Any:
        """Do the misdeed in a worker thread, until it is released."""
        if self.acts_for(kind) and self.misdeed in {Misdeed.BLOCK, Misdeed.HOLD}:
            while not self.released.is_set():
                time.sleep(0.01)
        return self.plain(kind, answer)


class OddLinks:
    """The part of the plugin that signs links, and orders passages."""

    odd: Misbehaviour

    async def rank(self, query: str, passages: Sequence[Passage]) -> Sequence[float | None]:
        scores: list[float | None] = [0.0] * len(passages)
        ranked: list[float | None] = await self.odd.awaited("rerankers", scores)
        return ranked

    @hookimpl
    def pdfsluice_register_rerankers(self, context: PluginContext) -> list[RerankerSpec]:
        del context
        return [RerankerSpec(name="odd", reranker=self, timeout_seconds=0.25)]

    async def link(self, file: LinkedFile) -> str | None:
        link: str | None = await self.odd.awaited("link_signers", f"https://acme/{file.path}")
        return link

    @hookimpl
    def pdfsluice_register_link_signers(self, context: PluginContext) -> list[LinkSignerSpec]:
        del context
        return [LinkSignerSpec(name="odd", signer=self)]
