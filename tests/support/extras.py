"""The libraries that an installation with some extras has, by its metadata."""

import os
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_FINDER = Path(__file__).with_name("base_only")
_OURS = "pdfsluice"
HIDDEN = "PDFSLUICE_TEST_HIDDEN"
"""The environment variable with the modules that cannot be imported."""


@cache
def hidden_modules(*extras: str) -> frozenset[str]:
    """Return the installed modules that ``pdfsluice[extras]`` does not bring."""
    brought = _closure(extras)
    return frozenset(
        module
        for module, distributions in packages_distributions().items()
        if module != _OURS
        and not brought & {canonicalize_name(distribution) for distribution in distributions}
    )


def only(*extras: str) -> dict[str, str]:
    """Return the environment of a process that has the base and these extras alone."""
    path = os.pathsep.join(filter(None, [str(_FINDER), os.environ.get("PYTHONPATH", "")]))
    return {"PYTHONPATH": path, HIDDEN: " ".join(hidden_modules(*extras))}


def _closure(extras: Iterable[str]) -> set[str]:
    """Return every distribution that is installed with pdfsluice, by requirement."""
    seen: set[tuple[str, str]] = set()
    waiting = [(_OURS, ""), *((_OURS, extra) for extra in extras)]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        for line in _requirements(name):
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                needed = canonicalize_name(requirement.name)
                waiting += [(needed, ""), *((needed, each) for each in requirement.extras)]
    return {name for name, _ in seen}


def _requirements(name: str) -> list[str]:
    try:
        return requires(name) or []
    except PackageNotFoundError:
        return []
