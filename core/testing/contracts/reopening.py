"""Stores that are closed and opened again, as a server does it."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias, TypeVar

T = TypeVar("T")

Reopen: TypeAlias = Callable[[], AbstractAsyncContextManager[T]]
"""Opens the same store each time; it closes when the context is left."""

NOT_LASTING = "override the fixture 'reopen' if the store outlives its process"
