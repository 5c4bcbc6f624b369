"""The child's side of ``core/processes/child.py``: limits, and answers to requests."""

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

ENVIRONMENT = "PDFSLUICE_CHILD_LIMITS"
"""The variable in which a child finds its limits."""
UNFLUSHED = "at-once"
"""Marks a request whose one reply need not be flushed early: the parent is woken only once."""
READY = "ready"
"""Marks the first message of a child; its value is the protection that holds for it."""
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


def serve(handle: Callable[[dict[str, Any]], Iterator[Mapping[str, Any]]]) -> None:
    """Serve as a child: apply the limits, then answer requests until standard input ends.

    Args:
        handle: Returns the replies to a request; what it raises is reported to the parent.
    """
    with _conversation() as (limits, replies):
        replies.write(_ready() + b"\n")
        replies.flush()
        for line in sys.stdin.buffer:
            _meter(limits)
            request = orjson.loads(line)
            unflushed = request.pop(UNFLUSHED, False)
            for reply in _answers(handle, request):
                replies.write(reply)
                if not unflushed:
                    replies.flush()
                _set_alarm(limits)
            replies.flush()
            signal.setitimer(signal.ITIMER_REAL, 0)


class Pipe:
    """The messages of a child that answers in several threads; see :func:`serve_in_threads`.

    The thread that receives a message answers it: no message is passed between threads.
    """

    def __init__(self, replies: BinaryIO) -> None:
        self._replies = replies
        self._reading = threading.Lock()
        self._writing = threading.Lock()

    def receive(self) -> bytes:
        """Wait for a message; empty when there will be no more."""
        with self._reading:
            return sys.stdin.buffer.readline()

    def send(self, message: bytes) -> None:
        """Send a message."""
        with self._writing:
            self._replies.write(message + b"\n")
            self._replies.flush()


def serve_in_threads(
    begin: Callable[[Pipe, bytes], Callable[[bytes], bytes]], *, threads: int
) -> None:
    """Serve as a child that answers several requests at a time, in any order.

    No clock watches its requests, and it fails as a whole: the parent has to know what is
    lost with it. It ends with its standard input, whatever its threads do then. For
    :meth:`pdfsluice.core.processes.child.Child.post`.

    Args:
        begin: Receives the pipe and its first message; returns the function that answers
            each further message, and never raises.
        threads: How many requests are answered at a time.
    """
    with _conversation() as (_, replies):
        pipe = Pipe(replies)
        answer = begin(pipe, pipe.receive())
        pipe.send(_ready())

        def work() -> None:
            code = 1
            try:
                while message := pipe.receive():
                    pipe.send(answer(message))
                code = 0
            except BaseException:  # noqa: BLE001 - the other threads must not live on without it
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)

        for _ in range(threads - 1):
            threading.Thread(target=work).start()
        work()


def _ready() -> bytes:
    return orjson.dumps({READY: asdict(protection())})


@contextmanager
def _conversation() -> Iterator[tuple[Limits, BinaryIO]]:
    """Apply the limits, and keep standard output for replies: no chatty library breaks in."""
    limits = _apply_limits()
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as replies:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        yield limits, replies


def _answers(
    handle: Callable[[dict[str, Any]], Iterator[Mapping[str, Any]]], request: dict[str, Any]
) -> Iterator[bytes]:
    try:
        for reply in handle(request):
            yield orjson.dumps(reply) + b"\n"
    except MemoryError:
        yield b'{"error":"out of memory","reason":"memory-limit"}\n'
    except Exception as error:  # noqa: BLE001 - the parent decides what any failure means
        text = f"{type(error).__name__}: {error}"
        yield orjson.dumps({"error": text[:2000].encode(errors="replace").decode()}) + b"\n"
    else:
        yield b'{"last":true}\n'


def _apply_limits() -> Limits:
    limits = Limits(**orjson.loads(os.environ.pop(ENVIRONMENT, "{}")))
    _lower("RLIMIT_AS", limits.address_space)
    _lower("RLIMIT_FSIZE", limits.file_size)
    _lower("RLIMIT_CORE", 0)
    os.nice(limits.niceness)
    return limits


def _lower(name: str, value: int | None) -> None:
    """Set a limit that the child cannot lift again, and never above the one it came with."""
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
