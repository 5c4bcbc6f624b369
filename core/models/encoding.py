"""Findings and reports as JSON, for stores and for pipes between processes.

The readers name every field, so that a renamed field of a model fails a test instead of
losing stored values. They raise ``LookupError``, ``TypeError``, ``ValueError`` or
``AttributeError`` if a value has the wrong shape.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import orjson

from .findings import (
    Finding,
    Revision,
    Severity,
    StageReport,
    Trigger,
    Unscanned,
)

_MAX_INTEGER = 2**63 - 1


def to_json(value: Any) -> bytes:
    """Encode a value of JSON types; unpaired surrogates in text are replaced."""
    try:
        return orjson.dumps(value, default=_plain)
    except TypeError:  # an unpaired surrogate or a huge number from a hostile file
        return orjson.dumps(_tame(value))


def read_findings(values: Iterable[Mapping[str, Any]]) -> tuple[Finding, ...]:
    """Return the findings that :func:`to_json` encoded."""
    return tuple(
        Finding(
            kind=str(value["kind"]),
            severity=Severity(value["severity"]),
            stage=str(value["stage"]),
            message=str(value["message"]),
            advice=str(value["advice"]),
            offset=_number(value["offset"]),
            object=_number(value["object"]),
            trigger=Trigger(value["trigger"]) if value["trigger"] is not None else None,
            hidden=bool(value["hidden"]),
            revision=Revision(value["revision"]),
            excerpt=str(value["excerpt"]),
            details=dict(value["details"]),
        )
        for value in values
    )


def read_unscanned(values: Iterable[Mapping[str, Any]]) -> tuple[Unscanned, ...]:
    """Return the unscanned parts that :func:`to_json` encoded."""
    return tuple(
        Unscanned(
            stage=str(value["stage"]),
            reason=str(value["reason"]),
            message=str(value["message"]),
            offset=_number(value["offset"]),
            object=_number(value["object"]),
        )
        for value in values
    )


def read_report(value: Mapping[str, Any], *, max_entries: int) -> StageReport:
    """Return the report that :func:`to_json` encoded.

    Args:
        value: What was encoded.
        max_entries: The most findings, and the most unscanned parts, that are read.
    """
    return StageReport(
        findings=read_findings(value["findings"][:max_entries]),
        unscanned=read_unscanned(value["unscanned"][:max_entries]),
        facts=dict(value["facts"]),
        settles=frozenset(map(str, value["settles"])),
        supersedes=frozenset(map(str, value["supersedes"])),
    )


def _number(value: Any) -> int | None:
    return None if value is None else int(value)


def _plain(value: Any) -> Any:
    match value:
        case Mapping():
            return dict(value)
        case frozenset():
            return sorted(value)
    raise TypeError(f"{type(value).__name__} is no JSON type")


def _tame(value: Any) -> Any:
    match value:
        case Finding() | Unscanned() | StageReport():
            return _tame(asdict(value))
        case str():
            return value.encode("utf-8", "replace").decode()
        case Mapping():
            return {_tame(str(key)): _tame(item) for key, item in value.items()}
        case list() | tuple() | frozenset():
            return [_tame(item) for item in value]
        case int() if not isinstance(value, bool) and abs(value) > _MAX_INTEGER:
            return str(value)
        case _:
            return value
