"""Replies reach the requests that they belong to, whatever a child sends."""

from typing import Any

import orjson
import pytest

from pdfsluice.core.processes.exchange import ChildFailed, Exchange
from pdfsluice.core.processes.wire import unpack


class Wire:
    """Both ends of an exchange, without a process."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.exchange = Exchange(self.lines.append)

    def sent(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.lines]


@pytest.fixture
def wire() -> Wire:
    return Wire()


async def test_answers_in_any_order_reach_their_requests(wire: Wire) -> None:
    answers = [wire.exchange.begin({"n": number}) for number in range(3)]
    assert [each["n"] for each in wire.sent()] == [0, 1, 2]
    for request in reversed(wire.sent()):
        wire.exchange.receive({"id": request["id"], "n": request["n"], "end": True})
    assert [await answer for answer in answers] == [{"n": 0}, {"n": 1}, {"n": 2}]


async def test_earlier_replies_come_before_the_answer(wire: Wire) -> None:
    replies: list[dict[str, Any]] = []
    answer = wire.exchange.begin({}, replies.append)
    number = wire.sent()[0]["id"]
    wire.exchange.receive({"id": number, "page": 1})
    wire.exchange.receive({"id": number, "page": 2})
    assert (replies, answer.done()) == ([{"page": 1}, {"page": 2}], False)
    wire.exchange.receive({"id": number, "end": True})
    assert await answer == {}


async def test_an_error_has_the_reason_of_the_child(wire: Wire) -> None:
    answer = wire.exchange.begin({})
    wire.exchange.receive(
        {"id": 0, "error": "out of memory", "reason": "memory-limit", "end": True}
    )
    with pytest.raises(ChildFailed) as caught:
        await answer
    assert (caught.value.reason, caught.value.over_limit) == ("memory-limit", True)


@pytest.mark.parametrize(
    "reply",
    [
        {"id": 7, "end": True},
        {"id": 7},
        {"id": {}, "end": True},
        {"id": [], "page": 1},
        {"id": 0, "page": 1},
    ],
    ids=["unknown", "unknown-early", "object", "list", "several"],
)
async def test_a_reply_that_no_honest_child_sends_is_refused(
    wire: Wire, reply: dict[str, Any]
) -> None:
    answer = wire.exchange.begin({})
    with pytest.raises((LookupError, TypeError)):
        wire.exchange.receive(reply)
    assert not answer.done()


async def test_replies_to_a_caller_that_has_left_are_dropped(wire: Wire) -> None:
    replies: list[dict[str, Any]] = []
    answer = wire.exchange.begin({}, replies.append)
    answer.cancel()
    wire.exchange.receive({"id": 0, "page": 1})
    wire.exchange.receive({"id": 0, "end": True})
    assert replies == []


async def test_the_end_of_the_child_fails_all_requests_and_later_ones(wire: Wire) -> None:
    failure = ChildFailed("crashed")
    answers = [wire.exchange.begin({}), wire.exchange.begin({})]
    wire.exchange.fail(failure)
    answers.append(wire.exchange.begin({}))
    for answer in answers:
        assert answer.exception() is failure
    assert len(wire.lines) == 2


@pytest.mark.parametrize("line", [b"", b"7", b"[]", b"{", b"not json", b'{"a": NaN}'])
def test_a_line_that_is_no_object_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match="not a JSON object"):
        unpack(line)
