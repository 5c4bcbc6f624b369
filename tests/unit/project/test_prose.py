"""The house style over every docstring, comment, message and page.

``python -m tests.support.prose FOLDER`` lists what a folder has still to mend.
"""

import pytest

from tests.support.prose import (
    OLD_CONSTANT,
    ROOT,
    Line,
    Offence,
    excluded,
    offences,
    tracked,
)


@pytest.fixture(scope="module")
def found() -> list[Offence]:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone")
    return list(offences(tracked()))


@pytest.mark.long
def test_no_text_has_an_excluded_wording(found: list[Offence]) -> None:
    assert [str(offence) for offence in found] == []


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
