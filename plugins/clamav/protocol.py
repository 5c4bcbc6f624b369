"""The INSTREAM command of clamd: length-prefixed pieces out, one line back."""

import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

_ANSWER_LIMIT = 4096
_TCP = "tcp:"


class ClamdError(Exception):
    """clamd cannot be reached, went away, or reports an error."""


class LimitReachedError(ClamdError):
    """clamd was sent more than its StreamMaxLength."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of clamd about a stream.

    Attributes:
        signature: The name of the signature that matched; empty if none did.
    """

    signature: str


def parse_address(address: str) -> str | tuple[str, int]:
    """Return the path of a local socket, or host and port.

    Raises:
        ValueError: It is neither.
    """
    if address.startswith(_TCP):
        host, _, port = address.removeprefix(_TCP).rpartition(":")
        if not host or not port.isdigit():
            raise ValueError("a TCP address is written as tcp:HOST:PORT")
        return host.strip("[]"), int(port)
    path = address.removeprefix("unix:")
    if not path.startswith("/"):
        raise ValueError("a local socket is written as an absolute path")
    return path


def ping(address: str, *, seconds: float) -> None:
    """Ask clamd whether it is there.

    Raises:
        ClamdError: It is not, or does not answer within ``seconds``.
    """
    with _connect(parse_address(address), seconds) as line:
        try:
            line.sendall(b"zPING\0")
            answer = line.recv(_ANSWER_LIMIT)
        except OSError as error:
            raise ClamdError(f"clamd does not answer at {address}: {error}") from error
    if answer != b"PONG\0":
        raise ClamdError(f"what answers at {address} is no clamd")


class Instream:
    """One stream to clamd. Blocks; used by one thread at a time.

    Raises:
        ClamdError: clamd cannot be reached.
    """

    def __init__(self, address: str, *, connect_seconds: float, answer_seconds: float) -> None:
        self._patience = answer_seconds
        self._socket = _connect(parse_address(address), connect_seconds)
        self._socket.settimeout(answer_seconds)
        try:
            self._socket.sendall(b"zINSTREAM\0")
        except OSError as error:
            self.close()
            raise ClamdError(f"clamd hung up: {error}") from error

    def send(self, data: memoryview) -> None:
        """Show clamd the next bytes.

        Raises:
            ClamdError: clamd went away.
            LimitReachedError: It has seen more than it accepts.
        """
        if not data:  # a piece of length 0 ends the stream
            return
        try:
            self._socket.sendall(struct.pack("!I", len(data)))
            self._socket.sendall(data)
        except OSError as error:
            raise self._reason(error) from error

    def finish(self) -> Verdict:
        """End the stream and return clamd's verdict.

        Raises:
            ClamdError: clamd went away, or could not scan the stream.
            LimitReachedError: It has seen more than it accepts.
        """
        try:
            self._socket.sendall(struct.pack("!I", 0))
            return _verdict(self._answer())
        except OSError as error:
            raise self._reason(error) from error

    def close(self) -> None:
        """Close the connection."""
        with suppress(OSError):
            self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _answer(self) -> str:
        answer = b""
        while not answer.endswith(b"\0") and len(answer) < _ANSWER_LIMIT:
            piece = self._socket.recv(_ANSWER_LIMIT)
            if not piece:
                break
            answer += piece
        return answer.rstrip(b"\0\n").decode(errors="replace")

    def _reason(self, error: OSError) -> ClamdError:
        """Read the answer that clamd sent before it hung up, if it did both."""
        if isinstance(error, TimeoutError):  # it would let us wait as long again
            return ClamdError(f"clamd neither read nor answered for {self._patience:g} seconds")
        with suppress(OSError):
            try:
                _verdict(self._answer())
            except ClamdError as reason:
                return reason
        return ClamdError(f"clamd hung up: {error}")


def _connect(address: str | tuple[str, int], seconds: float) -> socket.socket:
    try:
        if isinstance(address, tuple):
            return socket.create_connection(address, timeout=seconds)
        local = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            local.settimeout(seconds)
            local.connect(address)
        except OSError:
            local.close()
            raise
    except OSError as error:
        reason = error.strerror or error
        raise ClamdError(f"clamd cannot be reached at {address}: {reason}") from error
    return local


def _verdict(answer: str) -> Verdict:
    text = answer.removeprefix("stream: ")
    if text == "OK":
        return Verdict("")
    if text.endswith(" FOUND"):
        return Verdict(text.removesuffix(" FOUND"))
    if "size limit exceeded" in text:
        raise LimitReachedError("clamd accepts less than 'stream_max_length' allows")
    raise ClamdError(f"clamd answered {text!r}" if text else "clamd hung up without an answer")
