"""Limited child processes, in which untrusted bytes and heavy libraries do no harm.

The parent and the child exchange JSON, one object a line: requests on the child's standard
input, replies on its standard output. A request may be answered by many lines; the last
has ``"last": true``. The very first line reports that the child is ready.
``core/processes/pool.py`` keeps children for many short requests.

Three clocks watch a request: the parent's (it kills the child), the child's own alarm
(it works without the parent, and while native code holds the interpreter lock) and the
kernel's count of processor time. A child ends when its standard input does, so that it
never outlives its parent by more than one request.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

import orjson

from pdfsluice.core.plugins.ports.children import NO_ACCESS, ChildAccess

from . import child_start
from .child_main import (
    ENVIRONMENT,
    READY,
    UNFLUSHED,
    Limits,
    path_from_text,
    path_to_text,
    serve,
)
from .child_start import ACCESS_VARIABLE, Bounds
from .confinement import Protection, file_folders
from .confinement.folders import code_paths
from .cpu_affinity import place

__all__ = [
    "Child",
    "ChildAccess",
    "ChildFailed",
    "Limits",
    "path_from_text",
    "path_to_text",
    "plain_environment",
    "serve",
    "spawn",
    "start",
]

_MAX_LINE = 64 * 1024 * 1024
_MAX_STDERR = 4096
_START_TIMEOUT = 60.0
_EXIT_TIMEOUT = 1.0
_INHERITED = ("PATH", "HOME", "TMPDIR", "LANG", "TZ", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
_INHERITED_PREFIXES = ("LC_", "PYTHON", "DYLD_")
_NETWORK = (  # also in lower case, as most programs have them
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)


class ChildFailed(Exception):
    """The child died, went over a limit or broke the protocol.

    Attributes:
        reason: ``crashed``, ``killed`` (from outside, often by the kernel when memory is
            short), ``timeout``, ``cpu-limit``, ``memory-limit`` or ``error`` (the child lives
            and reports why).
        detail: The end of what the child wrote to standard error, or its own message.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail

    @property
    def over_limit(self) -> bool:
        """Whether the request took too much time or memory."""
        return self.reason in {"timeout", "cpu-limit", "memory-limit", "killed"}


class Child:
    """A running child process; made by :func:`start`. Serves one request at a time.

    Attributes:
        protection: What confines it, as it reported when it was ready.
    """

    def __init__(self, process: asyncio.subprocess.Process, limits: Limits) -> None:
        self._process = process
        self._limits = limits
        self._turn = asyncio.Lock()
        self._ready = False
        self.protection = Protection()
        self._stderr = bytearray()
        self._drain = asyncio.create_task(self._keep_stderr())

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the child has not ended yet."""
        return self._process.returncode is None

    async def request(self, message: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """Send a request and yield the replies to it.

        A caller that stops reading early ends the child, and should close the generator.

        Raises:
            ChildFailed: The child died, was too slow, or reports that it failed. Except after
                ``error`` and ``memory-limit`` the child is of no more use.
        """
        async with self._turn:
            in_step = False
            try:
                await self.wait_until_ready()
                await self._send(orjson.dumps(message) + b"\n")
                last = False
                while not last:
                    reply = await self._reply(self._limits.wall_seconds)
                    if "error" in reply:
                        in_step = True
                        raise ChildFailed(str(reply.get("reason", "error")), str(reply["error"]))
                    last = bool(reply.pop("last", False))
                    in_step = last
                    if reply:
                        yield reply
            finally:
                if not in_step:  # half-read replies would be read as those of the next request
                    self.kill()

    async def ask(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Send a request that is answered by one reply.

        Raises:
            ChildFailed: As for :meth:`request`, or there was another number of replies.
        """
        async with aclosing(self.request({**message, UNFLUSHED: True})) as replies:
            received = [reply async for reply in replies]
        if len(received) != 1:
            raise ChildFailed("error", f"{len(received)} replies instead of one")
        return received[0]

    def post(self, message: bytes) -> None:
        """Send a short message to a child that answers several at a time.

        What it replies, also that it has died, comes from :meth:`replies`.
        """
        if self._process.stdin is not None:
            self._process.stdin.write(message + b"\n")

    async def replies(self) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the replies of such a child for as long as it lives; only one task may iterate.

        Raises:
            ChildFailed: The child died, as it does in the end.
        """
        while True:
            yield await self._reply(None)

    async def wait_until_ready(self) -> None:
        """Let the child start; what it imports does not count as work on a request.

        Raises:
            ChildFailed: It did not.
        """
        if not self._ready:
            reply = await self._reply(_START_TIMEOUT)
            try:
                self.protection = Protection(**reply[READY])
            except (LookupError, TypeError):
                raise ChildFailed("error", "the first message of the child is wrong") from None
            self._ready = True

    async def _send(self, line: bytes) -> None:
        stdin = self._process.stdin
        try:
            async with asyncio.timeout(self._limits.wall_seconds):
                if stdin is not None:
                    stdin.write(line)
                    await stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            raise await self._failure() from None
        except TimeoutError:
            self.kill()
            raise ChildFailed("timeout", "the request was not read") from None

    async def _reply(self, seconds: float | None) -> dict[str, Any]:
        stdout = self._process.stdout
        try:
            async with asyncio.timeout(seconds):
                line = await stdout.readline() if stdout is not None else b""
        except TimeoutError:
            self.kill()
            raise ChildFailed("timeout", f"no reply for {seconds} s") from None
        except ValueError:
            self.kill()
            raise ChildFailed("error", "a reply is too long") from None
        if not line.endswith(b"\n"):
            raise await self._failure()
        try:
            reply = orjson.loads(line)
        except orjson.JSONDecodeError:
            reply = None
        if not isinstance(reply, dict):
            self.kill()
            raise ChildFailed("error", "a reply is not a JSON object")
        return reply

    async def _failure(self) -> ChildFailed:
        """Return why the child closed its pipes; it is dead, or is killed after a moment."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_EXIT_TIMEOUT):
                await self._process.wait()
        await self.close()
        detail = self._stderr.decode(errors="replace").strip()
        code = self._process.returncode or 0
        reason = _REASONS.get(-code, "crashed")
        if reason == "crashed" and ("MemoryError" in detail or "bad_alloc" in detail):
            reason = "memory-limit"
        return ChildFailed(reason, detail or f"exit code {code}")

    async def _keep_stderr(self) -> None:
        stderr = self._process.stderr
        while stderr is not None and (data := await stderr.read(_MAX_STDERR)):
            self._stderr += data
            del self._stderr[:-_MAX_STDERR]

    def kill(self) -> None:
        """End the child, and the processes that it started, immediately."""
        if self.alive:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def close(self) -> None:
        """End the child and wait for it."""
        self.kill()
        await self._process.wait()
        await asyncio.wait({self._drain}, timeout=_EXIT_TIMEOUT)
        self._drain.cancel()
        # A surviving grandchild may hold the pipes open; asyncio has no public way to close them.
        self._process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001


