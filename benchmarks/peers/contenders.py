"""The servers under comparison: each protocol of ours, and common alternatives.

Each peer is installed by the benchmark (PyPI into an environment of its own, npm into a folder
of its own; nginx from the system), listens on loopback only, and stores the same bytes on the
same disk. The peers check nothing; ours runs with all its plugins.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.support.processes import Server, pdfsluice, running
from benchmarks.support.senders import BOUNDARY, Line, chunks, expect
from benchmarks.support.uploads import delete, tus_create, tus_patch, upload, wait_for_import
from tests.support.ports import free_port

TOOLS = Path("var/benchmark-peers").absolute()
CHUNK = 8 * 1024 * 1024
PYTHON_PEERS = ("fastapi", "uvicorn", "python-multipart", "tuspyserver")
NODE_PEERS = ("@tus/server", "@tus/file-store")


Tidy = Callable[[], None]
Send = Callable[[Server, Path, int], Tidy]


class Absent(Exception):
    """A peer cannot run here; the message gives the reason."""


@dataclass(frozen=True)
class Contender:
    """One line of the comparison.

    Attributes:
        serve: Starts the server.
        send: Uploads the file once, over a number of connections; returns the function that
            cleans up after it, which is not measured.
        connections: How many.
    """

    name: str
    serve: Callable[[Path], AbstractContextManager[Server]]
    send: Send
    connections: int = 1


def contenders() -> list[Contender]:
    """List all, ours first; the others are compared with nginx."""
    return [
        *(
            Contender(f"pdfsluice {door} x{number}", _ours, _send_ours(door), number)
            for door in ("raw", "form")
            for number in (1, 4)
        ),
        Contender("pdfsluice tus x1", _ours, _send_ours("tus")),
        Contender("nginx PUT x1", nginx, _send_nginx),
        Contender("nginx PUT x4", nginx, _send_nginx, 4),
        Contender("@tus/server x1", _node_tus, _send_tus("/files")),
        Contender("FastAPI UploadFile x1", _fastapi, _send_fastapi),
        Contender("tuspyserver x1", _tuspyserver, _send_tus("/files/")),
    ]


def _ours(folder: Path) -> AbstractContextManager[Server]:
    return pdfsluice(folder / "pdfsluice")


def _send_ours(door: str) -> Send:
    def send(server: Server, file: Path, connections: int) -> Tidy:
        document = upload(
            server.host, server.port, file, door=door, chunk_size=CHUNK, connections=connections
        )

        def tidy() -> None:
            # The import continues in the background; it would run during the others' turns.
            wait_for_import(server.host, server.port, document)
            delete(server.host, server.port, document)

        return tidy

    return send


@contextmanager
def nginx(folder: Path) -> Iterator[Server]:
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        raise Absent("nginx is not installed")
    home = folder / "nginx"
    for name in ("files", "temp"):
        (home / name).mkdir(parents=True, exist_ok=True)
    port = free_port()
    config = home / "nginx.conf"
    config.write_text(
        f"daemon off; master_process off; pid {home}/pid; error_log {home}/error.log;\n"
        "events { worker_connections 256; }\n"
        f"http {{ access_log off; client_max_body_size 0; client_body_temp_path {home}/temp;\n"
        "keepalive_requests 1000000;\n"
        f"server {{ listen 127.0.0.1:{port}; root {home}/files;\n"
        "location / { dav_methods PUT DELETE; create_full_put_path on; } } }\n"
    )
    command = [program, "-p", str(home), "-c", str(config), "-e", str(home / "error.log")]
    with running("nginx", command, port, folder=home) as server:
        yield server


def _send_nginx(server: Server, file: Path, connections: int) -> Tidy:
    jobs = list(chunks(file.stat().st_size, CHUNK))

    def run(share: list[tuple[int, int, int]]) -> None:
        line = Line(server.host, server.port)
        for number, offset, length in share:
            answer = line.send("PUT", f"/{number}", {}, file=file, offset=offset, length=length)
            expect(answer, 201, 204)
        line.close()

    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(run, [jobs[start::connections] for start in range(connections)]))

    def tidy() -> None:
        line = Line(server.host, server.port)
        for number, _, _ in jobs:
            expect(line.send("DELETE", f"/{number}", {}), 204)
        line.close()

    return tidy


def _python() -> Path:
    """Install the peers from PyPI, once, into an environment of their own."""
    home = TOOLS / "python"
    python = home / "bin" / "python"
    if not (home / "installed").exists():
        try:
            subprocess.run([sys.executable, "-m", "venv", home], check=True, capture_output=True)
            command = [str(python), "-m", "pip", "install", "--quiet", *PYTHON_PEERS]
            subprocess.run(command, check=True, capture_output=True, text=True)
        except subprocess.CalledProcessError as error:
            raise Absent(f"{' '.join(PYTHON_PEERS)} cannot be installed: {error.stderr}") from error
        (home / "installed").touch()
    return python


_FASTAPI = """
import shutil
from pathlib import Path
from fastapi import FastAPI, UploadFile
app = FastAPI()
folder = Path("fastapi-files")
folder.mkdir(exist_ok=True)

