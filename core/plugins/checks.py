"""Checks of registered parts; a mistake stops the start with a message."""

import inspect
import re
from collections.abc import Iterator, Sequence
from typing import Any

from pdfsluice.core.errors import PluginError

from .kinds import KINDS, Kind, Shape
from .parts import PluginInfo, singular
from .ports.context import Need
from .ports.opening import UNOPENED
from .shapes import port_of

PREFIX = "pdfsluice_register_"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_TARGET = re.compile(r"\w+(\.\w+)*:\w+")
_HINT = "docs/reference/hooks.md describes each hook and each port."


def check_module(plugin: object, info: PluginInfo) -> None:
    """Refuse functions that are named like hooks but not marked as such.

    Raises:
        PluginError: A ``pdfsluice_register_...`` function lacks ``@hookimpl``.
    """
    for name in dir(plugin):
        function = getattr(plugin, name, None) if name.startswith(PREFIX) else None
        if callable(function) and not hasattr(function, "pdfsluice_impl"):
            raise PluginError(
                f"{info.label}: {name} is not marked as a hook and would never be called.",
                hint=f"Put @hookimpl above it: from pdfsluice.core import hookimpl. {_HINT}",
            )


def check_result(result: Any, hook: str, kind: type[Any], info: PluginInfo) -> Sequence[Any]:
    """Return the descriptors that a hook returned.

    Raises:
        PluginError: The hook returned something other than a list.
    """
    expectation = f"a list of {kind.__name__} is expected"
    if inspect.iscoroutine(result):
        result.close()
        problem = f"{hook} is an 'async def'; hooks are plain functions"
    elif isinstance(result, kind):
        problem = f"{hook} returned one {kind.__name__}; {expectation}"
    elif isinstance(result, str | bytes | dict) or not hasattr(result, "__iter__"):
        problem = f"{hook} returned {type(result).__name__}; {expectation}"
    else:
        return tuple(result)
    raise PluginError(f"{info.label}: {problem}.", hint=_HINT)


def check_spec(kind: str, spec: Any, info: PluginInfo) -> None:
    """Refuse a descriptor that cannot work.

    Raises:
        PluginError: The message names the distribution, the part and what is wrong.
    """
    for problem in _problems(kind, spec):
        raise PluginError(f"{info.label}: {singular(kind)} {spec.name!r}: {problem}.", hint=_HINT)


def _problems(kind: str, spec: Any) -> Iterator[str]:
    yield from _naming_problems(spec)
    if kind in KINDS:
        yield from _holding_problems(KINDS[kind], spec)
    if kind == "commands":
        yield from _command_problems(spec)


def _naming_problems(spec: Any) -> Iterator[str]:
    if not isinstance(spec.name, str) or not _NAME.fullmatch(spec.name):
        yield "a name has letters, digits, '-', '_' and '.', and begins with a letter or digit"
    for field in ("before", "after"):
        names = getattr(spec, field, ())
        if isinstance(names, str) or not all(isinstance(name, str) for name in names):
            yield f"{field!r} is {names!r}; a tuple of names is expected, such as ('digest',)"
        elif spec.name in names:
            yield f"{field!r} names the part itself"


def _holding_problems(kind: Kind, spec: Any) -> Iterator[str]:
    value = getattr(spec, kind.field)
    if kind.shape is not None:
        yield from _opener_problems(kind.field, value, kind.arguments, kind.shape)
        return
    openers = {"open": spec.open}
    if hasattr(spec, "open_with"):
        openers["open_with"] = spec.open_with
    ways = {name: opener for name, opener in openers.items() if opener is not None}
    if (value is not UNOPENED) + len(ways) != 1:
        yield " or ".join([f"give either {kind.field!r}", *map(repr, openers)])
    elif value is not UNOPENED:
        yield from object_problems(kind.field, value, kind.protocol)
    for name, opener in ways.items():
        yield from _opener_problems(name, opener, 2 if name == "open_with" else 0, None)


