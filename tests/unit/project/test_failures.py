"""Each failure in the page on clusters names a test that exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/explanation/cluster.md"
TESTS = re.findall(r"\| `([\w/]+\.py)::(\w+)` \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
MIN_FAILURES = 20


@pytest.mark.parametrize(("file", "test"), TESTS)
def test_the_test_of_a_failure_exists(file: str, test: str) -> None:
    definitions = ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8")))
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    assert test in {node.name for node in definitions if isinstance(node, kinds)}


def test_every_failure_of_the_table_names_a_test() -> None:
    rows = re.findall(r"^\| (?!failure|---)", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) == len(TESTS) >= MIN_FAILURES
