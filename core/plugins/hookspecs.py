"""The hooks through which plugins register their parts.

Every hook is an ordinary function, called on the main thread before anything is served. It
returns named descriptors, and the objects in them do the work later. The docstring of each
hook states where these objects are called and what an exception from them means. An exception
from the hook itself stops the program with an error that names the distribution at fault.

All hooks but the first two are called once by each program that uses the parts: the server,
and commands such as ``pdfsluice scan`` and ``pdfsluice plugins``. A hook touches neither disk
nor network and imports nothing heavy; the objects do that.
"""

# pyright: reportReturnType=false
# A hook here is a declaration: it has a docstring and no body.
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:  # the ports take 60 ms to import; a child process of one plugin does without
    from collections.abc import Sequence

    from .ports.access import AuthenticatorSpec
    from .ports.checksums import ChecksumSpec
    from .ports.context import CommandSpec, OptionsSpec, PluginContext
    from .ports.documents import (
        ImporterSpec,
        IndexSpec,
        PageRendererSpec,
        TextExtractorSpec,
    )
    from .ports.links import LinkSignerSpec
    from .ports.policy import PolicySpec
    from .ports.ranking import RerankerSpec
    from .ports.recognition import TextRecognizerSpec
    from .ports.sinks import EventSinkSpec
    from .ports.stages import ChunkStageSpec, CompletionStageSpec, GateSpec
    from .ports.stores import CatalogueSpec, SessionStoreSpec, UploadStoreSpec
    from .ports.streams import StreamStageSpec

PROJECT = "pdfsluice"
ENTRY_POINT_GROUP = "pdfsluice"

API_VERSION = (1, 0)
"""Major and minor version of the hooks, their descriptors and the ports.

The minor number grows with each addition, the major number with each change that a plugin
may have to follow. A plugin names what it needs in a module attribute of its own,
``PDFSLUICE_API = (1, 0)``.
"""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def pdfsluice_register_options() -> "Sequence[OptionsSpec]":  # type: ignore[empty-body]
    """Register the plugin's own section of the settings.

    The hook is called by every program before all other hooks and before the settings are
    read, and once more if the settings disable a plugin. The model is validated on the main
    thread. Raising ``ValueError`` in a validator stops the program with a message that names
    the value and its origin.

    Returns:
        A typed section for each name; usually one, named like the plugin.
    """


@hookspec
def pdfsluice_register_commands() -> "Sequence[CommandSpec]":  # type: ignore[empty-body]
    """Register commands of the ``pdfsluice`` program.

    Called when the program starts, without settings and without a server. A command is
    imported and called on the main thread when the user asks for it, with the stores and the
    index that its ``needs`` name; raising a
    :class:`~pdfsluice.core.errors.PdfsluiceError` ends it with the error's message and hint.

    Returns:
        Commands; two of the same name are an error.
    """


@hookspec
def pdfsluice_register_authenticators(  # type: ignore[empty-body]
    context: "PluginContext",
) -> "Sequence[AuthenticatorSpec]":
    """Register authenticators, which find the principal of a request.

    ``authenticate`` is called on the event loop for every request, before its body is read.
    Authenticators are asked in order until one returns a principal. Raising
    :class:`~pdfsluice.core.errors.AuthenticationError` refuses the request. Any other
    exception fails it as an internal error, so that a defect never grants access. One whose
    credentials are in the session store, for all nodes, opens with it (``open_with``).

    Returns:
        Authenticators, ordered by ``before`` and ``after``.
    """


@hookspec
def pdfsluice_register_gates(context: "PluginContext") -> "Sequence[GateSpec]":  # type: ignore[empty-body]
    """Register gates, which admit or refuse a chunk before its body is read.

    ``admit`` is called on the event loop for each chunk; its context is left when the chunk
    is committed or given up. It may yield a :class:`Pacer`, which sets the pace at which the
    body is read. Raising a :class:`~pdfsluice.core.errors.PdfsluiceError` refuses
    the chunk, with ``Retry-After`` if it is retryable; the upload stays as it is.

    Returns:
        Gates, ordered by ``before`` and ``after``; all of them must agree.
    """


