"""``python -m benchmarks.soak --uploads 1000``: promises under faults.

With ``--nodes 3`` a cluster takes the place of the server, and a random node is killed. Its
PostgreSQL crashes, and its object store refuses requests and is stopped, by the options.

Exit code 0 if every upload finished with the right digest, no acknowledged byte was lost,
nothing was imported twice, no file was left over, and usage and analytics are what the
documents sum up to.
"""

import argparse
import asyncio
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from benchmarks.soak.campaign import Plan, Report, run
from benchmarks.soak.nodes import Outages, run_nodes


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.soak", description=__doc__)
    parser.add_argument("--uploads", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--largest", type=int, default=2_000_000, help="bytes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--nodes", type=int, default=0, help="servers of a cluster; 0 for one")
    parser.add_argument("--crashes", type=int, default=0, help="of their PostgreSQL")
    parser.add_argument("--stops", type=int, default=0, help="of their object store, 10 s each")
    parser.add_argument("--refused", type=float, default=0.0, help="share of its answers with 503")
    arguments = vars(parser.parse_args())
    nodes = arguments.pop("nodes")
    outages = Outages(**{name: arguments.pop(name) for name in ("crashes", "stops", "refused")})
    plan = Plan(**arguments)
    with tempfile.TemporaryDirectory(prefix="pdfsluice-soak-") as name:
        folder = Path(name)
        if nodes:
            report = asyncio.run(run_nodes(plan, folder, nodes, outages=outages))
        else:
            report = asyncio.run(run(plan, folder))
    show(report)
    return 0 if report.kept_its_promises else 1


def show(report: Report) -> None:
    share = 100 * report.finished / report.uploads
    protocols = ", ".join(f"{name} {n}" for name, n in sorted(report.by_protocol.items()))
    print(f"finished              {report.finished} of {report.uploads} ({share:.2f} %)")
    print(f"by protocol           {protocols}")
    print(f"time                  {report.seconds:.0f} s")
    print(f"kills of the server   {report.kills}")
    print(f"crashes of PostgreSQL {report.crashes}")
    print(f"stops of the store    {report.store_outages}")
    print(f"refused by the store  {report.store_refusals}")
    print(f"connections           {report.connections}")
    print(f"attempts repeated     {report.retries}")
    print(f"lost acknowledged     {report.lost_bytes} bytes")
    for name, value in asdict(report.audit).items():
        print(f"{name.replace('_', ' '):<21} {value}")
    for failure in report.failures[:20]:
        print(f"failed: {failure}")


if __name__ == "__main__":
    sys.exit(main())
