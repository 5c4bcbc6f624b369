"""The update of a session's row, alone or with its document."""

from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy import Connection

from pdfsluice.core import Session, SessionChanges, SessionState
from pdfsluice.core.uploads.lifecycle import ENDED

from . import counting, statements
from .database import Database
from .encoding import session_row
from .refusals import key_of, refused_update
from .writer import order_of_account, order_of_session


class SessionUpdate:
    """An update of a session, if its stored version is still that of a snapshot.

    Args:
        session: The snapshot.
        changes: The new values.

    Attributes:
        new: The snapshot with the changes and its new version.

    Raises:
        TypeError: A field is not one of :class:`SessionChanges`.
    """

    def __init__(self, session: Session, changes: SessionChanges) -> None:
        if forbidden := changes.keys() - SessionChanges.__annotations__.keys():
            raise TypeError(f"not changeable: {', '.join(sorted(forbidden))}")
        self._session = session
        self.new = session.changed(**changes, version=session.version + 1)
        row = session_row(self.new)
        self._metadata = 0
        if changes.keys() & {"metadata", "title"}:
            self._metadata = row["metadata_bytes"] - session_row(session)["metadata_bytes"]
        self._values = {
            **key_of(session.id),
            "expected": session.version,
            **{f"new_{column}": row[column] for column in row if column not in {"id", "version"}},
        }

    @property
    def is_single(self) -> bool:
        """Whether one statement does it: nothing is counted, and no hold ends."""
        counts = counting.growth(self._session, self.new, self._metadata)
        return self.new.state not in ENDED and not any(counts.values())

    @property
    def order(self) -> str:
        """Its place among operations that are committed together."""
        if self.is_single:
            return order_of_session(self.new.id)
        return order_of_account(counting.account_of(self.new), self.new.id)

    def run(
        self,
        connection: Connection,
        database: Database,
        counts: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """Update the row, and what is counted for the account of the session.

        Args:
            connection: The connection, within a transaction.
            database: Its database.
            counts: What else is to be counted for the account.

        Raises:
            StateConflict: The session was changed, or has grown while it expires.
            SessionNotFound: There is no such session.
            QuotaExceeded: It reserves more than the limits allow.
        """
        session, new = self._session, self.new
        if new.state is SessionState.EXPIRED:
            _refuse_if_grown(connection, session, postgresql=database.postgresql)
        counts_first = counting.may_be_refused(session, new)
        if counts_first:
            counting.count_change(connection, session, new, metadata_bytes=self._metadata)
        ends_hold = database.shared and new.state in ENDED
        statement = statements.UPDATE
        if ends_hold and database.postgresql:
            statement = statements.UPDATE_AND_END_HOLD
        if not statement.run(connection, self._values).rowcount:
            if counts_first:
                counting.count_back(connection, session, new, metadata_bytes=self._metadata)
            raise refused_update(connection, session)
        if ends_hold and not database.postgresql:
            statements.END_HOLD.run(connection, key_of(session.id))
        if not counts_first:
            counting.count_change(
                connection, session, new, metadata_bytes=self._metadata, counts=counts
            )


def _refuse_if_grown(connection: Connection, session: Session, *, postgresql: bool) -> None:
    """Refuse to expire an upload that has received bytes since it was read.

    Raises:
        StateConflict: It has.
    """
    key = key_of(session.id)
    if postgresql:  # a commit at another node comes before or after this
        statements.LOCK_SESSION.run(connection, key)
    size = sum(row.end - row.start for row in statements.RANGES.run(connection, key))
    if size > session.committed.size:
        raise refused_update(connection, session)