@app.post("/{number}")
def take(number: int, file: UploadFile):
    with (folder / str(number)).open("wb") as out:
        shutil.copyfileobj(file.file, out, 1 << 20)
    return {"size": file.size}
"""

_TUSPY = """
from fastapi import FastAPI
from tuspyserver import create_tus_router
app = FastAPI()
app.include_router(create_tus_router(prefix="files", files_dir="./tuspy-files", max_size=1 << 40))
"""


@contextmanager
def _uvicorn(folder: Path, name: str, source: str) -> Iterator[Server]:
    home = folder / name
    home.mkdir(parents=True, exist_ok=True)
    (home / f"{name}_app.py").write_text(source)
    port = free_port()
    module = f"{name}_app:app"
    options = ["--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
    command = [str(_python()), "-m", "uvicorn", module, *options]
    with running(name, command, port, folder=home) as server:
        yield server


def _fastapi(folder: Path) -> AbstractContextManager[Server]:
    return _uvicorn(folder, "fastapi", _FASTAPI)


def _tuspyserver(folder: Path) -> AbstractContextManager[Server]:
    return _uvicorn(folder, "tuspy", _TUSPY)


def _send_fastapi(server: Server, file: Path, connections: int) -> Tidy:
    del connections
    line = Line(server.host, server.port)
    head = 'Content-Disposition: form-data; name="file"; filename="chunk"'
    before = f"--{BOUNDARY}\r\n{head}\r\nContent-Type: application/pdf\r\n\r\n".encode()
    after = f"\r\n--{BOUNDARY}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    for number, offset, length in chunks(file.stat().st_size, CHUNK):
        answer = line.send(
            "POST",
            f"/{number}",
            headers,
            file=file,
            offset=offset,
            length=length,
            before=before,
            after=after,
        )
        expect(answer, 200)
    line.close()
    return lambda: None  # the next upload takes the place of these files


_NODE = """
const { Server } = require('@tus/server')
const { FileStore } = require('@tus/file-store')
const http = require('node:http')
const datastore = new FileStore({ directory: process.argv[2] })
const server = new Server({ path: '/files', datastore })
const listener = http.createServer((req, res) => server.handle(req, res))
listener.listen(Number(process.argv[3]), '127.0.0.1')
"""


@contextmanager
def _node_tus(folder: Path) -> Iterator[Server]:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise Absent("node or npm is not installed")
    home = TOOLS / "node"
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "installed").exists():
        command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(home), *NODE_PEERS]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
        except subprocess.CalledProcessError as error:
            raise Absent(f"{' '.join(NODE_PEERS)} cannot be installed: {error.stderr}") from error
        (home / "installed").touch()
    script = home / "server.cjs"
    script.write_text(_NODE)
    files = folder / "node-files"
    files.mkdir(parents=True, exist_ok=True)
    port = free_port()
    with running("node-tus", [node, str(script), str(files), str(port)], port, folder=files) as it:
        yield it


def _send_tus(endpoint: str) -> Send:
    def send(server: Server, file: Path, connections: int) -> Tidy:
        del connections
        line = Line(server.host, server.port)
        place = tus_create(line, endpoint, file)
        tus_patch(line, place, file, CHUNK)

        def tidy() -> None:
            line.send("DELETE", place, {"Tus-Resumable": "1.0.0"})
            line.close()

        return tidy

    return send
