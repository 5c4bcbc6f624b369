"""The life cycle of parts: opened when the program starts, closed when it ends."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, NoReturn, Protocol, TypeVar

T_co = TypeVar("T_co", covariant=True)


class Opener(Protocol[T_co]):
    """An opener of a long-lived object, as an async context manager."""

    def __call__(self) -> AbstractAsyncContextManager[T_co]:
        """Return the context; entering it yields the object."""
        ...


class Closable(Protocol):
    """A part that holds resources until it is closed."""

    async def close(self) -> None:
        """Release what the part holds."""
        ...


ClosableT = TypeVar("ClosableT", bound=Closable)


def closing(make: Callable[[], ClosableT]) -> Opener[ClosableT]:
    """Return an opener that makes a part and closes it at the end.

    Args:
        make: Makes the part, on the event loop.
    """

    @asynccontextmanager
    async def opened() -> AsyncIterator[ClosableT]:
        part = make()
        try:
            yield part
        finally:
            await part.close()

    return opened


class _Unopened:
    """The placeholder in a descriptor for a part that ``open`` will yield."""

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"the part is not open yet; {name!r} was read from it")

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "UNOPENED"


UNOPENED: Any = _Unopened()
"""The part of a descriptor that has ``open`` instead."""
