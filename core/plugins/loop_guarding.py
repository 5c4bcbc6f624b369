"""Chooses the boundary of each part that is called on the event loop."""

from collections.abc import Mapping

from .boundary import Boundary
from .guarding import guard_by
from .loop_clock import LoopClock
from .parts import Part, PartCounts
from .plain_boundary import PlainBoundary
from .registry import Registry

_LONG_KINDS = frozenset({"importers", "indexes", "text_extractors", "text_recognizers"})
"""Parts that work for a job, which has time limits of its own."""
_PLAIN_KINDS = frozenset(
    {"authenticators", "gates", "session_stores", "catalogues", "upload_stores", "event_sinks"}
)
"""Parts that do little on the event loop, if they are built in; see ``PlainBoundary``."""


def guard(
    registry: Registry,
    *,
    clock: LoopClock,
    timeouts: Mapping[str, float] | None = None,
    log_failures: bool = True,
) -> tuple[Registry, Mapping[Part, PartCounts]]:
    """Return a registry whose parts are called through the boundary, and their counts.

    Args:
        registry: The parts as plugins registered them.
        clock: Measures how long parts hold the event loop.
        timeouts: Limits of awaited calls in seconds, by the kind of the part, or by the kind
            and the method: ``gates``, ``indexes.search``.
        log_failures: Whether a failure is logged with its traceback. The error that is raised
            instead has its cause.
    """

    def boundary_of(part: Part, counts: PartCounts) -> Boundary:
        is_plain = part.plugin.built_in and part.kind in _PLAIN_KINDS
        return (PlainBoundary if is_plain else Boundary)(
            part,
            counts,
            clock,
            timeouts=_of_kind(part.kind, timeouts or {}),
            watched=part.kind not in _LONG_KINDS,
            log_failures=log_failures,
        )

    return guard_by(registry, boundary_of)


def _of_kind(kind: str, timeouts: Mapping[str, float]) -> Mapping[str, float]:
    """Return the limits of a kind of parts by the names of methods."""
    split = ((name.partition("."), seconds) for name, seconds in timeouts.items())
    return {method: seconds for (of, _, method), seconds in split if of == kind}
