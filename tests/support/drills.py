"""A cluster whose nodes can be killed or stopped at a named call, and cut off; and its clients."""

import asyncio
import hashlib
import signal
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.clusters import NODES, Backends, RunningCluster
from tests.support.gates import Gate
from tests.support.sabotage import write_distribution
from tests.support.servers import RunningServer
from tests.support.waiting import until

CHUNK = 64 * 1024
PREFIX = "/api/documents/streaming"
CLOCK_AHEAD = timedelta(minutes=30)
"""Of the last node, in every test."""
_FOLDER = "PDFSLUICE_PLUGINS__NODE_SABOTEUR__FOLDER"
_CLOCK = "PDFSLUICE_PLUGINS__NODE_SABOTEUR__CLOCK_AHEAD"
_DATABASE = "PDFSLUICE_PLUGINS__DATABASE__URL"
_ENDPOINT = "PDFSLUICE_PLUGINS__OBJECT_STORE__ENDPOINT"
_TIMEOUT = aiohttp.ClientTimeout(total=60)
T = TypeVar("T")
Answer = tuple[int, Any]
NO_ANSWER: Answer = (0, None)
BALANCER = -1
"""Stands for a node, whichever the balancer chooses."""
_RETRIED = frozenset({0, 409, 423, 502, 503, 504})


