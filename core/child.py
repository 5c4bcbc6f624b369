"""Limited child processes, in which untrusted bytes and heavy libraries do no harm.

The parent and the child speak JSON, one object a line: requests on the child's standard
input, replies on its standard output. A request may be answered by many lines; the last
has ``"last": true``.
"""

import asyncio
import os
import resource
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson

_LINE_LIMIT = 64 * 1024 * 1024
_STDERR_KEPT = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a child may use.

    Attributes:
        address_space: Bytes of address space; ``None`` for no limit.
        cpu_seconds: Processor time over the child's whole life; ``None`` for no limit.
        wall_seconds: Seconds that one request may take, from line to line.
        file_size: Bytes that a file written by the child may have; ``None`` for no limit.
    """

    address_space: int | None = None
    cpu_seconds: int | None = None
    wall_seconds: float = 60.0
    file_size: int | None = None


class ChildFailed(Exception):
    """The child died, went over a limit or broke the protocol.

    Attributes:
        reason: ``crashed``, ``timeout``, ``cpu-limit``, ``memory-limit`` or ``error``.
        detail: The end of what the child wrote to standard error, or its own message.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class Child:
    """A running child process; made by :func:`spawn`. Serves one request at a time."""

    def __init__(self, process: asyncio.subprocess.Process, limits: Limits) -> None:
        self._process = process
        self._limits = limits
        self._turn = asyncio.Lock()
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

        Raises:
            ChildFailed: The child died, was too slow, or says that it failed.
        """
        if self._process.stdin is None or self._process.stdout is None:
            raise ChildFailed("crashed", "the child has no pipes")
        async with self._turn:
            finished = False
            try:
                self._process.stdin.write(orjson.dumps(message) + b"\n")
                while not finished:
                    reply = await self._reply(self._process.stdout)
                    if "error" in reply:
                        finished = True
                        raise ChildFailed(str(reply.get("reason", "error")), str(reply["error"]))
                    finished = bool(reply.pop("last", False))
                    if reply:
                        yield reply
            except (BrokenPipeError, ConnectionResetError):
                finished = True
                raise await self._death() from None
            finally:
                if not finished:  # half-read replies would be taken for those of the next request
                    self.kill()

    async def _reply(self, stdout: asyncio.StreamReader) -> dict[str, Any]:
        try:
            async with asyncio.timeout(self._limits.wall_seconds):
                line = await stdout.readline()
        except TimeoutError:
            self.kill()
            raise ChildFailed("timeout", f"no reply for {self._limits.wall_seconds} s") from None
        except ValueError:
            self.kill()
            raise ChildFailed("error", "a reply is too long") from None
        if not line.endswith(b"\n"):
            raise await self._death()
        try:
            reply = orjson.loads(line)
        except orjson.JSONDecodeError:
            reply = None
        if not isinstance(reply, dict):
            self.kill()
            raise ChildFailed("error", "a reply is not a JSON object")
        return reply

    async def _death(self) -> ChildFailed:
        code = await self._process.wait()
        await self._drain
        reason = {-signal.SIGXCPU: "cpu-limit", -signal.SIGKILL: "killed"}.get(code, "crashed")
        detail = self._stderr.decode(errors="replace").strip()
        if reason == "crashed" and ("MemoryError" in detail or "bad_alloc" in detail):
            reason = "memory-limit"
        return ChildFailed(reason, detail or f"exit code {code}")

    async def _keep_stderr(self) -> None:
        if self._process.stderr is None:
            return
        while data := await self._process.stderr.read(_STDERR_KEPT):
            self._stderr += data
            del self._stderr[:-_STDERR_KEPT]

    def kill(self) -> None:
        """End the child at once."""
        if self.alive:
            self._process.kill()

    async def close(self) -> None:
        """End the child and wait for it."""
        self.kill()
        await self._process.wait()
        await self._drain


@asynccontextmanager
async def spawn(
    module: str, limits: Limits, *, arguments: Iterable[str] = ()
) -> AsyncGenerator[Child, None]:
    """Start ``python -m module`` with limits; it is ended when the context is left.

    The limits are set by the child itself before it imports anything but this module's
    dependencies, because a function that runs between fork and exec is unsafe with threads.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=_LINE_LIMIT,
        env={**os.environ, "PDFSLUICE_CHILD_LIMITS": _encode(limits)},
        start_new_session=True,  # a Ctrl-C in the terminal is the parent's to handle
    )
    child = Child(process, limits)
    try:
        yield child
    finally:
        await child.close()


def serve(handle: Callable[[dict[str, Any]], Iterator[Mapping[str, Any]]]) -> None:
    """Be a child: apply the limits, then answer requests until standard input ends.

    Args:
        handle: Turns a request into replies; what it raises is told to the parent.
    """
    apply_limits()
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a chatty library must not break in
    for line in sys.stdin.buffer:
        try:
            for reply in handle(orjson.loads(line)):
                replies.write(orjson.dumps(reply) + b"\n")
            replies.write(b'{"last":true}\n')
        except MemoryError:
            replies.write(b'{"error":"out of memory","reason":"memory-limit"}\n')
        except Exception as error:  # noqa: BLE001 - the parent decides what any failure means
            text = f"{type(error).__name__}: {error}"
            replies.write(orjson.dumps({"error": text[:2000]}) + b"\n")


def apply_limits() -> None:
    """Set the limits that the parent named in the environment; end with the parent."""
    encoded = os.environ.pop("PDFSLUICE_CHILD_LIMITS", "{}")
    for name, value in orjson.loads(encoded).items():
        resource.setrlimit(getattr(resource, name), (value, value))


def _encode(limits: Limits) -> str:
    values = {
        "RLIMIT_AS": limits.address_space,
        "RLIMIT_CPU": limits.cpu_seconds,
        "RLIMIT_FSIZE": limits.file_size,
        "RLIMIT_CORE": 0,
    }
    return orjson.dumps({k: v for k, v in values.items() if v is not None}).decode()
