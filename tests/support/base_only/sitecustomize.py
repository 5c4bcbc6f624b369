"""Hides every library that the base installation lacks, through PYTHONPATH.

Children inherit it. `PDFSLUICE_TEST_HIDDEN` names them, separated by spaces.
"""

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

VARIABLE = "PDFSLUICE_TEST_HIDDEN"


class Hider(MetaPathFinder):
    """Finds no library with one of these names."""

    def __init__(self, hidden: frozenset[str]) -> None:
        self._hidden = hidden

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Raise what an import without the library would raise."""
        if fullname.partition(".")[0] in self._hidden:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return None


sys.meta_path.insert(0, Hider(frozenset(os.environ.get(VARIABLE, "").split())))
