"""What each port's methods are: plain, awaited, iterated or entered.

Derived from the protocols themselves, so that a port and the code that checks or guards its
implementations cannot disagree.
"""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from typing import Any

from .ports.access import Authenticator
from .ports.checksums import Hasher
from .ports.derived import DerivingStore
from .ports.documents import (
    CountsContent,
    Importer,
    Index,
    PageIndex,
    PageRenderer,
    TextExtractor,
    WarmsUp,
)
from .ports.links import LinkSigner, ReachableStore
from .ports.policy import Policy
from .ports.ranking import Reranker
from .ports.recognition import TextRecognizer
from .ports.sinks import EventSink
from .ports.stages import ChunkCheck, ChunkStage, CompletionStage, Gate, Pacer, StreamStage
from .ports.stores import (
    Blob,
    Catalogue,
    CompletingCatalogue,
    HoldingStore,
    PromptBlob,
    SessionStore,
    UploadStore,
)


class Shape(Enum):
    """How a method is called."""

    PLAIN = auto()
    AWAITED = auto()
    ITERATED = auto()
    ENTERED = auto()


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


@dataclass(frozen=True, slots=True)
class Holder:
    """The field of a descriptor through which a part is reached.

    Attributes:
        field: The field's name.
        protocol: What the field holds, or what calling it gives.
        shape: How the field is called; ``None`` if it holds the object itself.
        arguments: How many arguments it is called with.
    """

    field: str
    protocol: type[Any]
    shape: Shape | None = None
    arguments: int = 0


HOLDERS: Mapping[str, Holder] = {
    "authenticators": Holder("authenticator", Authenticator),
    "gates": Holder("gate", Gate),
    "checksums": Holder("new", Hasher, Shape.PLAIN),
    "chunk_stages": Holder("stage", ChunkStage),
    "stream_stages": Holder("open", StreamStage, Shape.PLAIN, arguments=1),
    "completion_stages": Holder("stage", CompletionStage),
    "upload_stores": Holder("open", UploadStore, Shape.ENTERED),
    "session_stores": Holder("open", SessionStore, Shape.ENTERED),
    "catalogues": Holder("open", Catalogue, Shape.ENTERED),
    "event_sinks": Holder("sink", EventSink),
    "policies": Holder("policy", Policy),
    "importers": Holder("importer", Importer),
    "text_extractors": Holder("extractor", TextExtractor),
    "page_renderers": Holder("renderer", PageRenderer),
    "text_recognizers": Holder("recognizer", TextRecognizer),
    "indexes": Holder("open", Index, Shape.ENTERED),
    "rerankers": Holder("reranker", Reranker),
    "link_signers": Holder("signer", LinkSigner),
}
"""Where the descriptors of each kind hold their part."""

RETURNED: Mapping[tuple[type[Any], str], type[Any]] = {
    (ChunkStage, "begin"): ChunkCheck,
    (Gate, "admit"): Pacer,
    (UploadStore, "create"): Blob,
    (UploadStore, "open"): Blob,
}
"""Methods that return, or whose context yields, another object of the plugin; its protocol."""

_ADDITIONS: Mapping[type[Any], tuple[type[Any], ...]] = {
    Blob: (PromptBlob,),
    Catalogue: (CompletingCatalogue,),
    SessionStore: (HoldingStore,),
    Index: (PageIndex, CountsContent),
    TextExtractor: (WarmsUp,),
    UploadStore: (ReachableStore, DerivingStore),
}
"""Protocols with methods that an object may have in addition."""

_IN_THREADS = frozenset({Blob, ChunkCheck, Hasher, StreamStage})


def _port(protocol: type[Any]) -> Port:
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
                for addition in _ADDITIONS.get(protocol, ())
                for name, value in _public(addition).items()
            }
        ),
        in_threads=protocol in _IN_THREADS,
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


PORTS: Mapping[type[Any], Port] = {
    protocol: _port(protocol)
    for protocol in (
        *(holder.protocol for holder in HOLDERS.values()),
        *RETURNED.values(),
    )
}
"""The methods of every protocol that plugins implement."""
