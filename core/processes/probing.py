"""Reports how children of this server are really confined, by starting one."""

from collections.abc import Iterator, Mapping
from typing import Any

from .child import Limits, serve, spawn
from .confinement import Protection


async def probe() -> Protection:
    """Start a child, and return which means of the kernel hold for it.

    Raises:
        ChildFailed: It did not start.
    """
    async with spawn(__name__, Limits()) as child:
        await child.wait_until_ready()
        return child.protection


def _answer(request: dict[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield request


if __name__ == "__main__":
    serve(_answer)
