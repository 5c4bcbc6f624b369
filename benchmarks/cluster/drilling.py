"""The servers of a scenario."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.clusters import Backends
from tests.support.drills import Drill


@contextmanager
def temporary_drill(name: str, **settings: str) -> Iterator[Drill]:
    """Run three servers with what they share, in a folder that is deleted afterwards.

    Args:
        name: The scenario.
        settings: More settings of each server.
    """
    with tempfile.TemporaryDirectory(prefix=f"pdfsluice-{name}-") as temporary:
        folder = Path(temporary)
        (folder / name).mkdir()
        with (
            Backends.running(folder) as backends,
            Drill.running(backends, folder / name, **settings) as drill,
        ):
            yield drill
