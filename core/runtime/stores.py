"""Opens the stores that the settings name, and joins the nodes that use them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version

from pdfsluice.config import Settings
from pdfsluice.core.document_files import DocumentFiles
from pdfsluice.core.plugins.manager import PluginManager
from pdfsluice.core.plugins.parts import DISTRIBUTION
from pdfsluice.core.plugins.ports.cluster import Cluster, NodeIdentity
from pdfsluice.core.plugins.ports.documents import Index
from pdfsluice.core.plugins.ports.stores import Catalogue, SessionStore, UploadStore
from pdfsluice.core.plugins.registry import Registry, choose
from pdfsluice.core.processes.confinement import reading_only

from .index import opened_index


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedStores:
    """Where uploads and documents live.

    Attributes:
        uploads: The bytes.
        sessions: The state of uploads.
        cluster: The other nodes that use the same session store.
        catalogue: Documents, their pages and the jobs on them.
        files: The bytes of documents.
        index: The index; ``None`` if there is none.
        index_hint: What the operator can do if there is no index.
    """

    uploads: UploadStore
    sessions: SessionStore
    cluster: Cluster
    catalogue: Catalogue
    files: DocumentFiles
    index: Index | None
    index_hint: str


@asynccontextmanager
async def opened_stores(
    settings: Settings, manager: PluginManager, registry: Registry, node: NodeIdentity
) -> AsyncIterator[OpenedStores]:
    """Open the stores; children that start inside read only the folders of the files.

    Args:
        settings: Name the stores.
        manager: Knows which built-in plugins are not installed.
        registry: The parts of all plugins.
        node: How this process joins the other nodes, except for its store.

    Raises:
        PluginError: No plugin registered a store of that name.
    """
    missing = manager.missing
    async with AsyncExitStack() as stack:
        store = choose(
            "upload_stores", registry.upload_stores, settings.upload_store, missing=missing
        )
        stack.enter_context(reading_only(store.file_folders))
        uploads = await stack.enter_async_context(store.open())
        session_store = choose(
            "session_stores", registry.session_stores, settings.session_store, missing=missing
        )
        sessions = await stack.enter_async_context(session_store.open())
        me = replace(
            node,
            store=uploads.identity,
            folder=getattr(uploads, "folder_identity", ""),
            version=version(DISTRIBUTION),
        )
        cluster = await stack.enter_async_context(sessions.joined(me))
        documents = choose("catalogues", registry.catalogues, settings.catalogue, missing=missing)
        catalogue = await stack.enter_async_context(documents.open())
        index, hint = await stack.enter_async_context(opened_index(settings, manager, registry))
        yield OpenedStores(
            uploads=uploads,
            sessions=sessions,
            cluster=cluster,
            catalogue=catalogue,
            files=DocumentFiles(uploads),
            index=index,
            index_hint=hint,
        )