_REASONS: Mapping[int, str] = {
    signal.SIGXCPU: "cpu-limit",
    signal.SIGALRM: "timeout",
    signal.SIGKILL: "killed",
}


async def start(
    module: str,
    limits: Limits,
    *,
    access: ChildAccess = NO_ACCESS,
    arguments: Iterable[str] = (),
    environment: Mapping[str, str] | None = None,
    max_line: int = _MAX_LINE,
) -> Child:
    """Start ``python -m module``, confined and with limits; the caller closes the child.

    The child confines itself before it imports the module, and sets the limits in
    :func:`serve`: a function that runs between fork and exec is unsafe with threads.

    Args:
        module: A module that calls :func:`serve` or :func:`.child_main.serve_in_threads`.
        limits: The limits of each request.
        access: What the child may reach besides the files it works on.
        arguments: The command line.
        environment: The child's environment; without one, :func:`plain_environment`.
        max_line: Bytes that a reply may have.
    """
    inherited = plain_environment() if environment is None else environment
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # no module is taken from the working directory
        "-m",
        child_start.__name__,
        module,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=max_line,
        env={
            **inherited,
            ENVIRONMENT: _encode(limits),
            ACCESS_VARIABLE: _bounds(access).encoded(),
        },
        # A Ctrl-C in the terminal is the parent's to handle. A session of its own would do that
        # as well, but Linux gives sessions equal shares of a processor, whatever the niceness.
        process_group=0,
    )
    place(process.pid, apart=limits.apart)
    return Child(process, limits)


@asynccontextmanager
async def spawn(
    module: str,
    limits: Limits,
    *,
    access: ChildAccess = NO_ACCESS,
    arguments: Iterable[str] = (),
    environment: Mapping[str, str] | None = None,
) -> AsyncGenerator[Child, None]:
    """Start a child as :func:`start` does; it is ended when the context is left."""
    child = await start(module, limits, access=access, arguments=arguments, environment=environment)
    try:
        yield child
    finally:
        await child.close()


def plain_environment(*, network: bool = False) -> dict[str, str]:
    """Return the part of the environment that any program needs, and no secret of ours.

    Args:
        network: Whether the program asks other machines: then with the proxies and the
            certificates to be trusted. A proxy's address may have a password in it.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if name in _INHERITED
        or name.startswith(_INHERITED_PREFIXES)
        or (network and name.upper() in _NETWORK)
    }


def _bounds(access: ChildAccess) -> Bounds:
    folders = file_folders()
    readable = None if folders is None else (*folders, *code_paths())
    return Bounds(access=access, readable=readable)


def _encode(limits: Limits) -> str:
    return orjson.dumps(limits).decode()
