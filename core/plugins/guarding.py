"""Puts the boundary around every part of a registry.

Each part is replaced by an object with the same methods, made from its protocol, so that no
caller can forget the boundary. What a protocol does not name passes through untouched.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import fields, replace
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias, cast

from .answers import Check, WrongAnswer, check_of, wrong_answer
from .checks import object_problems
from .kinds import KINDS, RETURNED, Kind, Shape, named
from .parts import Part, PartCounts, PluginInfo
from .registry import Registry
from .shapes import Port, port_of

if TYPE_CHECKING:
    from .boundary import Boundary

Method: TypeAlias = Callable[..., Any]

_END = object()
_ASYNC_FIELDS = ("obstacle",)


def guard_by(
    registry: Registry, boundary_of: Callable[[Part, PartCounts], Any]
) -> tuple[Registry, Mapping[Part, PartCounts]]:
    """Return a registry whose parts are called through boundaries, and their counts.

    Args:
        registry: The parts as plugins registered them.
        boundary_of: Makes the boundary of a part: a :class:`.Boundary`, or one for threads if
            no part is called on an event loop.
    """
    counts: dict[Part, PartCounts] = {}
    parts = {(part.kind, part.name): part for part in registry.parts}
    specs_by_kind: dict[str, tuple[Any, ...]] = {}
    for name, kind in KINDS.items():
        specs = []
        for spec in getattr(registry, name):
            part = parts.get((name, spec.name)) or _unnamed(name, spec.name)
            counts[part] = PartCounts()
            specs.append(_guarded_spec(spec, kind, boundary_of(part, counts[part])))
        specs_by_kind[name] = tuple(specs)
    return replace(registry, **specs_by_kind), counts


def _unnamed(kind: str, name: str) -> Part:
    return Part(kind, name, PluginInfo(name, "", "an unknown distribution", ""))


def _guarded_spec(spec: Any, kind: Kind, boundary: "Boundary") -> Any:
    value = getattr(spec, kind.field)
    changes: dict[str, Any] = {}
    if kind.shape is None and spec.open is not None:
        opens = spec.open
        changes["open"] = lambda: _Opened(boundary, opens, kind.protocol)
    elif getattr(spec, "open_with", None) is not None:
        opens_with = spec.open_with
        changes["open_with"] = lambda *stores: _Opened(
            boundary, partial(opens_with, *stores), kind.protocol
        )
    elif kind.shape is None:
        changes[kind.field] = guarded_object(kind.protocol, value, boundary)
    elif kind.shape is Shape.ENTERED:
        changes[kind.field] = lambda: _Opened(boundary, value, kind.protocol)
    else:
        changes[kind.field] = _guarded_factory(kind, value, boundary)
    names = {field.name for field in fields(spec)}
    for name in names.intersection(_ASYNC_FIELDS):
        function = getattr(spec, name)
        if function is not None:
            changes[name] = _awaited(boundary, function)
    return replace(spec, **changes)


def _guarded_factory(kind: Kind, factory: Method, boundary: "Boundary") -> Method:
    check = _object_check(kind.field, kind.protocol, optional=False)

    def make(*args: Any, **kwargs: Any) -> Any:
        product = boundary.call_in_thread(factory, *args, check=check, **kwargs)
        return guarded_object(kind.protocol, product, boundary)

    return make


def _awaited(boundary: "Boundary", function: Callable[..., Awaitable[Any]]) -> Method:
    async def call(*args: Any, **kwargs: Any) -> Any:
        return await boundary.run(function, *args, check=_text, **kwargs)

    return call


def _text(answer: Any) -> str:
    if not isinstance(answer, str):
        raise wrong_answer("obstacle", answer, "str")
    return answer


def guarded_object(protocol: type[Any], target: Any, boundary: "Boundary") -> Any:
    """Return a stand-in for ``target`` that calls its methods through a boundary."""
    return _class_of(protocol)(target, boundary)


class _Guarded:
    """A stand-in for an object of a plugin.

    Its class declares the further methods of that object's class: from Python 3.12 on,
    ``isinstance`` with a protocol does not see what only ``__getattr__`` provides.
    """

    _variants: "dict[type[Any], type[_Guarded]]"

    def __new__(cls, target: Any, boundary: "Boundary") -> Self:  # noqa: ARG004 - as __init__
        """Make an instance of the class for objects of the target's class."""
        kind = type(target)
        if kind not in cls._variants:
            names = (n for n in dir(kind) if not n.startswith("_") and not hasattr(cls, n))
            further = {name: _further(name) for name in names}
            cls._variants[kind] = type(cls.__name__, (cls,), further)
        return cast("Self", object.__new__(cls._variants[kind]))

    def __init__(self, target: Any, boundary: "Boundary") -> None:
        self._target = target
        self._boundary = boundary

    _optional: Mapping[str, Shape] = {}

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        shape = self._optional.get(name)
        if shape is None:
            return value
        call = self._boundary.call if shape is Shape.PLAIN else self._boundary.run
        return partial(call, value)

    def __repr__(self) -> str:
        return f"<guarded {self._target!r}>"


def _further(name: str) -> property:
    def read(self: _Guarded) -> Any:
        return self.__getattr__(name)

    return property(read)


_classes: dict[type[Any], type[_Guarded]] = {}


def _class_of(protocol: type[Any]) -> type[_Guarded]:
    """Return the class of stand-ins for objects that implement a protocol."""
    if protocol not in _classes:
        _classes[protocol] = _made_class(protocol)
    return _classes[protocol]


