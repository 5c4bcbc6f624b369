"""Azure Blob Storage for tests: the emulator Azurite, if it is installed."""

import base64
import hashlib
import hmac
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from http.client import HTTPConnection
from pathlib import Path

import pytest
from pydantic import SecretStr

from pdfsluice.plugins.object_store.options import ObjectStoreOptions
from tests.support.documents import ROOT
from tests.support.ports import free_port, listens
from tests.support.waiting import wait_until

ACCOUNT = "devstoreaccount1"
SECRET = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The key of the emulator, which its manual publishes."""
_PROGRAM = "azurite-blob"
_VERSION = "2021-12-02"


@dataclass(frozen=True, slots=True)
class AzuriteServer:
    """A running emulator with one container."""

    port: int
    container: str = "pdfsluice"

    @classmethod
    @contextmanager
    def running(cls, folder: Path) -> Iterator["AzuriteServer"]:
        """Run a server until the context is left; skip the test if it is not installed."""
        modules = ROOT / "tests" / "js" / "node_modules" / ".bin"
        program = shutil.which(_PROGRAM) or shutil.which(_PROGRAM, path=str(modules))
        if program is None:
            pytest.skip(f"{_PROGRAM} is not installed: npm install --no-save azurite in tests/js")
        port = free_port()
        command = [program, "--blobPort", str(port), "--location", str(folder), "--silent"]
        process = subprocess.Popen(
            [*command, "--skipApiVersionCheck", "--disableTelemetry"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        server = cls(port)
        try:
            wait_until(lambda: process.poll() is not None or listens(port))
            server.make_container()
            yield server
        finally:
            process.terminate()
            process.wait()

    def options(self, folder: str) -> ObjectStoreOptions:
        """Return the settings of a store in this server."""
        return ObjectStoreOptions(
            url=f"az://{self.container}/{folder}",
            endpoint=f"http://127.0.0.1:{self.port}/{ACCOUNT}",
            access_key_id=ACCOUNT,
            secret_access_key=SecretStr(SECRET),
        )

    def make_container(self) -> None:
        """Make the container."""
        date = format_datetime(datetime.now(UTC), usegmt=True)
        path = f"/{ACCOUNT}/{self.container}"
        fields = f"x-ms-date:{date}\nx-ms-version:{_VERSION}\n"
        text = "PUT" + "\n" * 12 + f"{fields}/{ACCOUNT}{path}\nrestype:container"
        digest = hmac.new(base64.b64decode(SECRET), text.encode(), hashlib.sha256).digest()
        headers = {
            "Authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}",
            "Content-Length": "0",
            "x-ms-date": date,
            "x-ms-version": _VERSION,
        }
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("PUT", f"{path}?restype=container", headers=headers)
        assert connection.getresponse().status == 201
        connection.close()
