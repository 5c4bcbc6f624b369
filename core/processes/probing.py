"""Reports how children of this server are really confined, by asking one of them."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from .child import Limits, serve, spawn
from .confinement import Protection, protection

_TIMEOUT_SECONDS = 30.0


async def probe() -> Protection:
    """Start a child, and return which means of the kernel hold for it.

    Raises:
        ChildFailed: It did not answer.
    """
    async with spawn(__name__, Limits(wall_seconds=_TIMEOUT_SECONDS)) as child:
        return Protection(**await child.ask({}))


def _answer(_request: dict[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield asdict(protection())


if __name__ == "__main__":
    serve(_answer)
