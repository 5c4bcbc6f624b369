"""How long-lived objects of plugins are opened and closed."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

T_co = TypeVar("T_co", covariant=True)


class Opener(Protocol[T_co]):
    """Opens a long-lived object as an async context manager."""

    def __call__(self) -> AbstractAsyncContextManager[T_co]:
        """Return the context; entering it yields the object."""
        ...
