"""The parts of plugins: their names, their origin and their behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass, field

DISTRIBUTION = "pdfsluice"
OVERDUE_SECONDS = 60.0
"""A call without a time limit that takes longer is reported."""

_SINGULAR: Mapping[str, str] = {"policies": "policy", "indexes": "index"}


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """A loaded plugin.

    Attributes:
        name: Its name: the entry point's, or the last part of a built-in module's.
        module: Where its hooks are.
        distribution: The installed distribution that brought it.
        version: That distribution's version.
    """

    name: str
    module: str
    distribution: str
    version: str

    @property
    def built_in(self) -> bool:
        """Whether it comes with pdfsluice."""
        return self.distribution == DISTRIBUTION

    @property
    def label(self) -> str:
        """The plugin and its distribution, for messages."""
        return f"plugin {self.name!r} of {self.distribution} {self.version}".rstrip()


@dataclass(frozen=True, slots=True)
class Part:
    """A registered part and the plugin it comes from.

    Attributes:
        kind: The hook's name without its prefix: ``stream_stages``, ``upload_stores``, ...
        replaces: The plugin whose part of the same name it stands in for, if any.
    """

    kind: str
    name: str
    plugin: PluginInfo
    replaces: PluginInfo | None = None

    @property
    def label(self) -> str:
        """The part and its distribution, for messages: ``importer 'text' of pdfsluice``."""
        return f"{singular(self.kind)} {self.name!r} of {self.plugin.distribution}"


@dataclass(slots=True)
class PartCounts:
    """How a part has behaved since the program started.

    Attributes:
        failures: How often it raised what it should not have, or did not answer in time.
        holds: How often it held the event loop for too long.
        held_seconds: For how long in all those times.
        tasks: How many tasks that it started are running.
        calls: The watched calls that have not returned: the method, and when it was called.
    """

    failures: int = 0
    holds: int = 0
    held_seconds: float = 0.0
    tasks: int = 0
    calls: dict[object, tuple[str, float]] = field(default_factory=dict)

    def hold(self, seconds: float) -> None:
        """Count a hold of the event loop."""
        self.holds += 1
        self.held_seconds += seconds

    def overdue(self, now: float) -> Mapping[object, str]:
        """Return the methods whose calls have not returned for too long, by their call.

        Args:
            now: The time by the clock of the boundaries.
        """
        calls = list(self.calls.items())  # a copy: other threads add and remove calls
        return {call: name for call, (name, began) in calls if now - began > OVERDUE_SECONDS}


def singular(kind: str) -> str:
    """Return the singular of a kind of parts: ``stream stage``."""
    return _SINGULAR.get(kind, kind.removesuffix("s")).replace("_", " ")
