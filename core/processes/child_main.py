"""The side of a confined child process: its limits and its answers."""

import gc
import os
import resource
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from .confinement import protection
from .wire import END, ERROR, ID, READY, REASON, pack, unpack

ENVIRONMENT = "PDFSLUICE_CHILD_LIMITS"
"""The variable in which a child finds its limits."""
_ALARM_MARGIN_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a child may use.

    Attributes:
        address_space: Bytes of address space; ``None`` for no limit. Mapped files count.
        cpu_seconds: Processor time of one request; ``None`` for no limit.
        wall_seconds: Seconds from the request to its first reply, and from reply to reply.
        file_size: Bytes that a file written by the child may have; ``None`` for no limit.
        niceness: How far the child stands back for others, 0 to 19.
        apart: Whether it keeps off the server's processors where those are shared out: for
            children on which uploads wait. See ``core/processes/cpu_affinity.py``.
    """

    address_space: int | None = None
    cpu_seconds: int | None = None
    wall_seconds: float = 60.0
    file_size: int | None = None
    niceness: int = 0
    apart: bool = False


Handler = Callable[[dict[str, Any]], Mapping[str, Any] | Iterator[Mapping[str, Any]]]
"""Returns the reply to a request, or yields several; what it raises goes to the parent."""


class Pipe:
    """The messages of a child; several threads may use it."""

    def __init__(self, replies: BinaryIO) -> None:
        self._replies = replies
        self._reading = threading.Lock()
        self._writing = threading.Lock()

    def receive(self) -> dict[str, Any] | None:
        """Wait for a message; ``None`` when there will be no more."""
        with self._reading:
            line = sys.stdin.buffer.readline()
        return unpack(line) if line else None

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message."""
        self.write(pack(message))

    def write(self, line: bytes) -> None:
        """Send a message that is packed already."""
        with self._writing:
            self._replies.write(line)
            self._replies.flush()


def serve(handle: Handler) -> None:
    """Apply the limits, then answer requests until standard input ends.

    Args:
        handle: Answers a request.
    """
    with _conversation() as (limits, pipe):
        _report_ready(pipe)
        while (request := pipe.receive()) is not None:
            _meter(limits)
            for line in _answers(handle, request):
                pipe.write(line)
                _set_alarm(limits)
            signal.setitimer(signal.ITIMER_REAL, 0)


def serve_in_threads(begin: Callable[[Pipe, dict[str, Any]], Handler], *, threads: int) -> None:
    """Serve as a child that answers several requests at a time, in any order.

    No clock watches its requests, and it fails as a whole: the parent has to know what is
    lost with it. It ends with its standard input, whatever its threads do then. The thread
    that receives a request answers it: no message is passed between threads.

    Args:
        begin: Receives the pipe and the first message, which has no answer; returns the
            function that answers each request.
        threads: How many requests are answered at a time.
    """
    with _conversation() as (_, pipe):
        handle = begin(pipe, pipe.receive() or {})
        _report_ready(pipe)

        def work() -> None:
            code = 1
            try:
                while (request := pipe.receive()) is not None:
                    for line in _answers(handle, request):
                        pipe.write(line)
                code = 0
            except BaseException:  # noqa: BLE001 - the other threads must not live on without it
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)

        for _ in range(threads - 1):
            threading.Thread(target=work).start()
        work()


def _report_ready(pipe: Pipe) -> None:
    """Report that requests may come; what is loaded now is never visited as garbage."""
    gc.freeze()
    gc.enable()
    pipe.send({READY: asdict(protection())})


@contextmanager
def _conversation() -> Iterator[tuple[Limits, Pipe]]:
    """Apply the limits, and reserve standard output for replies.

    What a library prints goes to standard error.
    """
    limits = _apply_limits()
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as replies:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        yield limits, Pipe(replies)


def _answers(handle: Handler, request: dict[str, Any]) -> Iterator[bytes]:
    """Yield the replies to a request as lines, each as soon as it is there."""
    number = request.pop(ID)
    last: Mapping[str, Any] = {}
    try:
        result = handle(request)
        if isinstance(result, Mapping):
            yield pack({ID: number, **result, END: True})
            return
        for reply in result:
            yield pack({ID: number, **reply})
    except MemoryError:
        last = {ERROR: "out of memory", REASON: "memory-limit"}
    except Exception as error:  # noqa: BLE001 - the parent decides what any failure means
        last = {ERROR: f"{type(error).__name__}: {error}"[:2000]}
    yield pack({ID: number, **last, END: True})


def _apply_limits() -> Limits:
    limits = Limits(**orjson.loads(os.environ.pop(ENVIRONMENT, "{}")))
    _lower("RLIMIT_AS", limits.address_space)
    _lower("RLIMIT_FSIZE", limits.file_size)
    _lower("RLIMIT_CORE", 0)
    return limits


def _lower(name: str, value: int | None) -> None:
    """Set a limit that the child cannot raise, never above the inherited one."""
    number = getattr(resource, name)
    _, hard = resource.getrlimit(number)
    if value is not None:
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        with suppress(OSError, ValueError):  # macOS refuses some; the clocks still hold
            resource.setrlimit(number, (value, value))


def _meter(limits: Limits) -> None:
    """Give the next request its processor time, and wind the alarm."""
    if limits.cpu_seconds is not None:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        used = int(usage.ru_utime + usage.ru_stime) + 1
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        allowed = used + limits.cpu_seconds
        soft = allowed if hard == resource.RLIM_INFINITY else min(allowed, hard)
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))
    _set_alarm(limits)


def _set_alarm(limits: Limits) -> None:
    """Set the alarm; it has no handler, so that it ends the child even in native code."""
    signal.setitimer(signal.ITIMER_REAL, limits.wall_seconds + _ALARM_MARGIN_SECONDS)


def path_to_text(path: Path) -> str:
    """Return a path as text for a request, whatever bytes its name has."""
    return os.fsencode(path).decode("latin-1")


def path_from_text(text: str) -> Path:
    """Return the path that :func:`path_to_text` was given."""
    return Path(os.fsdecode(text.encode("latin-1")))
