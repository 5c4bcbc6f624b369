"""Measure analytics: recording a million uploads, and reports over them.

Run it from the root of the repository::

    python -m benchmarks.analytics --number 10000             # a smoke run of seconds
    python -m benchmarks.analytics                            # SQLite, a million: minutes
    python -m benchmarks.analytics --url postgresql://...     # an empty database

The uploads are spread over 30 days, three protocols, five programs and 40 accounts, and are
recorded in transactions of 500, through the session store's own interface.
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr

from pdfsluice.config import Settings
from pdfsluice.core import HasAnalytics, Measures, PluginContext, UploadEnd, UploadRecord
from pdfsluice.core.analytics.reports import Grouping, make_report
from pdfsluice.plugins import sql
from pdfsluice.plugins.sql.options import DatabaseOptions

BATCH = 500
DAYS = 30
START = datetime(2024, 5, 1, tzinfo=UTC)
_PROGRAMS = ("browser", "pdfsluice-client", "curl/8.1", "tusc/2.1", "")


def records(number: int) -> Iterator[list[UploadRecord]]:
    """Yield batches of uploads in the order in which they ended."""
    chance = random.Random(1)
    step = timedelta(days=DAYS) / number
    for first in range(0, number, BATCH):
        yield [
            _record(chance, index, START + index * step)
            for index in range(first, min(number, first + BATCH))
        ]


def _record(chance: random.Random, index: int, ended_at: datetime) -> UploadRecord:
    size = int(chance.lognormvariate(14, 2))
    return UploadRecord(
        session_id=f"{index:036}",
        account=f"key:{chance.randrange(40)}",
        protocol=chance.choice(("rest", "tus", "ietf")),
        client=chance.choice(_PROGRAMS),
        end=chance.choices(list(UploadEnd), weights=(90, 3, 3, 2, 1, 1))[0],
        began_at=ended_at - timedelta(seconds=9),
        ended_at=ended_at,
        size=size,
        committed_bytes=size,
        resent_bytes=0,
        measures=Measures(
            requests=1,
            received_bytes=size,
            receiving_seconds=chance.lognormvariate(-1, 1),
            validating_seconds=chance.lognormvariate(-3, 1),
        ),
        importing_seconds=chance.lognormvariate(0, 1),
    )


async def run(number: int, url: str) -> None:
    """Record uploads and time each report."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        context = PluginContext(
            data_dir=directory,
            upload_dir=directory,
            state_dir=directory,
            settings=Settings.model_validate({"data_dir": directory}),
            section=lambda _: DatabaseOptions(url=SecretStr(url)),
            publish=lambda _: None,
        )
        (store,) = sql.pdfsluice_register_session_stores(context)
        async with store.open() as sessions:
            if not isinstance(sessions, HasAnalytics):
                raise TypeError("the session store keeps no records")
            seconds = 0.0
            for batch in records(number):
                began = time.process_time()
                await sessions.analytics.record(batch, {})
                seconds += time.process_time() - began
            print(
                f"{'recorded':10} {number:9,} uploads, {1e6 * seconds / number:.0f} us of CPU each"
            )
            for grouping in Grouping:
                began, processor = time.perf_counter(), time.process_time()
                report = await make_report(
                    sessions.analytics, START, START + timedelta(days=DAYS), grouping
                )
                duration = time.perf_counter() - began
                processor = time.process_time() - processor
                print(
                    f"{grouping.value:10} {report.total.uploads:9,} uploads,"
                    f" {duration:.3f} s, {processor:.3f} s of CPU"
                )


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--number", type=int, default=1_000_000, help="how many uploads")
    parser.add_argument("--url", default="", help="database; a temporary SQLite file by default")
    arguments = parser.parse_args()
    asyncio.run(run(arguments.number, arguments.url))


if __name__ == "__main__":
    main()
