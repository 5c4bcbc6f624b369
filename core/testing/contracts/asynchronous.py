"""The base of suites whose tests are coroutines."""

from typing import Any, ClassVar

import pytest


class AsyncContract:
    """A base that marks each class derived from a suite for pytest-asyncio.

    A class whose part takes long to open can share it among its tests: it sets
    ``pytestmark = pytest.mark.asyncio(loop_scope="module")`` in its body and uses a fixture of
    the same scope.
    """

    pytestmark: ClassVar[list[pytest.MarkDecorator] | pytest.MarkDecorator]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Add the mark, unless the class or one that it derives from has it."""
        super().__init_subclass__(**kwargs)
        marks = {mark.name for base in cls.__mro__ for mark in _marks(base)}
        if cls.__module__.rpartition(".")[0] != __package__ and "asyncio" not in marks:
            cls.pytestmark = [*_marks(cls), pytest.mark.asyncio]


def _marks(cls: type) -> list[pytest.MarkDecorator]:
    marks = vars(cls).get("pytestmark", [])
    return marks if isinstance(marks, list) else [marks]
