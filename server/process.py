"""What processes of a server have in common: folders, limits and privileges."""

import errno
import fcntl
import gc
import logging
import os
import resource
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pdfsluice.config import Settings
from pdfsluice.core.directories import make_directory
from pdfsluice.core.errors import PdfsluiceError
from pdfsluice.core.processes.child import ChildFailed
from pdfsluice.core.processes.confinement import hide_memory
from pdfsluice.core.processes.cpu_affinity import keep_to_own
from pdfsluice.core.processes.probing import probe

logger = logging.getLogger(__name__)

SERVER_LOCK = "server.lock"
_MAX_OPEN_FILES = 65_536
_PRIVATE = 0o600
_PRIVATE_UMASK = 0o077
_LISTENING_HINTS = {
    errno.EACCES: "Only root may use ports below 1024: choose a higher one with --port.",
    errno.EADDRNOTAVAIL: "No network interface of this machine has the address: see --host.",
    socket.EAI_NONAME: "The name has no address: see --host.",
}


class CannotServe(PdfsluiceError):
    """The server cannot listen at the configured address, or use its folders."""

    code = "cannot-serve"


def ending_signals() -> Sequence[signal.Signals]:
    """Return the signals that end this process in order.

    A terminal that is closed sends ``SIGHUP``. Signals that are ignored stay so, as ``nohup`` and
    shells in the background arrange.
    """
    candidates = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    return [number for number in candidates if signal.getsignal(number) is not signal.SIG_IGN]


def prepare(settings: Settings) -> None:
    """Set the limits and privileges of the process, before it opens anything."""
    hide_memory()
    os.umask(_PRIVATE_UMASK)  # only the server's user reads the files of any part
    _raise_file_limit()
    if settings.stage_processes:
        keep_to_own(settings.processors)


@contextmanager
def listening(host: str, port: int) -> Iterator[None]:
    """Explain why a socket cannot listen at an address.

    Raises:
        CannotServe: The address is taken, or does not exist.
    """
    try:
        yield
    except OSError as error:
        where = f"{host}:{port}"
        if error.errno == errno.EADDRINUSE:
            raise CannotServe(
                f"{where} is taken by another program",
                hint="Stop it, or choose another port: --port 0 picks a free one.",
            ) from error
        hint = _LISTENING_HINTS.get(error.errno or 0, "")
        raise CannotServe(f"cannot listen on {where}: {_reason(error)}", hint=hint) from error


def _reason(error: OSError) -> str:
    """Return the system's words for an error; asyncio repeats the address in its own."""
    number = error.errno or 0
    return os.strerror(number) if number > 0 else error.strerror or str(error)


@contextmanager
def late_garbage() -> Iterator[None]:
    """Collect no garbage before :func:`freeze_garbage` is called.

    To look for it among modules that are being loaded takes a seventh of a server's start.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def freeze_garbage() -> None:
    """Exclude loaded objects from garbage collection, and begin with it.

    Full collections then take half as long, the longest pause that the event loop has.
    """
    gc.collect()
    gc.freeze()
    gc.enable()


@contextmanager
def exclusive(folder: Path, name: str = SERVER_LOCK) -> Iterator[None]:
    """Hold a folder: two servers would clean up each other's uploads.

    The system releases the lock when the process ends, however it ends.

    Raises:
        CannotServe: Another server holds it, or it cannot be written.
    """
    try:
        make_directory(folder)
        lock = _open_private(folder / name)
    except FileExistsError as error:
        raise CannotServe(f"cannot use {folder}: it is a file, not a folder") from error
    except OSError as error:
        raise CannotServe(
            f"cannot use the folder {folder}: {error.strerror}",
            hint="It must exist or be creatable, and this user must be able to write to it;"
            " --data-dir chooses another.",
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CannotServe(
                f"another {'server' if name == SERVER_LOCK else 'worker'} uses the folder {folder}",
                hint="Stop it, or choose other folders: --data-dir, and the settings upload_dir"
                " and state_dir if they are given.",
            ) from error
        yield


def _open_private(path: Path) -> IO[bytes]:
    """Open a file that only its owner may read, also one that an older release made."""
    flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    file = os.fdopen(os.open(path, flags, _PRIVATE), "r+b")
    os.fchmod(file.fileno(), _PRIVATE)
    return file


async def report_confinement() -> None:
    """Log which means of the kernel confine the processes that parse files."""
    try:
        protection = await probe()
    except (ChildFailed, OSError) as error:
        logger.warning("it is unknown how parsing processes are confined: %s", error)
        return
    level = logging.INFO if protection.complete else logging.WARNING
    logger.log(level, "parsing processes are confined: %s", protection)


def _raise_file_limit() -> None:
    """Raise the limit of open files for uploads and subscribers, if allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = _MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(_MAX_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
