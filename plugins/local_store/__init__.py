"""Uploads and documents as files, in a directory each.

Only bytes are here; which of them are committed is in the session store.
"""

from __future__ import annotations  # the ports are imported by the hooks that need them

from collections.abc import Sequence

from pdfsluice import core

NAME = "local"
SECTION = "local_store"
DOCUMENTS = "documents"


@core.hookimpl
def pdfsluice_register_options() -> Sequence[core.OptionsSpec]:
    """Register the section ``local_store``."""
    from .options import LocalStoreOptions  # noqa: PLC0415 - hooks import cheaply

    return [core.OptionsSpec(name=SECTION, model=LocalStoreOptions)]


@core.hookimpl
def pdfsluice_register_upload_stores(context: core.PluginContext) -> Sequence[core.UploadStoreSpec]:
    """Register the upload store ``local``."""
    from .opening import open_store  # noqa: PLC0415 - hooks import cheaply
    from .options import LocalStoreOptions  # noqa: PLC0415 - hooks import cheaply

    options = context.options(SECTION, LocalStoreOptions)
    return [
        core.UploadStoreSpec(
            name=NAME,
            file_folders=(context.upload_dir, context.data_dir / DOCUMENTS),
            open=lambda: open_store(
                upload_dir=context.upload_dir,
                data_dir=context.data_dir,
                power_safe=context.settings.durability == "power",
                max_bytes=options.max_bytes,
                min_free=context.settings.min_free_space,
                shared=context.settings.workers > 1 or context.worker > 0,
            ),
        )
    ]
