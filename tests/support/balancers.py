"""The balancers and the pooler of ``deploy/``, run as the manual has them."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.ports import free_port, listens
from tests.support.postgresql import (
    PostgresqlServer,
    unprivileged,
    unprivileged_folder,
)
from tests.support.waiting import wait_until

DEPLOY = Path(__file__).parents[2] / "deploy"
KINDS = ("nginx", "nginx hash", "haproxy", "haproxy hash")
_NODE = re.compile(r"^( *server )pdfsluice-1(?: pdfsluice-1)?:8000(.*)\n", re.MULTILINE)
_OTHER_NODE = re.compile(r"^ *server pdfsluice-2.*\n", re.MULTILINE)
_HASH = re.compile(r"^( *)# ((?:balance )?hash[ -].*)$", re.MULTILINE)


def configuration(kind: str, port: int, nodes: Sequence[int]) -> str:
    """Return the documented configuration of a balancer in front of other nodes.

    Args:
        kind: One of ``KINDS``.
        port: Where the balancer listens.
        nodes: The ports of the nodes.
    """
    program = kind.split(maxsplit=1)[0]
    named = program == "haproxy"
    text = (DEPLOY / {"nginx": "nginx.conf", "haproxy": "haproxy.cfg"}[program]).read_text()
    if kind.endswith("hash"):
        text = _HASH.sub(r"\1\2", text).replace("    balance leastconn\n", "")
        assert text.count("balance hash" if named else "    hash ") == 1

    def lines(match: re.Match[str]) -> str:
        names = [f"node-{number} " if named else "" for number in range(len(nodes))]
        return "".join(
            f"{match[1]}{name}127.0.0.1:{node}{match[2]}\n"
            for name, node in zip(names, nodes, strict=True)
        )

    text, count = _NODE.subn(lines, _OTHER_NODE.sub("", text))
    assert count == 1, "the documented configuration names its nodes otherwise"
    assert re.search(r"(listen|bind :)\s*8080", text)
    return text.replace("listen 8080", f"listen 127.0.0.1:{port}").replace(
        "bind :8080", f"bind 127.0.0.1:{port}"
    )


@contextmanager
def balancer(kind: str, nodes: Sequence[int], folder: Path, *, port: int = 0) -> Iterator[int]:
    """Run a balancer until the context is left; provide its port.

    Args:
        kind: One of ``KINDS``.
        nodes: The ports of the nodes.
        folder: For its files.
        port: Where it listens; by default on a free port.

    Skips the test if the program is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    program = _program(kind.split(maxsplit=1)[0])
    port = port or free_port()
    config = folder / "balancer.conf"
    text = configuration(kind, port, nodes)
    if program.name == "nginx":
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        paths = "".join(f"{each}_temp_path {folder}/{each};" for each in kinds)
        text = (
            f"daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;\n"
            f"events {{}}\nhttp {{ access_log off; {paths}\n{text}\n}}\n"
        )
        command = [program, "-p", folder, "-c", config]
    else:
        command = [program, "-db", "-f", config]
    config.write_text(text)
    with (folder / "balancer.log").open("ab") as log:
        process = subprocess.Popen(list(map(str, command)), stdout=log, stderr=log)
    with _ending(process, port, folder):
        yield port


@contextmanager
def pooler(server: PostgresqlServer, database: str) -> Iterator[int]:
    """Run PgBouncer in transaction mode in front of a database; provide its port."""
    program = _program("pgbouncer")
    port = free_port()
    target = f"host=127.0.0.1 port={server.port} user=pdfsluice"
    replacements = {
        r"^pdfsluice = .*$": f"{database} = {target} dbname={database}",
        r"^listen_addr = .*$": "listen_addr = 127.0.0.1",
        r"^listen_port = .*$": f"listen_port = {port}",
        r"^auth_type = .*$": "auth_type = any",
        r"^auth_file = .*$": "",
    }
    text = (DEPLOY / "pgbouncer.ini").read_text()
    for pattern, replacement in replacements.items():
        text, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
        assert count == 1, pattern
    with unprivileged_folder("pdfsluice-pool-") as folder:
        (folder / "pgbouncer.ini").write_text(text)
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [str(program), str(folder / "pgbouncer.ini")],
                stdout=log,
                stderr=log,
                **unprivileged(),
            )
        with _ending(process, port, folder):
            yield port


@contextmanager
def _ending(process: subprocess.Popen[bytes], port: int, folder: Path) -> Iterator[None]:
    """Wait until a program listens, and end it with the context."""
    try:
        wait_until(lambda: process.poll() is not None or listens(port))
        logs = "".join(path.read_text() for path in folder.glob("*log") if path.is_file())
        assert process.poll() is None, logs
        yield
    finally:
        process.terminate()  # a master of nginx that is killed leaves its workers
        process.wait(30)


def _program(name: str) -> Path:
    path = shutil.which(name) or shutil.which(f"/usr/sbin/{name}")
    if path is None:
        pytest.skip(f"{name} is not installed")
    return Path(path)
