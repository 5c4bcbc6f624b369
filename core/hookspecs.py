"""The hooks through which plugins register their parts.

Every hook is an ordinary function: called once, at start-up, on the main thread, before
the server listens. It returns named descriptors; the objects in them do the work later.
An exception from a hook stops start-up with an error that names the distribution.
"""

from collections.abc import Sequence

import pluggy

from .ports import (
    AuthenticatorSpec,
    CommandSpec,
    EventSinkSpec,
    ImporterSpec,
    IndexSpec,
    OptionsSpec,
    PageRendererSpec,
    PluginContext,
    PolicySpec,
    TextExtractorSpec,
)
from .stages import ChunkStageSpec, CompletionStageSpec, GateSpec, StreamStageSpec
from .stores import CatalogueSpec, SessionStoreSpec, UploadStoreSpec

PROJECT = "pdfsluice"
ENTRY_POINT_GROUP = "pdfsluice"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def pdfsluice_register_options() -> Sequence[OptionsSpec]:  # type: ignore[empty-body]
    """Register the plugin's own section of the settings.

    Called first, before any other hook and before the settings are read.

    Returns:
        At most one section for each name; the name is usually the plugin's.
    """


@hookspec
def pdfsluice_register_commands() -> Sequence[CommandSpec]:  # type: ignore[empty-body]
    """Register commands of the ``pdfsluice`` program.

    Called when the program starts, without a server; must import nothing heavy.

    Returns:
        Commands; two of the same name are an error.
    """


@hookspec
def pdfsluice_register_authenticators(  # type: ignore[empty-body]
    context: PluginContext,
) -> Sequence[AuthenticatorSpec]:
    """Register what tells who calls.

    Authenticators are asked in order until one knows the caller.
    """


@hookspec
def pdfsluice_register_gates(context: PluginContext) -> Sequence[GateSpec]:  # type: ignore[empty-body]
    """Register what may hold a chunk back before its first body byte is read."""


@hookspec
def pdfsluice_register_chunk_stages(  # type: ignore[empty-body]
    context: PluginContext,
) -> Sequence[ChunkStageSpec]:
    """Register checks on single chunks, which come in any order."""


@hookspec
def pdfsluice_register_stream_stages(  # type: ignore[empty-body]
    context: PluginContext,
) -> Sequence[StreamStageSpec]:
    """Register stages that see a file in order, as far as it is committed."""


@hookspec
def pdfsluice_register_completion_stages(  # type: ignore[empty-body]
    context: PluginContext,
) -> Sequence[CompletionStageSpec]:
    """Register stages that look at the whole file before it is imported."""


@hookspec
def pdfsluice_register_upload_stores(  # type: ignore[empty-body]
    context: PluginContext,
) -> Sequence[UploadStoreSpec]:
    """Register where bytes can be kept; the setting ``upload_store`` chooses one by name."""


@hookspec
def pdfsluice_register_session_stores(  # type: ignore[empty-body]
    context: PluginContext,
) -> Sequence[SessionStoreSpec]:
    """Register where sessions can be kept; the setting ``session_store`` chooses one."""


@hookspec
def pdfsluice_register_catalogues(  # type: ignore[empty-body]
    context: PluginContext,
) -> Sequence[CatalogueSpec]:
    """Register where documents can be listed; the setting ``catalogue`` chooses one."""


@hookspec
def pdfsluice_register_event_sinks(  # type: ignore[empty-body]
    context: PluginContext,
) -> Sequence[EventSinkSpec]:
    """Register who hears of progress; each sink has a bounded queue of its own."""


@hookspec
def pdfsluice_register_policies(  # type: ignore[empty-body]
    context: PluginContext,
) -> Sequence[PolicySpec]:
    """Register what decides about findings; the setting ``policy`` chooses one by name."""


@hookspec
def pdfsluice_register_importers(  # type: ignore[empty-body]
    context: PluginContext,
) -> Sequence[ImporterSpec]:
    """Register what is done with each finished document, in the background."""


@hookspec
def pdfsluice_register_text_extractors(  # type: ignore[empty-body]
    context: PluginContext,
) -> Sequence[TextExtractorSpec]:
    """Register what reads the text of pages; the first that can, does."""


@hookspec
def pdfsluice_register_page_renderers(  # type: ignore[empty-body]
    context: PluginContext,
) -> Sequence[PageRendererSpec]:
    """Register what draws pages for previews; the first that can, does."""


@hookspec
def pdfsluice_register_indexes(  # type: ignore[empty-body]
    context: PluginContext,
) -> Sequence[IndexSpec]:
    """Register what makes documents searchable; the setting ``index`` chooses one."""
