"""Statements that are compiled once and sent to the driver as text.

SQLAlchemy checks, compiles and binds a statement object at each execution, and prepares a result
for any type of column. For the short statements of an upload that takes several times as long
as the database needs to run them.
"""

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import BindParameter, ClauseElement, Connection, Dialect, bindparam
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler

_MAX_ROWS = 32


class AnyRow(Protocol):
    """A row, whose columns are its attributes and its items."""

    def __getattr__(self, name: str) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...

    def __getitem__(self, index: int, /) -> Any: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a statement.

    Attributes:
        rows: What it returned.
        rowcount: How many rows it changed.
    """

    rows: Sequence[AnyRow]
    rowcount: int

    def __iter__(self) -> Iterator[AnyRow]:
        """Iterate over the rows."""
        return iter(self.rows)

    def one_or_none(self) -> AnyRow | None:
        """Return the only row, or ``None`` if there is none."""
        return self.one() if self.rows else None

    def one(self) -> AnyRow:
        """Return the only row.

        Raises:
            ValueError: There is none, or there are several.
        """
        (row,) = self.rows
        return row

    def scalar_one_or_none(self) -> Any:
        """Return the first column of the only row, or ``None`` if there is no row."""
        row = self.one_or_none()
        return None if row is None else row[0]


@dataclass(slots=True)
class _Compiled:
    """The text of a statement in one dialect.

    Attributes:
        text: The statement.
        constants: Values of parameters that are part of the statement.
        order: Names of the parameters, if the dialect numbers them.
        row: Makes a row of a tuple of SQLite's; known once the statement has returned rows.
    """

    text: str
    constants: Mapping[str, Any]
    order: Sequence[str] | None
    row: Callable[[Sequence[Any]], AnyRow] | None = None

    def arguments(self, values: Mapping[str, Any]) -> Any:
        all_values = {**self.constants, **values} if self.constants else values
        return all_values if self.order is None else tuple([all_values[n] for n in self.order])

    def run_in_sqlite(self, connection: Connection, values: Mapping[str, Any]) -> Outcome:
        """Execute the statement without SQLAlchemy."""
        driver: Any = connection.connection.dbapi_connection
        arguments = self.arguments(values)
        try:
            cursor = driver.execute(self.text, arguments)
            rows = cursor.fetchall()
        except sqlite3.Error as error:
            raise DBAPIError(self.text, arguments, error) from error
        if not rows:
            return Outcome((), cursor.rowcount)
        if self.row is None:
            self.row = _row_maker([name for name, *_ in cursor.description])
        return Outcome([*map(self.row, rows)], cursor.rowcount)

    def run_many_in_sqlite(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute the statement without SQLAlchemy, once for each row."""
        driver: Any = connection.connection.dbapi_connection
        arguments = [self.arguments(row) for row in rows]
        try:
            driver.executemany(self.text, arguments)
        except sqlite3.Error as error:
            raise DBAPIError(self.text, arguments, error) from error


def _row_maker(columns: Sequence[str]) -> Callable[[Sequence[Any]], AnyRow]:
    make_type: Any = namedtuple  # noqa: PYI024 - no fixed names
    make: Callable[[Sequence[Any]], AnyRow] = make_type("Row", columns)._make
    return make


class Prepared:
    """A statement whose parameters and columns are numbers, text or null.

    Values pass to the driver, and rows from it, without any conversion.

    Args:
        statement: The statement. It has no ``IN``, whose text depends on the values.
        columns: The columns that an insertion fills; all that the statement names by default.
    """

    def __init__(self, statement: ClauseElement, columns: Sequence[str] | None = None) -> None:
        self._statement = statement
        self._columns = columns
        self._compiled: dict[str, _Compiled] = {}

    def run(self, connection: Connection, values: Mapping[str, Any]) -> Outcome:
        """Execute the statement.

        Raises:
            DBAPIError: The database failed.
        """
        compiled = self._for(connection.dialect)
        if connection.dialect.name == "sqlite":
            return compiled.run_in_sqlite(connection, values)
        result = connection.exec_driver_sql(compiled.text, compiled.arguments(values))
        return Outcome(result.all() if result.returns_rows else (), result.rowcount)

    def run_many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute a statement that returns nothing, once for each row.

        Raises:
            DBAPIError: The database failed.
        """
        if not rows:
            return
        compiled = self._for(connection.dialect)
        if connection.dialect.name == "sqlite":
            compiled.run_many_in_sqlite(connection, rows)
        else:
            connection.exec_driver_sql(compiled.text, [compiled.arguments(row) for row in rows])

    def _for(self, dialect: Dialect) -> _Compiled:
        return self._compiled.get(dialect.name) or self._compile(dialect)

    def _compile(self, dialect: Dialect) -> _Compiled:
        made = self._statement.compile(dialect=dialect, column_keys=self._columns)
        if not isinstance(made, SQLCompiler):
            raise TypeError(f"no statement of SQL: {self._statement}")
        constants = {name: value for name, value in made.params.items() if value is not None}
        order = tuple(made.positiontup or ()) if made.positional else None
        compiled = self._compiled[dialect.name] = _Compiled(made.string, constants, order)
        return compiled


class PreparedRows:
    """An insertion of several rows at a time, compiled for each number of them.

    To PostgreSQL each statement is a journey.

    Args:
        make: Returns the insertion of rows, given their parameters.
        columns: The columns of a row.
    """

    def __init__(
        self,
        make: Callable[[Sequence[Mapping[str, BindParameter[Any]]]], ClauseElement],
        columns: Sequence[str],
    ) -> None:
        self._make = make
        self._columns = columns
        self._statements: dict[int, Prepared] = {}

    def run(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows.

        Raises:
            DBAPIError: The database failed.
        """
        for start in range(0, len(rows), _MAX_ROWS):
            batch = rows[start : start + _MAX_ROWS]
            values = {
                f"{column}_{number}": row[column]
                for number, row in enumerate(batch)
                for column in self._columns
            }
            self._of(len(batch)).run(connection, values)

    def _of(self, number: int) -> Prepared:
        if number not in self._statements:
            rows: list[Mapping[str, BindParameter[Any]]] = [
                {column: bindparam(f"{column}_{each}") for column in self._columns}
                for each in range(number)
            ]
            self._statements[number] = Prepared(self._make(rows))
        return self._statements[number]
