"""``python -m benchmarks.search.postgres URL``: searches in a PostgreSQL.

The database is one for this purpose, with pgvector, on this machine: the processor time of a
search includes that of its connections. It is filled with generated passages, unless an earlier
run did that.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil
from sqlalchemy import Engine, create_engine, make_url, text

from benchmarks.search.run import opened
from benchmarks.search.timings import Kind, Result, Words, children_cpu, fill, timed

_VOCABULARY = 60_000


class Connections:
    """The processes of a database on this machine that work for its clients.

    Args:
        engine: Connects to the database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def cpu(self) -> float:
        """Return the processor seconds of them, of this process and its children."""
        total = children_cpu() + time.process_time()
        with self._engine.connect() as connection:
            for (number,) in connection.execute(
                text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
            ):
                with suppress(psutil.NoSuchProcess):
                    times = psutil.Process(number).cpu_times()
                    total += times.user + times.system
        return total


async def measure(url: str, passages: int, searches: int) -> list[Result]:
    """Fill an empty index and search it."""
    words, results = Words(_VOCABULARY), []
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    connections = Connections(engine)
    with tempfile.TemporaryDirectory() as folder:
        async with opened(url, Path(folder)) as index:
            if await index.is_empty():
                begin = connections.cpu()
                await fill(index, Words(_VOCABULARY), passages)
                cost = (connections.cpu() - begin) * 1000 / passages
                results.append(Result("published by words: processor time", cost, "ms/passage"))
                with engine.connect() as connection:
                    connection.execute(text("VACUUM ANALYZE index_passages"))
            for kind in (
                Kind("of any words", [words.query() for _ in range(searches)]),
                Kind("of common words", [words.common() for _ in range(searches)]),
                Kind("of a misspelt word", [words.misspelt() for _ in range(searches)]),
                Kind("in 20 documents", [words.query() for _ in range(searches)], [*range(1, 21)]),
            ):
                times, cpu = await timed(index, kind, cpu=connections.cpu)
                p99 = times[min(len(times) - 1, len(times) * 99 // 100)]
                results += [
                    Result(f"search {kind.name}: p50", times[len(times) // 2], "ms"),
                    Result(f"search {kind.name}: p99", p99, "ms"),
                    Result(f"search {kind.name}: processor time", cpu, "ms"),
                ]
    engine.dispose()
    return results


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.search.postgres", description=__doc__
    )
    parser.add_argument("url", help="URL of the database")
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--searches", type=int, default=100)
    options = parser.parse_args(arguments)
    for result in asyncio.run(measure(options.url, options.passages, options.searches)):
        sys.stdout.write(f"{result.what:<48} {result.value:10.2f} {result.unit}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
