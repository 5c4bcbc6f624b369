"""Sessions and documents in SQL: an SQLite file by default, PostgreSQL by URL.

Both stores share one engine and one writer, so that simultaneous changes are committed together.
"""

from __future__ import annotations  # the ports are imported by the hooks that need them

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pdfsluice import core

if TYPE_CHECKING:  # SQLAlchemy takes 300 ms to import; only an open store needs it
    from .shared import SharedDatabase

NAME = "sql"
SECTION = "database"
LIBRARIES = ("sqlalchemy",)


@core.hookimpl
def pdfsluice_register_options() -> Sequence[core.OptionsSpec]:
    """Register the section ``database``."""
    from .options import DatabaseOptions  # noqa: PLC0415 - hooks import cheaply

    return [core.OptionsSpec(name=SECTION, model=DatabaseOptions)]


@core.hookimpl
def pdfsluice_register_session_stores(
    context: core.PluginContext,
) -> Sequence[core.SessionStoreSpec]:
    """Register the session store ``sql``."""
    return [core.SessionStoreSpec(name=NAME, open=lambda: _shared(context).sessions())]


@core.hookimpl
def pdfsluice_register_catalogues(context: core.PluginContext) -> Sequence[core.CatalogueSpec]:
    """Register the document catalogue ``sql``."""
    return [core.CatalogueSpec(name=NAME, open=lambda: _shared(context).catalogue())]


def _shared(context: core.PluginContext) -> SharedDatabase:
    from .shared import SharedDatabase  # noqa: PLC0415 - only an open store needs it

    database = context.shared.get(__name__)
    if not isinstance(database, SharedDatabase):
        database = SharedDatabase(context)
        context.shared[__name__] = database
    return database
