"""Describes Python modules as Markdown, from code and docstrings."""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from itertools import pairwise
from types import ModuleType
from typing import Any

_PROJECT = "pdfsluice"
_MAX_VALUE = 80
_SECTIONS = frozenset({"Args", "Attributes", "Returns", "Raises"})
_COMMON_FIELDS: Mapping[str, str] = {
    "name": "Unique among those of its kind; a built-in one of the same name is replaced.",
    "before": "Names of those that come after this one, as far as there are any.",
    "after": "Names of those that come before this one, as far as there are any.",
}
"""The meaning of these fields of descriptors, if the docstring does not give it."""


def module(described: ModuleType) -> list[str]:
    """Describe a module and all its classes, in the order of the source."""
    lines = ["", f"## `{described.__name__}`", "", prose(described)]
    for name, thing in classes(described):
        lines += ["", f"### `{name}`", "", prose(thing, without="Attributes")]
        if issubclass(thing, Enum):
            lines += ["", *members(thing)]
        elif is_dataclass(thing):
            lines += ["", *table(thing)]
        lines += methods(thing)
    return lines


def classes(described: ModuleType) -> Iterator[tuple[str, type]]:
    """Yield the classes that are made in a module."""
    for name, thing in vars(described).items():
        if inspect.isclass(thing) and thing.__module__ == described.__name__:
            yield name, thing


def signature(function: Any) -> str:
    """Return arguments and result of a function or a class, with short names of types."""
    found = inspect.signature(function)
    parameters = [
        parameter.replace(
            annotation=_Shown(_type(parameter.annotation)),
            default=_Shown("...") if inspect.isroutine(parameter.default) else parameter.default,
        )
        for name, parameter in found.parameters.items()
        if name not in {"self", "cls"}
    ]
    result = found.empty if inspect.isclass(function) else _Shown(_type(found.return_annotation))
    return str(found.replace(parameters=parameters, return_annotation=result))


def prose(thing: Any, *, without: str = "") -> str:
    """Return a docstring as Markdown, with sections as bold words and lists."""
    lines: list[str] = []
    section = ""
    for line in (inspect.getdoc(thing) or "").splitlines():
        if line.removesuffix(":") in _SECTIONS:
            section = line.removesuffix(":")
            lines += [] if section == without else [f"**{section}**", ""]
        elif section and line.startswith("    "):
            entry = line[4:]
            shown = entry if entry.startswith(" ") or section == "Returns" else f"- {entry}"
            lines += [] if section == without else [shown]
        else:
            section = "" if line.strip() else section
            lines.append(line)
    return markdown("\n".join(lines)).strip()


def markdown(text: str) -> str:
    """Return text of a docstring with Markdown's code marks instead of Sphinx's."""
    return re.sub(r":\w+:`~?(?:\w+\.)*(\w+)`", r"`\1`", text.replace("``", "`"))


def cell(text: str) -> str:
    """Return text on one line, as a cell of a table takes it."""
    return " ".join(markdown(text).replace("|", "\\|").split())


def members(thing: type[Enum]) -> Iterator[str]:
    """List the members of an enumeration, with the text below each."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(thing))).body
    texts = {}
    for member, below in pairwise(definition.body):  # type: ignore[attr-defined]
        match member, below:
            case ast.Assign(targets=[ast.Name(id=name)]), ast.Expr(value=ast.Constant(value=text)):
                texts[name] = f": {markdown(text)}"
    for item in thing:
        value = f'"{item.value}"' if isinstance(item.value, str) else item.value
        yield f"- `{item.name}` (`{value}`){texts.get(item.name, '')}"


def table(thing: Any) -> Iterator[str]:
    """List the fields of a dataclass with their meaning, from the docstrings."""
    meanings = dict(_COMMON_FIELDS)
    for owner in reversed(thing.__mro__):
        _, _, section = (inspect.getdoc(owner) or "").partition("Attributes:\n")
        meanings |= _entries(section)
    yield from ("| field | type | default | meaning |", "|---|---|---|---|")
    for each in fields(thing):
        cells = (f"`{each.name}`", f"`{_type(each.type)}`", _default(each), meanings[each.name])
        yield f"| {' | '.join(map(cell, cells))} |"


def attributes(thing: Any) -> Iterator[str]:
    """List the attributes that a docstring describes."""
    yield from ("| attribute | meaning |", "|---|---|")
    _, _, section = (inspect.getdoc(thing) or "").partition("Attributes:\n")
    for name, meaning in _entries(section).items():
        yield f"| `{name}` | {cell(meaning)} |"


def _entries(section: str) -> dict[str, str]:
    return dict(re.findall(r"(?m)^    (\w+): (.+(?:\n {8}.*)*)", section))


def _default(field: "Field[Any]") -> str:
    if field.default_factory is not MISSING:
        return _value(field.default_factory())
    if isinstance(field.default, Enum):
        return f"`{type(field.default).__name__}.{field.default.name}`"
    return "required" if field.default is MISSING else _value(field.default)


def _value(value: Any) -> str:
    """Return a default value; one that cannot be read is left out."""
    text = repr(value)
    return "`...`" if len(text) > _MAX_VALUE or " at 0x" in text else f"`{text}`"


def methods(thing: type) -> Iterator[str]:
    """Describe the public methods and properties of a class and of its bases."""
    every: dict[str, Any] = {}
    for owner in thing.__mro__[:-1]:
        own = vars(owner) if owner.__module__.startswith(_PROJECT) else {}
        every |= {name: value for name, value in own.items() if name not in every}
    for name, method in every.items():
        function = method.fget if isinstance(method, property) else method
        function = getattr(function, "__func__", function)  # of a class method
        if not inspect.isfunction(function) or (name.startswith("_") and name != "__call__"):
            continue
        marker = "async " if inspect.iscoroutinefunction(function) else ""
        shown = signature(function)
        if isinstance(method, property):
            shown = shown.replace("() ->", ":")
        yield from ("", f"**`{marker}{name}{shown}`**", "", prose(function))


class _Shown:
    """An annotation as it is to be read."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _type(annotation: Any) -> str:
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return re.sub(r"\b(?:\w+\.)+(?=\w)|[+~](?=\w)", "", text)  # a TypeVar shows its variance
