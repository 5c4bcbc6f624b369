"""`pdfsluice nodes`: the servers and workers that are live."""

from pdfsluice.client.client import DEFAULT_SERVER
from pdfsluice.client.jobs import Node

from .console import listing, print_json, print_table
from .failures import run
from .options import Authority, Json, KeyFile, Server, connect


def nodes(
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
    ca: Authority = None,
    *,
    as_json: Json = False,
) -> None:
    """List the live servers and workers of a server's database; for administrators."""

    async def live() -> tuple[Node, ...]:
        async with connect(server, key_file, ca) as client:
            return await client.nodes()

    entries = run(live(), as_json=as_json)
    if as_json:
        for node in entries:
            print_json(node)
        return
    table = listing("ID", "Role", "Version", "Host", "Uploads", "Jobs", "Started", "Last heartbeat")
    for node in entries:
        times = (f"{time:%Y-%m-%d %H:%M:%S}" for time in (node.started_at, node.seen_at))
        counts = str(node.uploads), str(node.jobs)
        table.add_row(node.id, node.role, node.version, node.host, *counts, *times)
    print_table(table)
