"""Versions of documents over HTTP, and what a new one can be compared with."""

import asyncio
from collections.abc import Iterator

import orjson
from aiohttp import web

from pdfsluice.core.documents.units import FileUnits
from pdfsluice.core.errors import DocumentNotFound, StorageFailed
from pdfsluice.core.models.documents import Document
from pdfsluice.core.models.sessions import Scope
from pdfsluice.core.runtime.runtime import Runtime
from pdfsluice.server.app_keys import PRINCIPAL
from pdfsluice.server.routes import Answer, Route
from pdfsluice.server.transport.parsing import NoQuery, read_query

from .documents import Documents, document_id
from .requests import UnitsQuery
from .responses.documents import VersionsView
from .responses.units import UnitsView
from .responses.views import respond

_TAG = "Documents"


class Versions:
    """Handlers for versions.

    Args:
        runtime: The running server.
        documents: Describes documents.
    """

    def __init__(self, runtime: Runtime, documents: Documents) -> None:
        self._versions = runtime.versions
        self._bases = runtime.bases
        self._documents = documents

    def routes(self) -> Iterator[Route]:
        """Return the routes of versions."""
        one = "/api/documents/{document_id}"
        yield Route(
            method="GET",
            path=f"{one}/versions",
            handler=self.list,
            scopes=(Scope.READ,),
            summary="List the versions of a document",
            tag=_TAG,
            answers={200: Answer("All versions, the newest first.", VersionsView)},
            errors=(DocumentNotFound,),
        )
        yield Route(
            method="GET",
            path=f"{one}/units",
            handler=self.units,
            scopes=(Scope.READ,),
            summary="List the units of a document",
            tag=_TAG,
            query=UnitsQuery,
            answers={200: Answer("What a new version can be compared with.", UnitsView)},
            errors=(DocumentNotFound, StorageFailed),
        )

    async def list(self, request: web.Request) -> web.StreamResponse:
        """Return all versions of a document, whichever of them is named."""
        read_query(request, NoQuery)
        documents = await self._versions.list(request[PRINCIPAL], document_id(request))
        return respond(VersionsView(versions=await self._documents.summaries(documents)))

    async def units(self, request: web.Request) -> web.StreamResponse:
        """Return digests of the document's blocks and of the bodies of its streams.

        A client that has a new version finds there what need not be sent again. A digest is the
        first 16 bytes of the SHA-256, in hexadecimal. The blocks are in the first answer alone.
        """
        query = read_query(request, UnitsQuery)
        document, units = await self._bases.units(request[PRINCIPAL], document_id(request))
        content = await asyncio.to_thread(_encoded, document, units, query)
        return web.Response(body=content, content_type="application/json")


def _encoded(document: Document, units: FileUnits, query: UnitsQuery) -> bytes:
    """Encode a page of units. Blocking; the model would take many times as long."""
    following = query.first + query.limit
    return orjson.dumps(
        {
            "document_id": document.id,
            "file_size": units.size,
            "sha256": document.sha256,
            "block_size": units.block_size,
            "blocks": [] if query.first else [each.hex() for each in units.blocks],
            "units": [
                (offset, length, digest.hex())
                for offset, length, digest in units.units(query.first, query.limit)
            ],
            "next": following if following < len(units) else None,
        }
    )
