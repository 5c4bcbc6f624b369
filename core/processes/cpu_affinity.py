"""Which processors the server keeps to, and which its children.

The threads of the server take turns, because they share one interpreter lock. Where there are
two processors, handing it from one to the other, and waiting for one that a child has just
taken, costs more than the second one gives. There the server keeps to one; the children for
which uploads wait (``Limits.apart``) keep to the other, and those that nobody waits for, such
as imports, use both. With more processors the system's scheduler finds a free one by itself.
"""

import logging
import os
from collections.abc import Set as AbstractSet
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

logger = logging.getLogger(__name__)

Sharing = Literal["auto", "apart", "shared"]

_FEW = 2


@dataclass(frozen=True, slots=True)
class Shares:
    """Who runs where.

    Attributes:
        usable: All processors, for children that nobody waits for.
        server: Those of the server.
        apart: Those of the children for which uploads wait.
    """

    usable: AbstractSet[int]
    server: AbstractSet[int]
    apart: AbstractSet[int]


_shares: ContextVar[Shares | None] = ContextVar("shares", default=None)


def share_out(usable: AbstractSet[int], sharing: Sharing) -> Shares | None:
    """Divide the processors that may be used; ``None`` where all use all of them.

    Taking a GB in costs about as much as looking at it, so each side has half of them.
    """
    wanted = len(usable) == _FEW if sharing == "auto" else sharing == "apart"
    if not wanted or len(usable) < _FEW:
        return None
    ordered = sorted(usable)
    half = (len(ordered) + 1) // 2
    return Shares(usable, server=frozenset(ordered[:half]), apart=frozenset(ordered[half:]))


def keep_to_own(sharing: Sharing) -> None:
    """Keep the server to its processors, and what it starts from now on to theirs.

    Called before there are threads: they inherit it. Where a system does not know of this,
    or forbids it, all use all processors.
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    shares = share_out(os.sched_getaffinity(0), sharing)
    if shares is None:
        return
    try:
        os.sched_setaffinity(0, shares.server)
    except OSError as error:
        logger.info("the processors are not shared out: %s", error.strerror)
    else:
        _shares.set(shares)


def place(child: int, *, apart: bool) -> None:
    """Bring a child that has just been started from the server's processors to its own.

    Args:
        child: Its process id.
        apart: Whether it keeps off those of the server, or may use all.
    """
    shares = _shares.get()
    if shares is not None:
        with suppress(OSError):  # it has ended already, or the processor is gone
            os.sched_setaffinity(child, shares.apart if apart else shares.usable)
