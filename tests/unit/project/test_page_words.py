"""The page has words for what the server names."""

import re
from pathlib import Path

from pdfsluice.core import FindingKind
from pdfsluice.core.plugins.kinds import KINDS

STRINGS = Path("server/page/static/js/strings.js")


def test_each_kind_of_part_has_a_heading() -> None:
    parts = re.search(r"\n    parts: \{(.*?)\n    \}", STRINGS.read_text(), re.DOTALL)
    assert parts
    assert KINDS.keys() - set(re.findall(r"(\w+): '", parts[1])) == set()


def test_each_kind_of_finding_has_a_name() -> None:
    kinds = re.search(
        r"\n    kinds: \{\n      javascript(.*?)\n    \}", STRINGS.read_text(), re.DOTALL
    )
    assert kinds
    names = {"javascript", *re.findall(r"(\w+): '", kinds[1])}
    assert {kind.value for kind in FindingKind} - names == set()
