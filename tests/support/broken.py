"""Runs suites of contracts with parts that break one rule each.

The rule must fail for such a part, and with an assertion: a suite whose rule cannot fail, or
that stumbles over a defect of the part instead, is worth nothing.
"""

import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

_FAILURES = (AssertionError, pytest.fail.Exception, TimeoutError)


@dataclass(frozen=True, slots=True)
class Broken:
    """A part that breaks a rule.

    Attributes:
        contract: The suite.
        rule: The test that has to fail.
        fixtures: Makes the value of each fixture.
        only: Values of the rule's parameters, if it fails for some of them only.
        raises: The failures that count.
    """

    contract: type
    rule: str
    fixtures: Mapping[str, Callable[[], Any]]
    only: Mapping[str, Any] = field(default_factory=dict)
    raises: tuple[type[BaseException], ...] = _FAILURES


def rules(contract: type) -> set[str]:
    """Return the names of the tests of a suite."""
    return {name for name in dir(contract) if name.startswith("test_")}


def suites(rows: Iterable[Broken], module: str) -> dict[str, type]:
    """Return a class for each broken part, by a name that pytest collects."""
    made: dict[str, type] = {}
    for row in rows:
        others: dict[str, Any] = dict.fromkeys(rules(row.contract) - {row.rule})
        fixtures = {name: _fixture(make) for name, make in row.fixtures.items()}
        name = f"Test{row.contract.__name__}_{row.rule.removeprefix('test_')}"
        while name in made:
            name += "_"
        body = others | fixtures | {row.rule: _expected_to_fail(row), "__module__": module}
        made[name] = type(name, (row.contract,), body)
    return made


def _fixture(make: Callable[[], Any]) -> Any:
    def value(self: object) -> Any:
        del self
        return make()

    return pytest.fixture(value)


def _expected_to_fail(row: Broken) -> Any:
    test = getattr(row.contract, row.rule)
    copy = types.FunctionType(
        test.__code__, test.__globals__, test.__name__, test.__defaults__, test.__closure__
    )
    copy.__annotations__ = test.__annotations__
    marks = [mark for mark in getattr(test, "pytestmark", []) if not _is_fixed(mark, row)]
    copy.pytestmark = marks  # type: ignore[attr-defined]
    marked: Any = pytest.mark.xfail(strict=True, raises=row.raises)(copy)
    for name, value in row.only.items():
        marked = pytest.mark.parametrize(name, [value])(marked)
    return marked


def _is_fixed(mark: Any, row: Broken) -> bool:
    return mark.name == "parametrize" and mark.args[0] in row.only
