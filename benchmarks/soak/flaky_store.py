"""An object store that refuses some requests, and that is stopped at times.

nginx is in front of the real one. It keeps the name of the host, which signatures contain.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.ports import free_port, listens
from tests.support.waiting import wait_until

_CONFIGURATION = """
daemon off; user root; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{}}
http {{
    {temporary}
    split_clients $request_id $refused {{ {percent}% 1; * 0; }}
    log_format status $status;
    access_log {folder}/statuses status;
    server {{
        listen 127.0.0.1:{port};
        client_max_body_size 0;
        location / {{
            if ($refused) {{ return 503; }}
            proxy_pass http://127.0.0.1:{store};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_request_buffering off;
        }}
    }}
}}
"""
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class FlakyStore:
    """The proxy, which runs from :meth:`start` to :meth:`stop`.

    Args:
        store: The port of the object store.
        folder: For its files; made by this class.
        refused: Share of the requests that are answered with 503.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, store: int, folder: Path, *, refused: float) -> None:
        folder.mkdir()
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        temporary = "".join(f"{each}_temp_path {folder}/{each};" for each in _TEMPORARY)
        (folder / "nginx.conf").write_text(
            _CONFIGURATION.format(
                folder=folder,
                temporary=temporary,
                percent=round(100 * refused, 2),
                port=self.port,
                store=store,
            )
        )

    @contextmanager
    def running(self) -> Iterator["FlakyStore"]:
        """Run it until the context is left."""
        self.start()
        try:
            yield self
        finally:
            self.stop()

    def start(self) -> None:
        """Start it, and wait until it listens."""
        program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
        if program is None:
            raise SystemExit("nginx is not installed")
        self._process = subprocess.Popen(
            [program, "-p", str(self._folder), "-c", str(self._folder / "nginx.conf")]
        )
        wait_until(lambda: listens(self.port))

    def stop(self) -> None:
        """Refuse all connections from now on, and break those that are open."""
        if self._process is not None:
            self._process.terminate()  # a master of nginx that is killed leaves its workers
            self._process.wait(30)

    @property
    def refusals(self) -> int:
        """How many requests were answered with 503."""
        return (self._folder / "statuses").read_text().split().count("503")
