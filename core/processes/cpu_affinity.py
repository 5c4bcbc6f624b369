"""The processors of the server, and those of its children.

The threads of the server take turns, because they share one interpreter lock. On two
processors, passing the lock between them costs more than the second processor gives: with
``apart`` the server keeps to one half of the processors, and the children on which uploads
wait (``Limits.apart``) to the other. Children without waiting callers, such as imports, use
all. By default the scheduler of the system decides.
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

_MIN_PROCESSORS = 2


@dataclass(frozen=True, slots=True)
class Shares:
    """The processors of each kind of process.

    Attributes:
        usable: All processors, for children without waiting callers.
        server: Those of the server.
        apart: Those of the children for which uploads wait.
    """

    usable: AbstractSet[int]
    server: AbstractSet[int]
    apart: AbstractSet[int]


_shares: ContextVar[Shares | None] = ContextVar("shares", default=None)


def share_out(usable: AbstractSet[int], sharing: Sharing) -> Shares | None:
    """Divide the usable processors; ``None`` if all processes use all of them.

    Taking a GB in costs about as much as looking at it, so each side has half of them.
    """
    if sharing != "apart" or len(usable) < _MIN_PROCESSORS:
        return None
    ordered = sorted(usable)
    half = (len(ordered) + 1) // 2
    return Shares(usable, server=frozenset(ordered[:half]), apart=frozenset(ordered[half:]))


def keep_to_own(sharing: Sharing) -> None:
    """Keep the server to its processors, and what it starts from now on to theirs.

    Call it before there are threads: they inherit it. If a system does not have this, or
    forbids it, all processes use all processors.
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


def assign(child: int, *, apart: bool) -> None:
    """Move a child that has just been started to its own processors.

    Args:
        child: Its process id.
        apart: Whether the processors of the server are excluded.
    """
    shares = _shares.get()
    if shares is not None:
        with suppress(OSError):  # it has ended already, or the processor is gone
            os.sched_setaffinity(child, shares.apart if apart else shares.usable)
