"""Objects with the methods of a port that do nothing."""

from contextlib import asynccontextmanager
from typing import Any

from pdfsluice.core.plugins.kinds import Shape
from pdfsluice.core.plugins.shapes import port_of


def part_of(protocol: type[Any]) -> Any:
    """Return an object that has every method of a protocol."""

    def plain(self: object, *args: object, **kwargs: object) -> None:
        """Do nothing."""

    async def awaited(self: object, *args: object, **kwargs: object) -> None:
        """Do nothing."""

    async def iterated(self: object, *args: object, **kwargs: object) -> Any:
        nothing: tuple[object, ...] = ()
        for item in nothing:
            yield item

    async def entered(self: object, *args: object, **kwargs: object) -> Any:
        yield

    made = {
        Shape.PLAIN: plain,
        Shape.AWAITED: awaited,
        Shape.ITERATED: iterated,
        Shape.ENTERED: asynccontextmanager(entered),
    }
    port = port_of(protocol)
    methods: dict[str, Any] = {name: made[shape] for name, shape in port.methods.items()}
    return type(port.name, (), methods | dict.fromkeys(port.attributes, False))()