def _made_class(protocol: type[Any]) -> type[_Guarded]:
    port = port_of(protocol)
    methods: dict[str, Any] = {"_optional": port.optional, "_variants": {}}
    for name, shape in port.methods.items():
        class_name = RETURNED.get((port.name, name))
        returned = None if class_name is None else named(class_name)
        check = check_of(protocol, name, getattr(protocol, name))
        if shape is Shape.PLAIN:
            plain = _plain(name, check, in_threads=port.in_threads)
            methods[name] = plain if returned is None else _plain_of_object(name, port, returned)
        elif shape is Shape.AWAITED:
            awaited = _coroutine(name, check)
            methods[name] = awaited if returned is None else _awaited_object(name, port, returned)
        elif shape is Shape.ITERATED:
            methods[name] = _iterator(name, check)
        else:
            methods[name] = _context(name, port.name, check, returned)
    for name in port.attributes:
        getter = vars(protocol)[name].fget
        check = check_of(protocol, name, getter)
        methods[name] = _attribute(name, check, in_threads=port.in_threads)
    return type(f"Guarded{port.name}", (_Guarded,), methods)


def _plain(name: str, check: Check | None, *, in_threads: bool) -> Method:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        boundary: Boundary = self._boundary
        call = boundary.call_in_thread if in_threads else boundary.call
        return call(getattr(self._target, name), *args, check=check, **kwargs)

    return method


def _plain_of_object(name: str, port: Port, returned: type[Any]) -> Method:
    check = _object_check(f"{port.name}.{name}", returned)
    method = _plain(name, check, in_threads=port.in_threads)

    def method_of_object(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = method(self, *args, **kwargs)
        return None if result is None else guarded_object(returned, result, self._boundary)

    return method_of_object


def _attribute(name: str, check: Check | None, *, in_threads: bool) -> property:
    def read(self: Any) -> Any:
        boundary: Boundary = self._boundary
        call = boundary.call_in_thread if in_threads else boundary.call
        return call(getattr, self._target, name, check=check)

    return property(read)


def _coroutine(name: str, check: Check | None) -> Method:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self._boundary.run(getattr(self._target, name), *args, check=check, **kwargs)

    return method


def _awaited_object(name: str, port: Port, returned: type[Any]) -> Method:
    check = _object_check(f"{port.name}.{name}", returned)

    async def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        function = getattr(self._target, name)
        result = await self._boundary.run(function, *args, check=check, **kwargs)
        return None if result is None else guarded_object(returned, result, self._boundary)

    return method


def _object_check(method: str, protocol: type[Any], *, optional: bool = True) -> Check:
    """Return the check that an object implements a protocol, once for each class."""
    examined: set[type[Any]] = set()

    def check(answer: Any) -> Any:
        kind = type(answer)
        if kind in examined or (answer is None and optional):
            return answer
        for problem in object_problems(method, answer, protocol):
            raise WrongAnswer(f"{method} gave {kind.__name__}: {problem}")
        examined.add(kind)
        return answer

    return check


def _iterator(name: str, check: Check | None) -> Method:
    def check_item(item: Any) -> Any:
        return item if check is None or item is _END else check(item)

    async def method(self: Any, *args: Any, **kwargs: Any) -> AsyncGenerator[Any]:
        boundary: Boundary = self._boundary
        items: AsyncIterator[Any] = boundary.call(getattr(self._target, name), *args, **kwargs)
        try:
            while (item := await boundary.run(anext, items, _END, check=check_item)) is not _END:
                yield item
        finally:
            if isinstance(items, AsyncGenerator):
                await boundary.run(items.aclose)

    return method


def _context(name: str, port: str, check: Check | None, returned: type[Any] | None) -> Method:
    if returned is not None:
        check = _object_check(f"{port}.{name}", returned)

    def method(self: Any, *args: Any, **kwargs: Any) -> GuardedContext:
        function = getattr(self._target, name)
        return GuardedContext(self._boundary, function, args, kwargs, check=check, yields=returned)

    return method


class GuardedContext(AbstractAsyncContextManager[Any]):
    """An asynchronous context of a plugin; it cannot suppress what its body raises."""

    def __init__(
        self,
        boundary: "Boundary",
        function: Method,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        check: Check | None = None,
        yields: type[Any] | None = None,
    ) -> None:
        self._boundary = boundary
        self._check = check
        self._yields = yields
        self._make = lambda: function(*args, **(kwargs or {}))
        self._context: AbstractAsyncContextManager[Any] | None = None

    async def __aenter__(self) -> Any:
        context = self._context = self._boundary.call(self._make)
        value = await self._boundary.run(context.__aenter__, check=self._check)
        if self._yields is None or value is None:
            return value
        return guarded_object(self._yields, value, self._boundary.unlimited())

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._context is not None:
            await self._boundary.leave(self._context, kind, error, traceback)


class _Opened(GuardedContext):
    """The context of a part that is open for as long as the program runs.

    Nothing waits for the event loop while it opens, so that time is not measured.
    """

    def __init__(self, boundary: "Boundary", function: Method, protocol: type[Any]) -> None:
        check = _object_check("open", protocol, optional=False)
        super().__init__(boundary.unmeasured(), function, check=check)
        self._for_calls = boundary
        self._protocol = protocol

    async def __aenter__(self) -> Any:
        value = await super().__aenter__()
        return guarded_object(self._protocol, value, self._for_calls)
