"""What every store and stage must do, as pytest classes to derive from.

Derive a class whose name starts with ``Test``, override its fixtures, and run pytest (with
pytest-asyncio). The suites use nothing but the public ports.
"""

import pytest

pytest.register_assert_rewrite(*(f"{__name__}.{name}" for name in (
    "access", "catalogue", "catalogue_lasting", "catalogue_reading", "checksum", "chunk_stage",
    "completion_stage", "deriving_store", "event_sink", "extents", "files", "gate", "importer",
    "index", "link_signer", "object_store", "page_renderer", "policy", "reachable_store",
    "reranker", "segmented_store", "session_store", "stream_stage", "text_extractor",
    "text_recognizer", "upload_store", "upload_store_basics",
)))  # fmt: skip

from .access import AuthenticatorContract  # noqa: E402 - after the rewriting is registered
from .catalogue import CatalogueContract  # noqa: E402 - as above
from .checksum import ChecksumContract  # noqa: E402 - as above
from .chunk_stage import ChunkCase, ChunkStageContract  # noqa: E402 - as above
from .completion_stage import CompletionStageContract, FileCase  # noqa: E402 - as above
from .deriving_store import DerivingStoreContract  # noqa: E402 - as above
from .event_sink import EventSinkContract  # noqa: E402 - as above
from .gate import GateContract  # noqa: E402 - as above
from .importer import ImportCase, ImporterContract  # noqa: E402 - as above
from .index import IndexContract  # noqa: E402 - as above
from .link_signer import LinkSignerContract  # noqa: E402 - as above
from .object_store import ObjectStoreContract  # noqa: E402 - as above
from .page_renderer import PageRendererContract  # noqa: E402 - as above
from .policy import PolicyContract  # noqa: E402 - as above
from .reachable_store import ReachableStoreContract  # noqa: E402 - as above
from .reopening import Reopen  # noqa: E402 - as above
from .reranker import RerankerContract  # noqa: E402 - as above
from .segmented_store import SegmentedUploadStoreContract  # noqa: E402 - as above
from .session_store import SessionStoreContract  # noqa: E402 - as above
from .stream_stage import StreamStageContract  # noqa: E402 - as above
from .text_extractor import TextExtractorContract  # noqa: E402 - as above
from .text_recognizer import TextRecognizerContract  # noqa: E402 - as above
from .upload_store import UploadStoreContract  # noqa: E402 - as above

__all__ = [
    "AuthenticatorContract",
    "CatalogueContract",
    "ChecksumContract",
    "ChunkCase",
    "ChunkStageContract",
    "CompletionStageContract",
    "DerivingStoreContract",
    "EventSinkContract",
    "FileCase",
    "GateContract",
    "ImportCase",
    "ImporterContract",
    "IndexContract",
    "LinkSignerContract",
    "ObjectStoreContract",
    "PageRendererContract",
    "PolicyContract",
    "ReachableStoreContract",
    "Reopen",
    "RerankerContract",
    "SegmentedUploadStoreContract",
    "SessionStoreContract",
    "StreamStageContract",
    "TextExtractorContract",
    "TextRecognizerContract",
    "UploadStoreContract",
]