@hookspec
def pdfsluice_register_checksums(context: "PluginContext") -> "Sequence[ChecksumSpec]":  # type: ignore[empty-body]
    """Register checksum algorithms that clients may announce for chunks.

    ``new`` is called on the event loop for each chunk with a checksum of that algorithm, and
    the methods of the hasher that it returns in a worker thread, one at a time. Raising fails
    the chunk as :class:`~pdfsluice.core.errors.StageFailed`: nothing of it is committed.

    Returns:
        Algorithms, ordered by ``before`` and ``after``; the first is preferred.
    """


@hookspec
def pdfsluice_register_chunk_stages(  # type: ignore[empty-body]
    context: "PluginContext",
) -> "Sequence[ChunkStageSpec]":
    """Register checks on single chunks, which come in any order and at the same time.

    ``begin`` is called on the event loop for each chunk, and the methods of the check that
    it returns in a worker thread, one at a time. Raising a
    :class:`~pdfsluice.core.errors.PdfsluiceError` refuses the chunk, of which nothing more is
    committed; the upload continues.

    Returns:
        Chunk stages, ordered by ``before`` and ``after``.
    """


@hookspec
def pdfsluice_register_stream_stages(  # type: ignore[empty-body]
    context: "PluginContext",
) -> "Sequence[StreamStageSpec]":
    """Register stages that see a file in order, as far as it is committed.

    ``open`` is called with the first bytes of an upload, ``feed`` as its bytes are committed
    and ``finish`` after the last byte. They are called one at a time, in threads of a stage
    process (setting ``stage_processes``), in which this hook is called as well. Nothing is
    shared with the server. Findings go to the policy, log messages to the server's log.
    Raising fails the upload.

    Returns:
        Stream stages, ordered by ``before`` and ``after``.
    """


@hookspec
def pdfsluice_register_completion_stages(  # type: ignore[empty-body]
    context: "PluginContext",
) -> "Sequence[CompletionStageSpec]":
    """Register stages that look at the whole file before it is imported.

    ``inspect`` is called on the event loop when all bytes are committed and the stream stages
    have finished. Long work belongs in a thread, untrusted bytes belong in a child process.
    Findings go to the policy. Raising a retryable error leaves the upload to be completed
    again; raising any other fails it.

    Returns:
        Completion stages, ordered by ``before`` and ``after``.
    """


@hookspec
def pdfsluice_register_upload_stores(  # type: ignore[empty-body]
    context: "PluginContext",
) -> "Sequence[UploadStoreSpec]":
    """Register stores of bytes; the setting ``upload_store`` chooses one by name.

    The chosen store is opened on the event loop when the server starts and closed when it
    ends; raising while it opens stops the server. Its own methods are called on the event
    loop, those of its blobs in worker threads; raising
    :class:`~pdfsluice.core.errors.StorageFull` or
    :class:`~pdfsluice.core.errors.StorageFailed` there refuses the chunk and nothing else.

    Returns:
        Upload stores.
    """


@hookspec
def pdfsluice_register_session_stores(  # type: ignore[empty-body]
    context: "PluginContext",
) -> "Sequence[SessionStoreSpec]":
    """Register stores of sessions; the setting ``session_store`` chooses one by name.

    The chosen store is opened on the event loop when the server starts and closed when it
    ends; raising while it opens stops the server. Its methods are called on the event loop;
    raising refuses the request, and what was not stored is not acknowledged.

    Returns:
        Session stores.
    """


@hookspec
def pdfsluice_register_catalogues(  # type: ignore[empty-body]
    context: "PluginContext",
) -> "Sequence[CatalogueSpec]":
    """Register catalogues of documents; the setting ``catalogue`` chooses one by name.

    The chosen catalogue is opened on the event loop when the server starts and closed when
    it ends; raising while it opens stops the server. Its methods are called on the event
    loop; after an exception the request is refused, or the background job is tried again.

    Returns:
        Catalogues.
    """


@hookspec
def pdfsluice_register_event_sinks(  # type: ignore[empty-body]
    context: "PluginContext",
) -> "Sequence[EventSinkSpec]":
    """Register sinks, which receive the events of uploads and documents.

    ``handle`` is called on the event loop, by a task of the sink's own that takes events
    of the kinds that the sink names from a bounded queue. A slow sink misses its oldest
    events and delays nothing else. Raising is logged and affects no other sink.

    Returns:
        Event sinks.
    """


