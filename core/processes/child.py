"""Confined child processes for untrusted bytes and heavy libraries.

``wire.py`` describes the messages. ``pool.py`` keeps children for many short requests.

Three clocks watch a request: the parent's (it kills the child), the child's own alarm
(it works without the parent, and while native code holds the interpreter lock) and the
kernel's count of processor time. A child ends when its standard input does, so that it
never outlives its parent by more than one request.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import orjson

from pdfsluice.core.plugins.ports.children import NO_ACCESS, ChildAccess

from . import child_start
from .child_main import ENVIRONMENT, Limits, path_from_text, path_to_text, serve
from .child_start import ACCESS_VARIABLE, NICENESS_VARIABLE, Bounds
from .confinement import Protection, file_folders
from .confinement.folders import code_paths
from .cpu_affinity import assign
from .exchange import Answer, ChildFailed, Exchange
from .wire import ID, READY, pack, unpack

__all__ = [
    "Answer",
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
_MAX_UNREAD_REPLIES = 64
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
_REASONS: Mapping[int, str] = {
    signal.SIGXCPU: "cpu-limit",
    signal.SIGALRM: "timeout",
    signal.SIGKILL: "killed",
}

Notice = Callable[[dict[str, Any]], None]
"""Receives what a child sends unasked; raises if no honest child sends it."""


def _unexpected(_message: dict[str, Any]) -> None:
    raise ValueError("a message that is no reply")


class Child:
    """A running child process; made by :func:`start`.

    Attributes:
        protection: What confines it, as it reported when it was ready.
        ended: Done when it has ended, with the reason.
    """

    def __init__(
        self, process: asyncio.subprocess.Process, limits: Limits, on_notice: Notice
    ) -> None:
        loop = asyncio.get_running_loop()
        self._process = process
        self._limits = limits
        self._on_notice = on_notice
        self._exchange = Exchange(self._send)
        self._turn = asyncio.Lock()
        self._unhindered = asyncio.Event()  # unset while too many replies are unread
        self._unhindered.set()
        self._cause: ChildFailed | None = None
        self._stderr = bytearray()
        self._drain = loop.create_task(self._keep_stderr())
        self._listener = loop.create_task(self._listen(), name=f"listener to {process.pid}")
        self._ready: asyncio.Future[None] = loop.create_future()
        self.protection = Protection()
        self.ended: asyncio.Future[ChildFailed] = loop.create_future()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the child has not ended yet."""
        return self._process.returncode is None

    async def request(self, message: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """Send a request when no other is running; yield the replies to it.

        A caller that stops reading early ends the child, and should close the generator.

        Raises:
            ChildFailed: The child died, was too slow, or reports that it failed. Except after
                ``error`` and ``memory-limit`` the child is of no more use.
        """
        async with self._turn:
            await self.wait_until_ready()
            replies: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

            def put(reply: dict[str, Any]) -> None:
                replies.put_nowait(reply)
                if replies.qsize() >= _MAX_UNREAD_REPLIES:
                    self._unhindered.clear()

            answer = self._exchange.begin(message, put)
            answer.add_done_callback(lambda _: replies.put_nowait(None))
            with self._attended(answer):
                while True:
                    if replies.empty():
                        async with asyncio.timeout(self._limits.wall_seconds):
                            reply = await replies.get()
                    else:
                        reply = replies.get_nowait()
                    self._unhindered.set()
                    if reply is None:
                        break
                    yield reply
                if last := answer.result():
                    yield last

    async def ask(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Send a request that is answered by one reply.

        Raises:
            ChildFailed: As for :meth:`request`, or there was another number of replies.
                Several replies end the child.
        """
        async with self._turn:
            await self.wait_until_ready()
            replies: list[dict[str, Any]] = []

            def keep(reply: dict[str, Any]) -> None:
                if replies:
                    raise TypeError("several replies instead of one")
                replies.append(reply)

            answer = self._exchange.begin(message, keep)
            with self._attended(answer):
                async with asyncio.timeout(self._limits.wall_seconds):
                    last = await answer
        if bool(replies) is bool(last):
            raise ChildFailed("error", f"{2 * len(replies)} replies instead of one")
        return last or replies[0]

    @contextmanager
    def _attended(self, answer: Answer) -> Iterator[None]:
        """End the child if its caller leaves, or waits for too long, before the answer."""
        try:
            yield
        except TimeoutError:
            detail = f"no reply for {self._limits.wall_seconds} s"
            raise self.kill("timeout", detail) from None
        finally:
            answer.cancel()
            if answer.cancelled():
                self.kill()
            self._unhindered.set()

    def begin(self, message: Mapping[str, Any]) -> Answer:
        """Send a request to a child that serves in threads; return its future answer."""
        return self._exchange.begin(message)

    def prepare(self, message: Mapping[str, Any]) -> None:
        """Send what :func:`.child_main.serve_in_threads` begins with; it has no answer."""
        self._send(pack(message))

    async def wait_until_ready(self) -> None:
        """Let the child start; what it imports does not count as work on a request.

        Raises:
            ChildFailed: It did not.
        """
        if self._ready.done():
            return self._ready.result()
        try:
            async with asyncio.timeout(_START_TIMEOUT):
                await asyncio.shield(self._ready)
        except TimeoutError:
            raise self.kill("timeout", f"it did not start in {_START_TIMEOUT} s") from None

    def kill(self, reason: str = "killed", detail: str = "") -> ChildFailed:
        """End the child and what it started; return the failure that follows."""
        failure = ChildFailed(reason, detail)
        if detail and self._cause is None:
            self._cause = failure
        if self.alive:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        return failure

    async def close(self) -> None:
        """End the child and wait for it."""
        self.kill()
        await asyncio.wait({self._listener})

    def _send(self, line: bytes) -> None:
        if self._process.stdin is not None:
            self._process.stdin.write(line)

    async def _listen(self) -> None:
        """Pass on what the child sends until it ends; then report that to all callers."""
        try:
            while (message := await self._message()) is not None:
                if not self._ready.done():
                    self.protection = Protection(**message[READY])
                    self._ready.set_result(None)
                elif ID in message:
                    self._exchange.receive(message)
                    await self._unhindered.wait()
                else:
                    self._on_notice(message)
        except Exception as error:  # noqa: BLE001 - what a child sends is untrusted
            self.kill("error", f"it broke the protocol: {error}")
        finally:
            failure = await self._end()
            self._exchange.fail(failure)
            if not self._ready.done():
                self._ready.set_exception(failure)
                self._ready.exception()
            self.ended.set_result(failure)

    async def _message(self) -> dict[str, Any] | None:
        """Return the next message; ``None`` when the child has closed standard output."""
        stdout = self._process.stdout
        try:
            line = await stdout.readline() if stdout is not None else b""
        except ValueError:
            raise ValueError("a reply is too long") from None
        return unpack(line) if line.endswith(b"\n") else None

    async def _end(self) -> ChildFailed:
        """Wait until the child is dead, or kill it after a moment; return why it ended."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_EXIT_TIMEOUT):
                await self._process.wait()
        self.kill()
        await self._process.wait()
        await asyncio.wait({self._drain}, timeout=_EXIT_TIMEOUT)
        self._drain.cancel()
        # A surviving grandchild may hold the pipes open; asyncio has no public way to close them.
        self._process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001
        detail = self._stderr.decode(errors="replace").strip()
        code = self._process.returncode or 0
        reason = _REASONS.get(-code, "crashed")
        if reason == "crashed" and ("MemoryError" in detail or "bad_alloc" in detail):
            reason = "memory-limit"
        return self._cause or ChildFailed(reason, detail or f"exit code {code}")

    async def _keep_stderr(self) -> None:
        stderr = self._process.stderr
        while stderr is not None and (data := await stderr.read(_MAX_STDERR)):
            self._stderr += data
            del self._stderr[:-_MAX_STDERR]


async def start(
    module: str,
    limits: Limits,
    *,
    access: ChildAccess = NO_ACCESS,
    arguments: Iterable[str] = (),
    environment: Mapping[str, str] | None = None,
    max_line: int = _MAX_LINE,
    on_notice: Notice = _unexpected,
) -> Child:
    """Start ``python -m module``, confined and limited; the caller closes the child.

    The child confines itself before it imports the module, and sets the limits in
    :func:`serve`: a function that runs between fork and exec is unsafe with threads.

    Args:
        module: A module that calls :func:`serve` or :func:`.child_main.serve_in_threads`.
        limits: The limits of each request.
        access: What the child may reach besides the files it works on.
        arguments: The command line.
        environment: The child's environment; without one, :func:`plain_environment`.
        max_line: Bytes that a reply may have.
        on_notice: Receives what the child sends unasked; by default that ends the child.
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
            NICENESS_VARIABLE: str(limits.niceness),
            ACCESS_VARIABLE: _bounds(access).encoded(),
        },
        # A Ctrl-C in the terminal is the parent's to handle. A session of its own would do that
        # as well, but Linux gives sessions equal shares of a processor, whatever the niceness.
        process_group=0,
    )
    assign(process.pid, apart=limits.apart)
    return Child(process, limits, on_notice)


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
    """Return the environment that any program needs, without secrets of ours.

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
