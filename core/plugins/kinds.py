"""The kinds of parts that plugins register, and where their descriptors hold them.

The classes of a kind are named here and imported when they are first asked for: a process
that runs parts of one kind loads the ports of that kind alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from importlib import import_module
from typing import Any

_PORTS = f"{__package__}.ports"


class Shape(Enum):
    """How a method is called."""

    PLAIN = auto()
    AWAITED = auto()
    ITERATED = auto()
    ENTERED = auto()


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of parts.

    Classes are named by their module in ``ports`` and their own name.

    Attributes:
        descriptor_name: What plugins register.
        field: The field of the descriptor through which a part is reached.
        protocol_name: What the field holds, or what calling it gives.
        shape: How the field is called; ``None`` if it holds the object itself.
        arguments: How many arguments it is called with.
    """

    descriptor_name: str
    field: str
    protocol_name: str
    shape: Shape | None = None
    arguments: int = 0

    @property
    def descriptor(self) -> type[Any]:
        """What plugins register."""
        return named(self.descriptor_name)

    @property
    def protocol(self) -> type[Any]:
        """What the field holds, or what calling it gives."""
        return named(self.protocol_name)


@cache
def named(name: str) -> type[Any]:
    """Return a class of ``ports`` by the name that the tables of this module use."""
    module, _, attribute = name.partition(".")
    member: type[Any] = getattr(import_module(f"{_PORTS}.{module}"), attribute)
    return member


KINDS: Mapping[str, Kind] = {
    "authenticators": Kind("access.AuthenticatorSpec", "authenticator", "access.Authenticator"),
    "gates": Kind("stages.GateSpec", "gate", "stages.Gate"),
    "checksums": Kind("checksums.ChecksumSpec", "new", "checksums.Hasher", Shape.PLAIN),
    "chunk_stages": Kind("stages.ChunkStageSpec", "stage", "stages.ChunkStage"),
    "stream_stages": Kind(
        "streams.StreamStageSpec", "open", "streams.StreamStage", Shape.PLAIN, arguments=1
    ),
    "completion_stages": Kind("stages.CompletionStageSpec", "stage", "stages.CompletionStage"),
    "upload_stores": Kind("blobs.UploadStoreSpec", "open", "blobs.UploadStore", Shape.ENTERED),
    "session_stores": Kind(
        "sessions.SessionStoreSpec", "open", "sessions.SessionStore", Shape.ENTERED
    ),
    "catalogues": Kind("catalogue.CatalogueSpec", "open", "catalogue.Catalogue", Shape.ENTERED),
    "event_sinks": Kind("sinks.EventSinkSpec", "sink", "sinks.EventSink"),
    "policies": Kind("policy.PolicySpec", "policy", "policy.Policy"),
    "importers": Kind("documents.ImporterSpec", "importer", "documents.Importer"),
    "text_extractors": Kind("documents.TextExtractorSpec", "extractor", "documents.TextExtractor"),
    "page_renderers": Kind("documents.PageRendererSpec", "renderer", "documents.PageRenderer"),
    "text_recognizers": Kind(
        "recognition.TextRecognizerSpec", "recognizer", "recognition.TextRecognizer"
    ),
    "indexes": Kind("documents.IndexSpec", "open", "documents.Index", Shape.ENTERED),
    "rerankers": Kind("ranking.RerankerSpec", "reranker", "ranking.Reranker"),
    "link_signers": Kind("links.LinkSignerSpec", "signer", "links.LinkSigner"),
}
"""The kinds by their names, in the order in which their hooks are called."""

RETURNED: Mapping[tuple[str, str], str] = {
    ("ChunkStage", "begin"): "stages.ChunkCheck",
    ("Gate", "admit"): "stages.Pacer",
    ("UploadStore", "create"): "blobs.Blob",
    ("UploadStore", "open"): "blobs.Blob",
}
"""Methods that return, or whose context yields, another object of the plugin; its protocol."""

ADDITIONS: Mapping[str, tuple[str, ...]] = {
    "Blob": ("blobs.PromptBlob",),
    "Catalogue": ("catalogue.CompletingCatalogue",),
    "SessionStore": ("sessions.HoldingStore",),
    "Index": ("documents.PageIndex", "documents.CountsContent"),
    "TextExtractor": ("documents.WarmsUp",),
    "UploadStore": ("links.ReachableStore", "derived.DerivingStore"),
}
"""Protocols with methods that an object may have in addition."""

IN_THREADS = frozenset({"Blob", "ChunkCheck", "Hasher", "StreamStage"})
"""Protocols whose plain methods run in worker threads."""
