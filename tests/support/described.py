"""The interface against its own description, with schemathesis."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.support.shares import examples


def check_operations(address: str) -> None:
    """Call every operation with what its description allows, and what it does not."""
    described = schemathesis.openapi.from_url(f"{address}/openapi.json")
    found = [result for result in described.get_all_operations() if isinstance(result, Ok)]
    operations = [result.ok() for result in found]
    assert len(operations) > 20
    for operation in operations:
        _call(operation.as_strategy(generation_mode=GenerationMode.POSITIVE), _accepts)
        with suppress(Unsatisfiable):  # an operation without input has no wrong input
            _call(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE), _answers)


def _accepts(case: schemathesis.Case[Any]) -> None:
    """What the description allows is never refused for its form.

    That one parameter must not be later than another cannot be described.
    """
    response = case.call()
    case.validate_response(response, excluded_checks=[positive_data_acceptance])
    assert response.status_code != 400 or "'from' is later than 'to'" in response.text


def _answers(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate()


def _call(
    cases: SearchStrategy[schemathesis.Case[Any]], check: Callable[[schemathesis.Case[Any]], None]
) -> None:
    @settings(
        max_examples=examples(6, least=2),
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def call(case: schemathesis.Case[Any]) -> None:
        check(case)

    call()
