"""Uploads and documents in an object store: S3, Azure or Google Cloud.

The requests to the services belong here; what any object store needs is ``core.segments``.
"""

from __future__ import annotations  # the ports are imported by the hooks that need them

from collections.abc import Sequence

from pdfsluice import core

NAME = "object"
SECTION = "object_store"
LIBRARIES = ("obstore",)
FOLDER = "objects"


@core.hookimpl
def pdfsluice_register_options() -> Sequence[core.OptionsSpec]:
    """Register the section ``object_store``."""
    from .options import ObjectStoreOptions  # noqa: PLC0415 - hooks import cheaply

    return [core.OptionsSpec(name=SECTION, model=ObjectStoreOptions)]


@core.hookimpl
def pdfsluice_register_upload_stores(context: core.PluginContext) -> Sequence[core.UploadStoreSpec]:
    """Register the upload store ``object``."""
    from .opening import open_store  # noqa: PLC0415 - hooks import cheaply
    from .options import ObjectStoreOptions  # noqa: PLC0415 - hooks import cheaply

    options = context.options(SECTION, ObjectStoreOptions)
    folder = options.cache_dir or context.upload_dir / FOLDER
    if context.settings.workers > 1 or context.worker:  # each deletes what an earlier one left
        folder /= f"worker-{context.worker}"
    return [
        core.UploadStoreSpec(
            name=NAME,
            file_folders=(folder,),
            open=lambda: open_store(options, folder, context.settings.min_free_space),
        )
    ]
