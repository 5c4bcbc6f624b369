"""Sessions and documents in SQL: an SQLite file by default, PostgreSQL by URL.

Both stores share one engine and one writer, so that simultaneous changes are committed together.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pdfsluice.core import CatalogueSpec, OptionsSpec, PluginContext, SessionStoreSpec, hookimpl

if TYPE_CHECKING:  # SQLAlchemy takes 300 ms to import; only an open store needs it
    from .shared import SharedDatabase

NAME = "sql"
SECTION = "database"
LIBRARIES = ("sqlalchemy",)


@hookimpl
def pdfsluice_register_options() -> Sequence[OptionsSpec]:
    """Register the section ``database``."""
    from .options import DatabaseOptions  # noqa: PLC0415 - hooks import cheaply

    return [OptionsSpec(name=SECTION, model=DatabaseOptions)]


@hookimpl
def pdfsluice_register_session_stores(context: PluginContext) -> Sequence[SessionStoreSpec]:
    """Register the session store ``sql``."""
    return [SessionStoreSpec(name=NAME, open=lambda: _shared(context).sessions())]


@hookimpl
def pdfsluice_register_catalogues(context: PluginContext) -> Sequence[CatalogueSpec]:
    """Register the document catalogue ``sql``."""
    return [CatalogueSpec(name=NAME, open=lambda: _shared(context).catalogue())]


def _shared(context: PluginContext) -> "SharedDatabase":
    from .shared import SharedDatabase  # noqa: PLC0415 - only an open store needs it

    database = context.shared.get(__name__)
    if not isinstance(database, SharedDatabase):
        database = SharedDatabase(context)
        context.shared[__name__] = database
    return database
