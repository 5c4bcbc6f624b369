"""Runs suites of stores with stores that have one defect each.

A suite is worth something if each of its rules fails for some defect. Stores have so many
methods and rules that the defects are made here: each method in turn does nothing, forgets its
keyword arguments, or has its effect twice.
"""

import asyncio
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import product
from typing import Any

import pytest

from .broken import rules

Make = Callable[[], Any]
MAX_SHARE = 0.5


def mutants(make: Make) -> Iterator[tuple[str, Make]]:
    """Yield the name of a defect and what makes a store that has it."""
    kind = type(make())
    for name, method in inspect.getmembers(kind, inspect.isfunction):
        if name.startswith("__"):
            continue
        for defect in (_silent, _twice, _thoughtless, _indulgent):
            yield f"{defect.__name__}:{name}", _with(make, name, defect(method))


def _with(make: Make, name: str, method: Any) -> Make:
    def made() -> Any:
        store = make()
        store.__class__ = type("Mutant", (type(store),), {name: method})
        return store

    return made


def _silent(method: Any) -> Any:
    """Does nothing."""
    if inspect.iscoroutinefunction(method):

        async def done(self: Any, *args: Any, **kwargs: Any) -> None:
            pass

        return done
    if inspect.isasyncgenfunction(method):

        async def empty(self: Any, *args: Any, **kwargs: Any) -> Any:
            nothing: tuple[object, ...] = ()
            for each in nothing:
                yield each

        return empty
    return lambda self, *args, **kwargs: None


def _twice(method: Any) -> Any:
    """Has its effect twice."""
    if not inspect.iscoroutinefunction(method):
        return method

    async def again(self: Any, *args: Any, **kwargs: Any) -> Any:
        await method(self, *args, **kwargs)
        return await method(self, *args, **kwargs)

    return again


def _thoughtless(method: Any) -> Any:
    """Forgets what it was given by keyword, if it can."""
    if not inspect.iscoroutinefunction(method):
        return method

    async def forgetful(self: Any, *args: Any, **kwargs: Any) -> Any:
        parameters = inspect.signature(method).parameters
        needed = {
            name: value
            for name, value in kwargs.items()
            if name in parameters and parameters[name].default is inspect.Parameter.empty
        }
        return await method(self, *args, **needed)

    return forgetful


def _indulgent(method: Any) -> Any:
    """Swallows its errors."""
    if not inspect.iscoroutinefunction(method):
        return method

    async def lenient(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return await method(self, *args, **kwargs)
        except Exception:  # noqa: BLE001 - that is the defect
            return None

    return lenient


def unbroken(contract: type, fixture: str, make: Make) -> set[str]:
    """Return the rules of a suite that fail for no mutant of a store.

    A mutant with which most rules fail shows nothing about a single rule and does not count.
    """
    every = rules(contract)
    left = set(every)
    for _, mutant in mutants(make):
        failed = {rule for rule in every if not holds(contract, rule, {fixture: mutant})}
        if len(failed) <= len(every) * MAX_SHARE:
            left -= failed
    return left


def holds(contract: type, rule: str, makes: Mapping[str, Make]) -> bool:
    """Whether a rule holds for a store, with each of its parameters."""
    test = getattr(contract(), rule)
    marks = [mark.args for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    needed = inspect.signature(test).parameters
    for values in product(*(values for _, values in marks)):
        arguments: dict[str, Any] = {}
        for (names, _), value in zip(marks, values, strict=True):
            single = isinstance(names, str)
            arguments |= {names: value} if single else dict(zip(names, value, strict=True))
        made = {name: make() for name, make in makes.items() if name in needed}
        if "other" in needed:
            made["other"] = made["store"]
        if "reopen" in needed:
            made["reopen"] = _reopening(*makes.values())
        try:
            asyncio.run(_in_time(test(**made, **arguments)))
        except (Exception, pytest.fail.Exception):  # noqa: BLE001 - however it fails
            return False
    return True


def _reopening(make: Make) -> Any:
    store = make()

    @asynccontextmanager
    async def reopen() -> Any:
        yield store

    return reopen


async def _in_time(work: Any) -> None:
    async with asyncio.timeout(5):
        await work
