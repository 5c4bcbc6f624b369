"""Requests to one child process and the replies to them, matched by id."""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from typing import Any

from .wire import END, ERROR, ID, REASON, pack

Answer = asyncio.Future[dict[str, Any]]
"""The last reply to a request; its exception is a :class:`ChildFailed`."""


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


class Exchange:
    """The requests to a child that are not answered yet.

    Args:
        send: Sends a line to the child.
    """

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._ids = itertools.count()
        self._open: dict[int, tuple[Answer, Callable[[dict[str, Any]], None] | None]] = {}
        self._failure: ChildFailed | None = None

    def begin(
        self,
        request: Mapping[str, Any],
        on_reply: Callable[[dict[str, Any]], None] | None = None,
    ) -> Answer:
        """Send a request; return its future last reply.

        Args:
            request: Any JSON object without an ``id``.
            on_reply: Receives each earlier reply; without it there may be none.
        """
        answer: Answer = asyncio.get_running_loop().create_future()
        answer.add_done_callback(_retrieve)
        if self._failure is not None:
            answer.set_exception(self._failure)
            return answer
        number = next(self._ids)
        self._open[number] = answer, on_reply
        self._send(pack({ID: number, **request}))
        return answer

    def receive(self, reply: dict[str, Any]) -> None:
        """Pass a reply to the caller that waits for it.

        Raises:
            LookupError, TypeError: No honest child sends it.
        """
        number, is_last = reply.pop(ID), reply.pop(END, False)
        answer, on_reply = self._open.pop(number) if is_last else self._open[number]
        if answer.cancelled():
            return
        if not is_last:
            if on_reply is None:
                raise TypeError("several replies instead of one")
            on_reply(reply)
        elif ERROR in reply:
            reason = str(reply.get(REASON, "error"))
            answer.set_exception(ChildFailed(reason, str(reply[ERROR])))
        else:
            answer.set_result(reply)

    def fail(self, failure: ChildFailed) -> None:
        """Raise the failure in all callers: the child has ended."""
        self._failure = failure
        for answer, _ in self._open.values():
            if not answer.done():
                answer.set_exception(failure)
        self._open.clear()


def _retrieve(answer: Answer) -> None:
    """Mark the exception as seen: the caller may have left."""
    if not answer.cancelled():
        answer.exception()
