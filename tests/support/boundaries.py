"""A boundary around one part of a plugin, with a clock that tests set."""

from typing import Any

from pdfsluice.core.plugins.boundary import Boundary
from pdfsluice.core.plugins.guarding import guarded_object
from pdfsluice.core.plugins.loop_clock import LoopClock
from pdfsluice.core.plugins.parts import Part, PartCounts, PluginInfo

PART = Part("importers", "ocr", PluginInfo("acme", "acme_plugin", "acme-ocr", "2.1"))


class Clock:
    """Shows what it is set to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class BoundaryFixture:
    """A boundary with its counts and its clock."""

    def __init__(self, timeout_seconds: float | None = None) -> None:
        self.clock = Clock()
        self.counts = PartCounts()
        self.loop_clock = LoopClock(clock=self.clock)
        self.boundary = Boundary(
            PART,
            self.counts,
            self.loop_clock,
            timeouts={} if timeout_seconds is None else {"": timeout_seconds},
        )

    def guarded(self, protocol: Any, target: object) -> Any:
        return guarded_object(protocol, target, self.boundary)