def _opener_problems(name: str, opener: Any, arguments: int, shape: Shape | None) -> Iterator[str]:
    if not callable(opener):
        yield f"{name!r} is {type(opener).__name__}; a function is expected"
    elif inspect.iscoroutinefunction(opener) or inspect.isasyncgenfunction(opener):
        yield f"{name!r} is an 'async def' and has to be " + (
            "a plain function" if shape is Shape.PLAIN else "decorated with @asynccontextmanager"
        )
    elif not _takes(opener, [None] * arguments, {}):
        yield f"{name!r} has to take {arguments or 'no'} argument{'s' * (arguments != 1)}"


def _command_problems(spec: Any) -> Iterator[str]:
    """Yield what is wrong with a command before it is imported."""
    if not isinstance(spec.target, str) or not _TARGET.fullmatch(spec.target):
        yield (
            f"'target' is {spec.target!r}; 'module:attribute' is expected, such as"
            " 'acme_count:count'"
        )
    names = ", ".join(f"Need.{need.name}" for need in Need)
    if isinstance(spec.needs, str) or not all(need in list(Need) for need in spec.needs):
        yield f"'needs' is {spec.needs!r}; a set of these is expected: {names}"


def object_problems(field: str, target: Any, protocol: type[Any]) -> Iterator[str]:
    """Yield each way in which an object fails to implement a protocol."""
    if inspect.isclass(target):
        yield f"{field!r} is the class {target.__name__}; an object of it is expected"
        return
    port = port_of(protocol)
    for name in port.attributes:
        if inspect.getattr_static(target, name, None) is None:
            yield f"{type(target).__name__} has no attribute {name!r}, as a {port.name} needs"
    for name, shape in port.methods.items():
        method = getattr(target, name, None)
        if not callable(method):
            yield f"{type(target).__name__} has no method {name!r}, as a {port.name} needs"
            continue
        signature = inspect.signature(getattr(protocol, name))
        names = list(signature.parameters.values())[1:]
        in_order = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        positional = [None for each in names if each.kind in in_order]
        keywords = {  # a port may gain one with a default, which older plugins lack
            each.name: None
            for each in names
            if each.kind is each.KEYWORD_ONLY and each.default is each.empty
        }
        if not _takes(method, positional, keywords):
            parameters = ", ".join(each.name for each in names)
            yield f"{name!r} takes other arguments; {name}({parameters}) is expected"
        yield from _shape_problems(name, method, shape)


def _shape_problems(name: str, method: Any, shape: Shape) -> Iterator[str]:
    is_coroutine = inspect.iscoroutinefunction(method)
    is_generator = inspect.isasyncgenfunction(method)
    if shape is Shape.PLAIN and (is_coroutine or is_generator):
        yield f"{name!r} is an 'async def'; a plain function is expected"
    if shape is Shape.AWAITED and not is_coroutine and (is_generator or _is_plain(method)):
        yield f"{name!r} has to be an 'async def' that returns"
    if shape is Shape.ITERATED and is_coroutine:
        yield f"{name!r} is awaited before it yields; an 'async def' with 'yield' is expected"
    if shape is Shape.ENTERED and (is_coroutine or is_generator):
        yield f"{name!r} has to be decorated with @asynccontextmanager"


def _is_plain(method: Any) -> bool:
    """Return whether a function returns no awaitable, according to its annotation."""
    function = inspect.unwrap(getattr(method, "__func__", method))
    if not inspect.isfunction(function):
        return False
    returned = str(function.__annotations__.get("return", ""))
    return not any(word in returned for word in ("Awaitable", "Coroutine", "Future", "Task"))


def _takes(function: Any, positional: list[None], keywords: dict[str, None]) -> bool:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # not every callable has one
        return True
    try:
        signature.bind(*positional, **keywords)
    except TypeError:
        return False
    return True
