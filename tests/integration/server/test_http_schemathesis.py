"""The interface against its own description: schemathesis makes up requests, valid and not."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.support.web import WebServer, a_server

EXAMPLES = 6


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server in a thread of its own: the requests come from this one."""
    started = threading.Event()
    found: list[str] = []
    stop: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def run(folder: Path) -> None:
        async with a_server(folder) as web:
            await _fill(web)
            end = asyncio.Event()
            stop.append((asyncio.get_running_loop(), end))
            found.append(web.base_url)
            started.set()
            await end.wait()

    thread = threading.Thread(
        target=asyncio.run, args=(run(tmp_path_factory.mktemp("described")),), daemon=True
    )
    thread.start()
    assert started.wait(30)
    yield found[0]
    loop, end = stop[0]
    loop.call_soon_threadsafe(end.set)
    thread.join(30)


async def _fill(web: WebServer) -> None:
    """Have documents and sessions that requests may hit."""
    for number in range(3):
        await web.upload(bytes(1000 + number))


def test_the_server_keeps_its_word(address: str) -> None:
    """Every operation is called with what its description allows, and with what it does not."""
    described = schemathesis.openapi.from_url(f"{address}/openapi.json")
    found = [result for result in described.get_all_operations() if isinstance(result, Ok)]
    operations = [result.ok() for result in found]
    assert len(operations) > 20
    for operation in operations:
        _call(operation.as_strategy(generation_mode=GenerationMode.POSITIVE), _accepts)
        with suppress(Unsatisfiable):  # an operation without input has no wrong input
            _call(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE), _answers)


def _accepts(case: schemathesis.Case[Any]) -> None:
    """What the description allows is refused for its meaning at most, never for its form."""
    response = case.call()
    case.validate_response(response, excluded_checks=[positive_data_acceptance])
    assert response.status_code != 400, response.text


def _answers(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate()


def _call(
    cases: SearchStrategy[schemathesis.Case[Any]], check: Callable[[schemathesis.Case[Any]], None]
) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def call(case: schemathesis.Case[Any]) -> None:
        check(case)

    call()
