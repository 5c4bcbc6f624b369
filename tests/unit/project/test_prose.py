"""The house style over every docstring, comment, message and page: plain words of the field.

``python -m tests.support.prose FOLDER`` lists what a folder has still to mend.
"""

from collections import Counter
from collections.abc import Mapping

import pytest

from tests.support.prose import (
    OLD_CONSTANT,
    ROOT,
    Line,
    Offence,
    excluded,
    offences,
    room_of,
    tracked,
)

ALLOWED: Mapping[str, int] = {
    ".": 10,
    "benchmarks/load": 9,
    "benchmarks/peers": 5,
    "benchmarks/soak": 6,
    "benchmarks/support": 5,
    "config": 10,
    "core": 30,
    "core/documents": 6,
    "core/plugins": 51,
    "core/processes": 16,
    "core/uploads": 3,
    "docs": 11,
    "docs/explanation": 57,
    "docs/how-to": 32,
    "docs/reference": 144,
    "docs/tutorial": 4,
    "plugins/api_keys": 15,
    "plugins/backpressure": 4,
    "plugins/checksum": 3,
    "plugins/digest": 1,
    "plugins/progress_log": 1,
    "server": 38,
    "server/api": 34,
    "server/multipart": 9,
    "server/protocols": 38,
    "server/transport": 39,
    "server/websocket": 1,
    "tests/browser": 5,
    "tests/conformance": 11,
    "tests/e2e": 7,
    "tests/integration": 43,
    "tests/js": 20,
    "tests/third_party": 1,
    "tests/unit": 37,
}
"""Excluded wordings that a room still has; these numbers only shrink. Other rooms have none."""


@pytest.fixture(scope="module")
def found() -> list[Offence]:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone")
    return list(offences(tracked()))


def test_no_room_has_more_excluded_wordings_than_allowed(found: list[Offence]) -> None:
    counts = Counter(offence.room for offence in found)
    over = {room for room, count in counts.items() if count > ALLOWED.get(room, 0)}
    assert [str(offence) for offence in found if offence.room in over] == []


def test_every_allowance_is_of_a_room_that_exists() -> None:
    assert set(ALLOWED) <= {room_of(file.relative_to(ROOT).as_posix()) for file in tracked()}


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("R1", "Whoever waits in finish gets the reason."),
        ("R1", "Told to nobody"),
        ("R1", "It asks who calls."),
        ("R2", "Where a checksum is announced, nothing is committed before."),
        ("R2", "All is done. Where there is none, it is made."),
        ("R2", "The bytes behind the frontier"),
        ("R2", "Reads it anew"),
        ("R2", "many at once"),
        ("R2", "many at\nonce"),
        ("R2", "the upload goes on"),
        ("R3", "Tells how far the upload has come."),
        ("R3", "An upload that is put away"),
        ("R3", "lets go of the lock"),
        ("R3", "is taken for a crash"),
    ],
)
def test_the_patterns_find_what_they_are_for(rule: str, text: str) -> None:
    block = [Line(number, line) for number, line in enumerate(text.splitlines(), 1)]
    assert rule in {found for _, found, _ in excluded(block)}


@pytest.mark.parametrize(
    "text",
    [
        "People who run a server behind a reverse proxy.",
        "The folder where uploads are stored.",
        "If a checksum was announced, nothing is committed until it matches.",
        "Where is the data?",
    ],
)
def test_plain_wording_is_allowed(text: str) -> None:
    assert list(excluded([Line(1, text)])) == []


def test_constants_are_named_for_the_bound_that_they_are() -> None:
    old = ["_MOST_AHEAD", "_LONGEST_PAUSE", "_PATIENCE", "_PAGES_AT_ONCE"]
    new = ["_MAX_OPEN_UPLOADS", "_MAX_BACKOFF_SECONDS", "_TIMEOUT_SECONDS", "DEFAULT_SIZE"]
    assert [name for name in [*old, *new] if OLD_CONSTANT.fullmatch(name)] == old
