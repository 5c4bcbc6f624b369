"""Statements that are compiled once and sent to the driver as text.

SQLAlchemy checks, compiles and binds a statement object at each execution. For the short
statements of an upload that takes longer than the database needs to run them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ClauseElement, Connection, CursorResult, Dialect
from sqlalchemy.sql.compiler import SQLCompiler


@dataclass(frozen=True, slots=True)
class _Compiled:
    """The text of a statement in one dialect.

    Attributes:
        text: The statement.
        constants: Values of parameters that are part of the statement.
        order: Names of the parameters, if the dialect numbers them.
    """

    text: str
    constants: Mapping[str, Any]
    order: Sequence[str] | None

    def arguments(self, values: Mapping[str, Any]) -> Any:
        all_values = {**self.constants, **values} if self.constants else values
        return all_values if self.order is None else tuple(all_values[n] for n in self.order)


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

    def run(self, connection: Connection, values: Mapping[str, Any]) -> CursorResult[Any]:
        """Execute the statement."""
        dialect = connection.dialect
        compiled = self._compiled.get(dialect.name) or self._compile(dialect)
        return connection.exec_driver_sql(compiled.text, compiled.arguments(values))

    def run_many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute the statement for each of some rows."""
        dialect = connection.dialect
        compiled = self._compiled.get(dialect.name) or self._compile(dialect)
        if rows:
            connection.exec_driver_sql(compiled.text, [compiled.arguments(row) for row in rows])

    def _compile(self, dialect: Dialect) -> _Compiled:
        made = self._statement.compile(dialect=dialect, column_keys=self._columns)
        if not isinstance(made, SQLCompiler):
            raise TypeError(f"no statement of SQL: {self._statement}")
        constants = {name: value for name, value in made.params.items() if value is not None}
        order = tuple(made.positiontup or ()) if made.positional else None
        compiled = self._compiled[dialect.name] = _Compiled(made.string, constants, order)
        return compiled
