"""``python -m benchmarks.soak --uploads 1000``: promises under faults.

Exit code 0 if every upload finished with the right digest, no acknowledged byte was lost,
nothing was imported twice and no file was left over.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from benchmarks.soak.campaign import Plan, Report, run


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.soak", description=__doc__)
    parser.add_argument("--uploads", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--largest", type=int, default=2_000_000, help="bytes")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    plan = Plan(**vars(arguments))
    with tempfile.TemporaryDirectory(prefix="pdfsluice-soak-") as folder:
        report = asyncio.run(run(plan, Path(folder)))
    show(report)
    return 0 if report.kept_its_promises else 1


def show(report: Report) -> None:
    share = 100 * report.finished / report.uploads
    protocols = ", ".join(f"{name} {n}" for name, n in sorted(report.by_protocol.items()))
    print(f"finished              {report.finished} of {report.uploads} ({share:.2f} %)")
    print(f"by protocol           {protocols}")
    print(f"time                  {report.seconds:.0f} s")
    print(f"kills of the server   {report.kills}")
    print(f"connections           {report.connections}")
    print(f"attempts repeated     {report.retries}")
    print(f"lost acknowledged     {report.lost_bytes} bytes")
    for name in ("missing", "damaged", "duplicates", "orphans", "strays"):
        print(f"{name:<21} {getattr(report.audit, name)}")
    for failure in report.failures[:20]:
        print(f"failed: {failure}")


if __name__ == "__main__":
    sys.exit(main())
