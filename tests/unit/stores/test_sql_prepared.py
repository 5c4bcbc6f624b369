"""Prepared statements: the rows that they return, and how they fail."""

from collections.abc import Iterator

import pytest
from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    insert,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError

from pdfsluice.plugins.sql.prepared import Prepared

things = Table(
    "things",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False),
    Column("colour", String),
)
ADD = Prepared(insert(things).returning(*things.c), columns=("id", "name", "colour"))
GET = Prepared(select(things).where(things.c.id == bindparam("thing")))
ALL = Prepared(select(things).order_by(things.c.id))
RENAME = Prepared(update(things).where(things.c.id > bindparam("after")).values(name="new"))


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://", connect_args={"isolation_level": None})
    with engine.connect() as connection:
        things.create(connection)
        yield connection
    engine.dispose()


def test_rows_have_their_columns_as_attributes(connection: Connection) -> None:
    new = ADD.run(connection, {"id": 1, "name": "one", "colour": None}).one()
    assert (new.id, new.name, new.colour) == (1, "one", None) == tuple(new)
    stored = GET.run(connection, {"thing": 1}).one_or_none()
    assert stored is not None
    assert (stored.name, stored[0]) == ("one", 1)
    assert GET.run(connection, {"thing": 1}).scalar_one_or_none() == 1
    missing = GET.run(connection, {"thing": 2})
    assert missing.one_or_none() is None
    assert missing.scalar_one_or_none() is None
    with pytest.raises(ValueError, match="not enough values"):
        missing.one()


def test_changed_rows_are_counted(connection: Connection) -> None:
    rows = [{"id": number, "name": "old", "colour": "red"} for number in range(4)]
    Prepared(insert(things), columns=("id", "name", "colour")).run_many(connection, rows)
    assert RENAME.run(connection, {"after": 1}).rowcount == 2
    assert [row.name for row in ALL.run(connection, {})] == ["old", "old", "new", "new"]
    with pytest.raises(ValueError, match="too many values"):
        ALL.run(connection, {}).one_or_none()


def test_a_failure_of_the_driver_is_one_of_the_database(connection: Connection) -> None:
    row = {"id": 1, "name": "one", "colour": None}
    ADD.run(connection, row)
    with pytest.raises(DBAPIError, match="UNIQUE constraint failed") as caught:
        ADD.run(connection, row)
    assert getattr(caught.value.orig, "sqlite_errorname", "") == "SQLITE_CONSTRAINT_PRIMARYKEY"
    assert not caught.value.connection_invalidated