@dataclass
class DrilledNode:
    """One node, with what may happen to it.

    Attributes:
        server: Its process.
        folder: Where the saboteur looks for its orders.
        database: The gate before PostgreSQL.
        store: The gate before the object store.
    """

    server: RunningServer
    folder: Path
    database: Gate
    store: Gate

    def arm(self, point: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Have the node killed or stopped at a point; see `tests.support.node_saboteur`."""
        (self.folder / point).write_text(number.name)

    def has_reached(self, point: str) -> bool:
        """Whether that has happened."""
        return (self.folder / f"{point}.reached").exists()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the server."""
        assert self.server.process is not None
        self.server.process.send_signal(number)

    async def restart(self) -> None:
        """Start the server again after it was killed."""
        for file in self.folder.iterdir():
            file.unlink()
        await asyncio.to_thread(self.server.kill)
        await asyncio.to_thread(self.server.start)


@dataclass
class Drill:
    """A cluster for tests that break it; each leaves all nodes running.

    Attributes:
        cluster: The nodes with their balancer.
        nodes: The same nodes; a request to one of them does not pass the balancer.
    """

    cluster: RunningCluster
    nodes: list[DrilledNode] = field(default_factory=list)

    @classmethod
    @contextmanager
    def running(
        cls, backends: Backends, folder: Path, *, front: str = "nginx", **settings: str
    ) -> Iterator["Drill"]:
        """Run the nodes and a kind of balancer until the context is left.

        Args:
            backends: What the nodes share.
            folder: For the folders of the nodes.
            front: A kind of balancer.
            settings: More settings of each node.
        """
        site = folder / "site"
        write_distribution(site, "node_saboteur")
        name = folder.name.replace("-", "_")
        with ExitStack() as stack:
            gates = [
                (
                    stack.enter_context(Gate.before(backends.postgresql.port)),
                    stack.enter_context(Gate.before(backends.s3.port)),
                )
                for _ in range(NODES)
            ]
            folders = [folder / f"orders-{number}" for number in range(NODES)]

            def environment(number: int) -> dict[str, str]:
                folders[number].mkdir()
                database, store = gates[number]
                return {
                    "PYTHONPATH": str(site),
                    _FOLDER: str(folders[number]),
                    _CLOCK: str(CLOCK_AHEAD.total_seconds() if number == NODES - 1 else 0),
                    _DATABASE: backends.postgresql.url(name, port=database.port),
                    _ENDPOINT: f"http://127.0.0.1:{store.port}",
                }

            cluster = stack.enter_context(
                RunningCluster.running(
                    backends,
                    folder,
                    name,
                    front=front,
                    settings=settings,
                    node_environment=environment,
                )
            )
            drill = cls(cluster)
            for server, orders, (database, store) in zip(
                cluster.nodes, folders, gates, strict=True
            ):
                drill.nodes.append(DrilledNode(server, orders, database, store))
            yield drill

    def state(self, session_id: str) -> str:
        """Return the state of an upload by its row."""
        ((state,),) = self.cluster.rows(f"SELECT state FROM sessions WHERE id = '{session_id}'")
        return str(state)


@dataclass
class Upload:
    """One file that is sent to nodes of the caller's choice.

    Attributes:
        drill: The cluster.
        data: Its bytes.
        id: The session, once it is initiated.
        chunk_size: The size of its chunks.
    """

    drill: Drill
    data: bytes
    id: str = ""
    chunk_size: int = CHUNK

    @classmethod
    async def begun(
        cls, drill: Drill, at: int = 0, *, chunks: int = 5, chunk_size: int = CHUNK
    ) -> "Upload":
        """Initiate the upload of a new file at a node."""
        data = make_pdf([uuid.uuid4().hex], noise_per_page=chunk_size * chunks - 2000)
        upload = cls(drill, data, chunk_size=chunk_size)
        await upload.initiate(at)
        return upload

    async def initiate(self, node: int) -> None:
        """Open the session at a node."""
        asked = {"filename": "a.pdf", "file_size": len(self.data)}
        asked["chunk_size"] = self.chunk_size
        answer = await self._until_accepted(
            lambda: self.call(node, "POST", f"{PREFIX}/initiate", json=asked)
        )
        self.id = answer["session_id"]

    @property
    def chunks(self) -> int:
        """How many chunks it has."""
        return -(-len(self.data) // self.chunk_size)

    @property
    def sha256(self) -> str:
        """The digest of the file."""
        return hashlib.sha256(self.data).hexdigest()

    async def call(self, node: int, method: str, path: str, **options: Any) -> Answer:
        """Send a request to a node or the balancer; status 0 if the connection broke.

        A balancer whose server closes the connection answers 502, with a page of its own.
        """
        drill = self.drill
        server = drill.cluster if node == BALANCER else drill.nodes[node].server
        url = f"{server.base_url}{path}"
        try:
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT) as http,
                http.request(method, url, **options) as answer,
            ):
                if answer.content_type.endswith("json"):
                    return answer.status, await answer.json(content_type=None)
                return answer.status, await answer.text()
        except (aiohttp.ClientError, TimeoutError, OSError):
            return NO_ANSWER

    async def put(self, node: int, chunk: int, data: bytes | None = None) -> Answer:
        """Send a chunk to a node once, perhaps with other bytes."""
        own = self.data[chunk * self.chunk_size : (chunk + 1) * self.chunk_size]
        return await self.call(
            node,
            "PUT",
            f"{PREFIX}/chunk/{self.id}",
            params={"chunk_id": chunk},
            headers={"Content-Type": "application/octet-stream"},
            data=own if data is None else data,
        )

    async def put_all(self, nodes: Sequence[int], chunks: Sequence[int] | None = None) -> None:
        """Send chunks to nodes by turns, each until it is acknowledged."""
        for chunk in range(self.chunks) if chunks is None else chunks:
            await self._until_accepted(partial(self.put, nodes[chunk % len(nodes)], chunk))

    async def complete(self, node: int) -> int:
        """Complete the upload at a node; return the document."""
        path = f"{PREFIX}/complete/{self.id}"
        answer = await self._until_accepted(lambda: self.call(node, "POST", path, json={}))
        return int(answer["document"]["id"])

    async def until_answered(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Repeat a request while its connection breaks or its server is not there."""

        async def answered() -> T | None:
            try:
                return await attempt()
            except OSError:
                return None

        answer = await until(answered, interval=0.1)
        assert answer is not None
        return answer

    async def _until_accepted(self, attempt: Callable[[], Awaitable[Answer]]) -> Any:
        async def accepted() -> Any:
            status, answer = await attempt()
            assert status == 200 or status in _RETRIED, answer
            return answer if status == 200 else None

        return await until(accepted, seconds=60, interval=0.1)

    async def is_whole_once(self, node: int, document: int) -> None:
        """Check rows, objects and bytes of an upload that became a document."""
        cluster = self.drill.cluster
        rows = cluster.rows(f"SELECT id, sha256 FROM documents WHERE session_id = '{self.id}'")
        assert rows == [(document, self.sha256)]
        assert self.drill.state(self.id) == "completed"
        url = f"{self.drill.nodes[node].server.base_url}/api/documents/{document}/file"
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as http, http.get(url) as answer:
            assert hashlib.sha256(await answer.read()).hexdigest() == self.sha256
        objects = cluster.names(f"documents/{self.id[:2]}")
        assert [name for name in objects if self.id in name] == [
            f"documents/{self.id[:2]}/{self.id}.pdf"
        ]
        await until(lambda: not cluster.names(f"uploads/{self.id}"))
