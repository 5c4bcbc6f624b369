"""What each port's methods are: plain, awaited, iterated or entered.

Derived from the protocols themselves, so that a port and the code that checks or guards its
implementations cannot disagree.
"""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from .kinds import ADDITIONS, IN_THREADS, Shape, named


@dataclass(frozen=True, slots=True)
class Port:
    """A protocol that plugins implement.

    Attributes:
        methods: Name and shape of each method.
        attributes: Names of the properties.
        optional: Name and shape of further methods, plain or awaited, which run on the event
            loop.
        in_threads: Whether its plain methods run in worker threads; otherwise all of its
            methods run on the event loop.
    """

    protocol: type[Any]
    methods: Mapping[str, Shape]
    attributes: tuple[str, ...]
    optional: Mapping[str, Shape]
    in_threads: bool

    @property
    def name(self) -> str:
        """The protocol's name."""
        return self.protocol.__name__


_ports: dict[type[Any], Port] = {}


def port_of(protocol: type[Any]) -> Port:
    """Return the methods of a protocol that plugins implement."""
    if protocol not in _ports:
        _ports[protocol] = _derived(protocol)
    return _ports[protocol]


def _derived(protocol: type[Any]) -> Port:
    public = _public(protocol)
    return Port(
        protocol=protocol,
        methods=MappingProxyType(
            {name: _shape(value) for name, value in public.items() if inspect.isfunction(value)}
        ),
        attributes=tuple(name for name, value in public.items() if isinstance(value, property)),
        optional=MappingProxyType(
            {
                name: _shape(value)
                for addition in ADDITIONS.get(protocol.__name__, ())
                for name, value in _public(named(addition)).items()
            }
        ),
        in_threads=protocol.__name__ in IN_THREADS,
    )


def _public(protocol: type[Any]) -> Mapping[str, Any]:
    return {name: value for name, value in vars(protocol).items() if not name.startswith("_")}


def _shape(function: Any) -> Shape:
    if inspect.iscoroutinefunction(function):
        return Shape.AWAITED
    annotation = str(function.__annotations__.get("return", ""))
    if "AsyncIterator" in annotation:
        return Shape.ITERATED
    if "AsyncContextManager" in annotation:
        return Shape.ENTERED
    return Shape.PLAIN
