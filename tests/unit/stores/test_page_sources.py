"""The source of page texts in a database of an earlier version."""

from functools import partial
from pathlib import Path

from pdfsluice.core import PageText, TextSource
from pdfsluice.core.testing.contracts.samples import make_document
from pdfsluice.plugins.sql.catalogue import SqlCatalogue
from pdfsluice.plugins.sql.database import open_database
from pdfsluice.plugins.sql.engine import open_engines
from tests.support.databases import to_version_1


async def test_pages_that_were_stored_without_text_may_be_read(tmp_path: Path) -> None:
    engines = partial(open_engines, "", state_dir=tmp_path, durability="process")
    async with open_database(engines) as database:
        catalogue = SqlCatalogue(database)
        added = await catalogue.add(make_document(), [])
        await catalogue.save_pages(added.id, [PageText(1, "typed"), PageText(2, " \n")])
        await database.write(to_version_1)
    async with open_database(engines) as database:
        catalogue = SqlCatalogue(database)
        assert await catalogue.pages_without_text(added.id) == {2: TextSource.NONE}
        sources = [page.source async for page in catalogue.pages(added.id)]
    assert sources == [TextSource.TEXT, TextSource.NONE]
