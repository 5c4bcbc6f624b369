"""What nodes ask of PostgreSQL, and the processor time that it uses."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psutil
from sqlalchemy import create_engine, make_url, text

from tests.support.drills import Drill

_REPORT_SECONDS = 11.0
"""PostgreSQL's processes add up their transactions when they were idle for 10 seconds."""
_EXTENSION = "CREATE EXTENSION IF NOT EXISTS pg_stat_statements"
_TRANSACTIONS = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
_STATEMENTS = (
    "SELECT query, sum(calls) FROM pg_stat_statements JOIN pg_database d ON d.oid = dbid"
    " WHERE datname = current_database() AND query NOT LIKE '%pg_stat%' GROUP BY query"
)
_FRAMES = frozenset({"BEGIN", "COMMIT", "ROLLBACK", ";", ""})
_NOTIFY = "pg_notify"


@dataclass(slots=True)
class Count:
    """What happened while something was done, without what idle nodes do.

    Attributes:
        seconds: How long it took.
        counted_seconds: For how long transactions and statements were counted.
        transactions: How many transactions ended, single statements included.
        calls: How often each statement was run, without BEGIN and COMMIT.
        node_seconds: Processor time of the nodes with their stage processes.
        database_seconds: Processor time of PostgreSQL.
    """

    seconds: float = 0.0
    counted_seconds: float = 0.0
    transactions: float = 0.0
    calls: Mapping[str, float] = field(default_factory=dict)
    node_seconds: float = 0.0
    database_seconds: float = 0.0

    @property
    def statements(self) -> float:
        """How many statements were run."""
        return sum(self.calls.values())

    @property
    def notifications(self) -> float:
        """How many of them were NOTIFY, each in a transaction of its own."""
        return sum(calls for query, calls in self.calls.items() if _NOTIFY in query)

    def most_frequent(self, number: int) -> Sequence[tuple[float, str]]:
        """Return the most frequent statements, with their numbers."""
        by_calls = sorted(((calls, query) for query, calls in self.calls.items()), reverse=True)
        return [
            (calls, " ".join(query.split())[:150]) for calls, query in by_calls[:number] if calls
        ]


class Watch:
    """A count of what the nodes of a cluster ask of their database.

    Args:
        drill: The cluster.
    """

    def __init__(self, drill: Drill) -> None:
        postgresql = drill.cluster.backends.postgresql
        url = make_url(postgresql.url(drill.cluster.database)).set(drivername="postgresql+psycopg")
        # One connection for all counts: each new one asks a few statements of its own.
        self._connection = create_engine(url, isolation_level="AUTOCOMMIT").connect()
        self._nodes = [psutil.Process(_pid(node.server.process)) for node in drill.nodes]
        file = postgresql.folder / "data" / "postmaster.pid"
        self._database = psutil.Process(int(file.read_text().split()[0]))
        self._connection.execute(text(_EXTENSION))

    def settle(self) -> None:
        """Wait until PostgreSQL has added up what was done so far."""
        time.sleep(_REPORT_SECONDS)

    @contextmanager
    def counting(self, idle: Count | None = None) -> Iterator[Count]:
        """Provide a count of what happens in the context; it is complete after leaving it.

        Args:
            idle: What idle nodes do, which is not counted.
        """
        count, rate = Count(), idle or Count(counted_seconds=1.0)
        transactions, calls, began = self._transactions(), self._calls(), time.monotonic()
        nodes, database = _cpu(self._nodes), _cpu([self._database])
        yield count
        count.seconds = time.monotonic() - began
        count.node_seconds = _cpu(self._nodes) - nodes
        count.database_seconds = _cpu([self._database]) - database
        self.settle()
        count.counted_seconds = time.monotonic() - began
        share = count.counted_seconds / rate.counted_seconds
        count.transactions = self._transactions() - transactions - share * rate.transactions
        count.calls = {
            query: number - calls.get(query, 0) - share * rate.calls.get(query, 0)
            for query, number in self._calls().items()
        }

    def _transactions(self) -> int:
        return int(self._connection.execute(text(_TRANSACTIONS)).scalar_one())

    def _calls(self) -> Mapping[str, int]:
        rows = self._connection.execute(text(_STATEMENTS))
        calls = {query: int(number) for query, number in rows}
        return {query: number for query, number in calls.items() if query.upper() not in _FRAMES}


def _pid(process: object) -> int:
    pid = getattr(process, "pid", None)
    if not isinstance(pid, int):
        raise TypeError("the node does not run")
    return pid


def _cpu(processes: Sequence[psutil.Process]) -> float:
    """Return the processor time of processes and their children, in seconds."""
    total = 0.0
    for process in processes:
        for member in [process, *process.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):  # a child may end while it is looked at
                times = member.cpu_times()
                total += times.user + times.system
    return total
