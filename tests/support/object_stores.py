"""Object stores for tests: S3 as moto and as OpenStack Swift serve it."""

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from pydantic import SecretStr

from pdfsluice.core import ObjectInfo
from pdfsluice.plugins.object_store.objects import ObstoreObjects
from pdfsluice.plugins.object_store.opening import open_objects
from pdfsluice.plugins.object_store.options import ObjectStoreOptions
from tests.support import swift
from tests.support.ports import free_port, listens
from tests.support.waiting import wait_until

KEY, SECRET = "test-key", "test-secret"  # moto takes any
SECTION = "PDFSLUICE_PLUGINS__OBJECT_STORE__"


@dataclass(frozen=True, slots=True)
class S3Address:
    """Where an S3 server with one bucket is, and what is in the bucket."""

    host: str
    port: int
    bucket: str = "pdfsluice"
    key: str = KEY
    secret: str = SECRET

    def names(self, prefix: str) -> list[str]:
        """Return the names of all objects that begin with a prefix."""
        items = self.objects(prefix.partition("/")[0])
        return sorted(item.name for item in items if item.name.startswith(prefix))

    def objects(self, folder: str) -> list[ObjectInfo]:
        """Return the objects in a folder."""
        return list(s3_objects(self, f"s3://{self.bucket}").list(folder))

    def delete(self, name: str) -> None:
        """Delete an object."""
        s3_objects(self, f"s3://{self.bucket}").delete([name])

    def environment(self, url: str) -> dict[str, str]:
        """Return the settings of a server that stores below a URL."""
        return {
            "PDFSLUICE_UPLOAD_STORE": "object",
            f"{SECTION}URL": url,
            f"{SECTION}ENDPOINT": self.endpoint,
            f"{SECTION}REGION": "us-east-1",
            f"{SECTION}ACCESS_KEY_ID": self.key,
            f"{SECTION}SECRET_ACCESS_KEY": self.secret,
        }

    @property
    def endpoint(self) -> str:
        """The address of the server."""
        return f"http://{self.host}:{self.port}"

    def options(self, url: str) -> ObjectStoreOptions:
        """Return the settings of a store in this server."""
        return ObjectStoreOptions(
            url=url,
            endpoint=self.endpoint,
            region="us-east-1",
            access_key_id=self.key,
            secret_access_key=SecretStr(self.secret),
        )


@dataclass(frozen=True, slots=True)
class S3Request:
    """What a request to the server was."""

    method: str
    path: str
    query: str
    authorization: str
    range: str


@dataclass(frozen=True, slots=True)
class S3Server(S3Address):
    """A running server of moto with one bucket.

    Attributes:
        down: Set while the server answers 503 only.
        requests: Every request, as it came.
    """

    down: Event = field(default_factory=Event)
    requests: list[S3Request] = field(default_factory=list)

    @classmethod
    @contextmanager
    def running(cls) -> Iterator["S3Server"]:
        """Run a server until the context is left; skip the test if moto is not installed."""
        pytest.importorskip("moto", reason="the development packages are not installed")
        from moto.moto_server.werkzeug_app import (  # noqa: PLC0415 - takes long to import
            DomainDispatcherApplication,
            create_backend_app,
        )
        from werkzeug.serving import make_server  # noqa: PLC0415 - so does this

        down = Event()
        requests: list[S3Request] = []
        moto = DomainDispatcherApplication(create_backend_app)

        def application(environment: Any, start: Callable[..., Any]) -> Iterable[bytes]:
            names = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING")
            headers = ("HTTP_AUTHORIZATION", "HTTP_RANGE")
            requests.append(S3Request(*(environment.get(name, "") for name in names + headers)))
            if down.is_set():
                start("503 Service Unavailable", [("Content-Length", "0")])
                return []
            answer: Iterable[bytes] = moto(environment, start)
            return answer

        http = make_server("127.0.0.1", 0, application, threaded=True)
        thread = Thread(target=http.serve_forever, daemon=True)
        thread.start()
        try:
            server = cls("127.0.0.1", http.server_port, down=down, requests=requests)
            server.make_bucket()
            yield server
        finally:
            http.shutdown()
            thread.join()

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Answer 503 to every request until the context is left."""
        self.down.set()
        try:
            yield
        finally:
            self.down.clear()

    def by_link(self, method: str) -> list[S3Request]:
        """Return the requests by a signed address."""
        signed = (each for each in self.requests if "X-Amz-Signature" in each.query)
        return [each for each in signed if each.method == method]

    def make_bucket(self) -> None:
        """Make the bucket."""
        connection = HTTPConnection(self.host, self.port, timeout=10)
        connection.request("PUT", f"/{self.bucket}")
        assert connection.getresponse().status == 200
        connection.close()


@dataclass(frozen=True, slots=True)
class SwiftServer(S3Address):
    """A running OpenStack Swift with one bucket."""

    key: str = swift.KEY
    secret: str = swift.SECRET

    @classmethod
    @contextmanager
    def running(cls, folder: Path) -> Iterator["SwiftServer"]:
        """Run a server until the context is left.

        Args:
            folder: For its objects; an earlier server's are there again.
        """
        ports = [free_port() for _ in swift.KINDS]
        with (folder.parent / f"{folder.name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", swift.__name__, str(folder), *map(str, ports)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=Path(__file__).parents[2],
            )
        server = cls("127.0.0.1", ports[0])
        try:
            wait_until(lambda: process.poll() is not None or all(map(listens, ports)))
            assert process.poll() is None, f"see {folder}.log"
            wait_until(server.makes_bucket)
            yield server
        finally:
            process.communicate()

    def makes_bucket(self) -> bool:
        """Make the bucket; return whether that worked."""
        import boto3  # noqa: PLC0415 - it takes a while
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.key,
            aws_secret_access_key=self.secret,
        )
        with closing(client), suppress(BotoCoreError, ClientError):
            client.create_bucket(Bucket=self.bucket)
            return True
        return False


def s3_objects(server: S3Address, url: str) -> ObstoreObjects:
    """Return the objects below a URL."""
    return open_objects(server.options(url))