@hookspec
def pdfsluice_register_policies(  # type: ignore[empty-body]
    context: "PluginContext",
) -> "Sequence[PolicySpec]":
    """Register policies, which judge findings; the setting ``policy`` names one.

    ``decide`` is called on the event loop for each finding, so it must be quick. Raising
    fails the request or the upload that the finding belongs to: a defect accepts no file.

    Returns:
        Policies.
    """


@hookspec
def pdfsluice_register_importers(  # type: ignore[empty-body]
    context: "PluginContext",
) -> "Sequence[ImporterSpec]":
    """Register importers, which process each finished document in the background.

    ``run`` is called on the event loop by a background job, after the upload was answered,
    and again after a crash. Raising repeats this importer alone, as its ``retry`` defines, unless
    the error is a :class:`~pdfsluice.core.errors.PdfsluiceError` that is not retryable. The
    document stays.
    ``forget`` is called when a document is deleted.

    Returns:
        Importers, ordered by ``before`` and ``after``; each has a job for every document.
    """


@hookspec
def pdfsluice_register_text_extractors(  # type: ignore[empty-body]
    context: "PluginContext",
) -> "Sequence[TextExtractorSpec]":
    """Register text extractors, which read the text of pages.

    ``pages`` is called on the event loop while a document is imported; untrusted bytes are
    read in a child process. Raising :class:`~pdfsluice.core.errors.StageFailed` passes the
    rest of the document to the next extractor. Extractors whose descriptor has ``markdown``
    are called when a client asks for a document as Markdown, and no others are.

    Returns:
        Text extractors; the order of ``before`` and ``after`` is that of preference.
    """


@hookspec
def pdfsluice_register_page_renderers(  # type: ignore[empty-body]
    context: "PluginContext",
) -> "Sequence[PageRendererSpec]":
    """Register page renderers, which draw pages for previews.

    ``render`` is called on the event loop for each picture that is not stored yet; untrusted
    bytes are read in a child process. Raising
    :class:`~pdfsluice.core.errors.StageFailed` passes the page to the next renderer.

    Returns:
        Page renderers; the order of ``before`` and ``after`` is that of preference.
    """


@hookspec
def pdfsluice_register_text_recognizers(  # type: ignore[empty-body]
    context: "PluginContext",
) -> "Sequence[TextRecognizerSpec]":
    """Register text recognizers (OCR), which read the pictures of pages without text.

    ``recognize`` is called on the event loop by a background job that begins after the import
    of a document; heavy work belongs in a child process. Raising
    :class:`~pdfsluice.core.errors.StageFailed` leaves the page without text; after any other
    exception the job is tried again and continues after the last page that was read.

    Returns:
        Text recognizers; the order of ``before`` and ``after`` is that of preference. A document
        is read by the first that can work.
    """


@hookspec
def pdfsluice_register_indexes(  # type: ignore[empty-body]
    context: "PluginContext",
) -> "Sequence[IndexSpec]":
    """Register search indexes; the setting ``index`` chooses one by name.

    The chosen index is opened on the event loop when the server starts and closed when it
    ends; raising while it opens stops the server. Its methods are called on the event loop;
    heavy work belongs in a child process. After an exception in ``add`` the background job is
    tried again; an exception in ``search`` fails the request.

    Returns:
        Indexes.
    """


@hookspec
def pdfsluice_register_link_signers(  # type: ignore[empty-body]
    context: "PluginContext",
) -> "Sequence[LinkSignerSpec]":
    """Register link signers; the setting ``link_signer`` chooses one by name.

    ``link`` is called on the event loop for each download while the setting ``downloads`` is
    ``redirect``, after the caller's access was checked. The client is redirected to the link,
    which is not logged. Returning ``None`` has the server send the file; raising fails the
    request.

    Returns:
        Link signers.
    """


@hookspec
def pdfsluice_register_rerankers(  # type: ignore[empty-body]
    context: "PluginContext",
) -> "Sequence[RerankerSpec]":
    """Register re-rankers; the setting ``reranker`` chooses one by name.

    ``rank`` is called on the event loop for each search, with the best passages of the index;
    heavy work belongs in a child process. Raising, or taking longer than ``timeout_seconds``,
    leaves the passages in the order of the index, and the answer has a note about it.

    Returns:
        Re-rankers.
    """
