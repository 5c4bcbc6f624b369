"""Rewrites the assertions of all tests once, before each process would do it for itself.

In a fresh clone that is half of what collecting the tests costs.
"""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from _pytest.assertion import rewrite
from _pytest.assertion.rewrite import assertstate_key


def rewrite_tests(config: pytest.Config, files: Sequence[Path], processes: int) -> None:
    """Compile files for pytest, as it does itself when it imports them.

    Args:
        config: The configuration of this run.
        files: Modules of tests; what is compiled already costs next to nothing.
        processes: How many processes share the work.
    """
    if sys.dont_write_bytecode or assertstate_key not in config.stash:
        return
    children = []
    for number in range(processes):
        if not (child := os.fork()):
            try:
                _rewrite(config, files[number::processes])
            finally:
                os._exit(0)  # a module that cannot be compiled is reported when it is imported
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


def _rewrite(config: pytest.Config, files: Iterable[Path]) -> None:
    state = config.stash[assertstate_key]
    for file in files:
        folder = rewrite.get_cache_dir(file)
        target = folder / f"{file.stem}{rewrite.PYC_TAIL}"
        if rewrite._read_pyc(file, target) is None and rewrite.try_makedirs(folder):
            status, code = rewrite._rewrite_test(file, config)
            rewrite._write_pyc(state, code, status, target)
