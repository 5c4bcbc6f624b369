"""Servers that share a PostgreSQL database and an object store."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.balancers import DEPLOY, balancer, pooler
from tests.support.object_stores import SwiftServer, s3_objects
from tests.support.postgresql import PostgresqlServer
from tests.support.preloaded import preloaded_parent
from tests.support.servers import RunningServer

NODES = 3
_DATABASE = "PDFSLUICE_PLUGINS__DATABASE__"
_QUICK = {
    "PDFSLUICE_INDEX": "",  # 80 MiB and a second for each node
    "STREAMING_STAGE_PROCESSES": "1",
    "PDFSLUICE_CORS_ORIGINS": "*",
}


@dataclass(frozen=True)
class Backends:
    """The services that nodes share.

    Attributes:
        postgresql: The database server.
        s3: The object store.
    """

    postgresql: PostgresqlServer
    s3: SwiftServer

    @classmethod
    @contextmanager
    def running(cls, folder: Path, *, statistics: bool = False) -> Iterator["Backends"]:
        """Run both until the context is left.

        Args:
            folder: For the files of the object store.
            statistics: Whether the database counts statements.
        """
        with ExitStack() as stack:
            database = PostgresqlServer.running(tcp=True, statistics=statistics)
            postgresql = stack.enter_context(database)
            yield cls(postgresql, stack.enter_context(SwiftServer.running(folder / "swift")))


@dataclass
class RunningCluster:
    """Nodes behind a balancer.

    Attributes:
        nodes: The servers.
        backends: What they share.
        database: The name of their database.
        prefix: The folder of their objects in the bucket.
        port: The port of the balancer.
    """

    nodes: list[RunningServer]
    backends: Backends
    database: str
    prefix: str
    port: int = 0

    @classmethod
    @contextmanager
    def running(
        cls,
        backends: Backends,
        folder: Path,
        name: str,
        *,
        nodes: int = NODES,
        front: str = "nginx",
        pooled: bool = False,
        port: int = 0,
        settings: Mapping[str, str] | None = None,
        node_environment: Callable[[int], Mapping[str, str]] = lambda _: {},
    ) -> Iterator["RunningCluster"]:
        """Run new nodes and their balancer until the context is left.

        Args:
            backends: What they share.
            folder: For the folders of the nodes.
            name: Of the database and of the folder in the bucket; letters only.
            nodes: How many there are.
            front: A kind of balancer.
            pooled: Whether PgBouncer is between the nodes and the database.
            port: Where the balancer listens; by default on a free port.
            settings: More settings of each node.
            node_environment: Returns the environment of one node, by its number.
        """
        backends.postgresql.execute(f"CREATE DATABASE {name}")
        with ExitStack() as stack:
            url = backends.postgresql.url(name)
            database = {f"{_DATABASE}URL": url}
            if pooled:
                pool = stack.enter_context(pooler(backends.postgresql, name))
                pooled_url = backends.postgresql.url(name, port=pool)
                database = {f"{_DATABASE}URL": pooled_url, f"{_DATABASE}LISTEN_URL": url}
            environment = {
                **node_settings(),
                **backends.s3.environment(f"s3://{backends.s3.bucket}/{name}"),
            }
            environment |= database | _QUICK | dict(settings or {})
            servers = [
                RunningServer(
                    folder / f"node-{number}" / "data",
                    environment={**environment, **node_environment(number)},
                    preloaded=preloaded_parent(),
                )
                for number in range(nodes)
            ]
            cluster = cls(servers, backends, name, name)
            try:
                cluster.start()
                ports = [node.port for node in servers]
                cluster.port = stack.enter_context(
                    balancer(front, ports, folder / "balancer", port=port)
                )
                yield cluster
            finally:
                for node in servers:
                    node.kill()

    def start(self) -> None:
        """Start all nodes at the same time."""
        for node in self.nodes:
            node.data_dir.parent.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(len(self.nodes)) as threads:
            list(threads.map(RunningServer.start, self.nodes))

    @property
    def base_url(self) -> str:
        """Address of the balancer, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """Return the rows of a query."""
        return self.backends.postgresql.execute(query, self.database)

    def names(self, folder: str) -> list[str]:
        """Return the names of the objects in a folder, by the store's own list."""
        s3 = self.backends.s3
        objects = s3_objects(s3, f"s3://{s3.bucket}/{self.prefix}")
        return sorted(item.name for item in objects.list(folder))


def node_settings() -> dict[str, str]:
    """Return the documented settings of a node."""
    lines = (DEPLOY / "pdfsluice.env").read_text().splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}
