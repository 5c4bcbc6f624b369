"""Confine a new child and run its module: ``python -m ... MODULE [ARGUMENT ...]``.

Nothing of the module is imported before: what it loads, and the threads that libraries start
when they are imported, are confined as well.
"""

import gc
import os
import runpy
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import orjson

from pdfsluice.core.plugins.ports.children import ChildAccess

from .confinement import Protection, confine

ACCESS_VARIABLE = "PDFSLUICE_CHILD_ACCESS"
"""The variable in which a child finds what it may reach."""
NICENESS_VARIABLE = "PDFSLUICE_CHILD_NICENESS"
_OOM_SCORE = "500"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a child may reach.

    Attributes:
        access: What the part that starts the child asks for.
        readable: Folders of files and code that it may read; ``None`` for all.
    """

    access: ChildAccess
    readable: tuple[str, ...] | None

    def encoded(self) -> str:
        """Return the value of the variable."""
        return orjson.dumps(self).decode()


def confine_self() -> Protection | None:
    """Apply the variable and remove it; ``None`` if it is not set."""
    text = os.environ.pop(ACCESS_VARIABLE, "")
    if not text:
        return None
    bounds = orjson.loads(text)
    return confine(ChildAccess(**bounds["access"]), bounds["readable"])


def offer_as_victim() -> None:
    """Let the kernel end this process, and not the server, if memory runs out."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE)


def stand_back() -> None:
    """Set the niceness of this process before it imports anything.

    It may start ahead of its work, next to processes that have some.
    """
    os.nice(int(os.environ.pop(NICENESS_VARIABLE, "0")))


def main() -> None:
    """Confine this process and become the module that the command line names.

    What a module loads is no garbage. To look for some meanwhile takes a twentieth of the start;
    :mod:`.child_main` begins with that.
    """
    gc.disable()
    offer_as_victim()
    stand_back()
    confine_self()
    module = sys.argv[1]
    del sys.argv[0]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
