"""Contract suites and in-memory doubles for the authors of plugins.

The doubles are here; the suites are in :mod:`pdfsluice.core.testing.contracts`, which needs
pytest and pytest-asyncio.
"""

from .memory_catalogue import MemoryCatalogue
from .memory_index import MemoryIndex
from .memory_objects import MemoryObjectStore
from .memory_sessions import MemorySessionStore
from .memory_uploads import MemoryUploadStore
from .pdfs import make_pdf
from .recording import RecordingSink

__all__ = [
    "MemoryCatalogue",
    "MemoryIndex",
    "MemoryObjectStore",
    "MemorySessionStore",
    "MemoryUploadStore",
    "RecordingSink",
    "make_pdf",
]
