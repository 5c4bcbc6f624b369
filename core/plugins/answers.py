"""Checks what the methods of parts return, by the annotations of their protocols.

A wrong answer fails the part that gave it, with its name. Without the check it would fail
whatever reads it later, or nothing at all.
"""

import types
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias, Union, get_args, get_origin, get_type_hints

Check: TypeAlias = Callable[[Any], Any]
"""Returns an answer, or raises :class:`WrongAnswer`."""

_Matches: TypeAlias = Callable[[Any], bool]

_WIDER: Mapping[type[Any], tuple[type[Any], ...]] = {
    float: (float, int),
    bytes: (bytes, bytearray),
}
_WRAPPED = (AsyncIterator, AbstractAsyncContextManager)
_TEXT = (str, bytes, bytearray)


class WrongAnswer(TypeError):
    """A part returned, or yielded, what its port does not allow."""


def check_of(protocol: type[Any], name: str, function: Any) -> Check | None:
    """Return the check of what a method returns, or of each item that it yields.

    Args:
        protocol: The port.
        name: The method or the property.
        function: The method, or the getter of the property, as the port declares it.

    Returns:
        The check; ``None`` if every answer is allowed, or the answer is ignored.
    """
    annotation = get_type_hints(function).get("return", Any)
    if get_origin(annotation) in _WRAPPED:
        annotation = get_args(annotation)[0]
    matches = None if annotation is type(None) else _matcher(annotation)
    if matches is None:
        return None
    expected = _described(annotation)

    def check(answer: Any) -> Any:
        if not matches(answer):
            raise wrong_answer(f"{protocol.__name__}.{name}", answer, expected)
        return answer

    return check


def wrong_answer(method: str, answer: object, expected: str) -> WrongAnswer:
    """Return the error about an answer that is not what a port expects."""
    kind = "None" if answer is None else f"{type(answer).__name__}"
    if isinstance(answer, Collection) and not isinstance(answer, _TEXT):
        items = answer.values() if isinstance(answer, Mapping) else answer
        kinds = sorted({type(item).__name__ for item in items})
        kind += f" of {', '.join(kinds)}" if kinds else ""
    return WrongAnswer(f"{method} gave {kind}; {expected} is expected")


def _matcher(annotation: Any) -> _Matches | None:
    """Return a test of values against an annotation; ``None`` if every value fits."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in {Union, types.UnionType}:
        return _one_of([_matcher(each) for each in arguments])
    if origin is tuple and Ellipsis not in arguments:
        return _tuple_of([_matcher(each) for each in arguments])
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping_of(*map(_matcher, arguments))
    if isinstance(origin, type) and issubclass(origin, Sequence | AbstractSet):
        return _collection_of(origin, _matcher(arguments[0]))
    if isinstance(annotation, type) and origin is None and not _is_protocol(annotation):
        return _instance_of(_WIDER.get(annotation, (annotation,)))
    return None


def _is_protocol(kind: type[Any]) -> bool:
    """Return whether a class is a protocol, whose implementations are of any class."""
    return bool(getattr(kind, "_is_protocol", False))


def _instance_of(kinds: tuple[type[Any], ...]) -> _Matches:
    if kinds[0] is type(None):
        return lambda value: value is None
    return lambda value: isinstance(value, kinds)


def _one_of(matchers: Sequence[_Matches | None]) -> _Matches | None:
    some = [each for each in matchers if each is not None]
    if len(some) < len(matchers):
        return None
    return lambda value: any(matches(value) for matches in some)


def _tuple_of(matchers: Sequence[_Matches | None]) -> _Matches:
    def matches(value: Any) -> bool:
        return (
            isinstance(value, tuple)
            and len(value) == len(matchers)
            and all(each is None or each(item) for each, item in zip(matchers, value, strict=True))
        )

    return matches


def _collection_of(kind: type[Any], item: _Matches | None) -> _Matches:
    def matches(value: Any) -> bool:
        return isinstance(value, kind) and not isinstance(value, _TEXT) and _all(item, value)

    return matches


def _mapping_of(key: _Matches | None, item: _Matches | None) -> _Matches:
    def matches(value: Any) -> bool:
        return isinstance(value, Mapping) and _all(key, value) and _all(item, value.values())

    return matches


def _all(matches: _Matches | None, values: Iterable[Any]) -> bool:
    return matches is None or all(map(matches, values))


def _described(annotation: Any) -> str:
    """Return an annotation as authors read it: ``Principal or None``."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in {Union, types.UnionType}:
        return " or ".join(map(_described, arguments))
    if annotation is type(None):
        return "None"
    if annotation is Ellipsis:
        return "..."
    name = getattr(origin or annotation, "__name__", str(annotation))
    return f"{name}[{', '.join(map(_described, arguments))}]" if arguments else name
