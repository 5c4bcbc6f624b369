"""What every store and stage must do, as pytest classes to derive from.

Derive a class whose name starts with ``Test``, override its fixtures, and run pytest (with
pytest-asyncio). The suites use nothing but the public ports.
"""

import pytest

pytest.register_assert_rewrite(*(f"{__name__}.{name}" for name in (
    "catalogue", "checksum", "chunk_stage", "extents", "session_store", "stream_stage",
    "upload_store", "upload_store_basics", "object_store", "segmented_store", "access",
    "event_sink", "gate", "policy",
)))  # fmt: skip

from .access import AuthenticatorContract  # noqa: E402 - after the rewriting is registered
from .catalogue import CatalogueContract  # noqa: E402 - as above
from .checksum import ChecksumContract  # noqa: E402 - as above
from .chunk_stage import ChunkCase, ChunkStageContract  # noqa: E402 - as above
from .event_sink import EventSinkContract  # noqa: E402 - as above
from .gate import GateContract  # noqa: E402 - as above
from .object_store import ObjectStoreContract  # noqa: E402 - as above
from .policy import PolicyContract  # noqa: E402 - as above
from .segmented_store import SegmentedUploadStoreContract  # noqa: E402 - as above
from .session_store import SessionStoreContract  # noqa: E402 - as above
from .stream_stage import StreamStageContract  # noqa: E402 - as above
from .upload_store import UploadStoreContract  # noqa: E402 - as above

__all__ = [
    "AuthenticatorContract",
    "CatalogueContract",
    "ChecksumContract",
    "ChunkCase",
    "ChunkStageContract",
    "EventSinkContract",
    "GateContract",
    "ObjectStoreContract",
    "PolicyContract",
    "SegmentedUploadStoreContract",
    "SessionStoreContract",
    "StreamStageContract",
    "UploadStoreContract",
]
