"""The page on the architecture is true: its diagram and its functions exist."""

import ast
import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/explanation/architecture.md"
DIAGRAMS = runpy.run_path(str(ROOT / "docs/diagrams.py"))
MAX_FILES_ON_THE_WAY = 15

WAY = re.findall(r"\| `([\w/]+\.py):([\w.]+)` \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize(("page", "name"), DIAGRAMS["PARTS"])
def test_a_generated_part_is_current(page: str, name: str) -> None:
    text = (ROOT / "docs/explanation" / page).read_text(encoding="utf-8")
    written = DIAGRAMS["replaced"](text, name, DIAGRAMS["PARTS"][page, name]())
    assert text == written, "run `make docs`"


@pytest.mark.parametrize(("file", "function"), WAY)
def test_each_function_on_the_way_of_a_chunk_exists(file: str, function: str) -> None:
    body = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
    for name in function.split("."):
        definitions = {
            node.name: node.body
            for node in body
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert name in definitions, f"{file} has no {function}"
        body = definitions[name]


def test_the_way_of_a_chunk_is_short() -> None:
    assert len(WAY) > 10
    assert len({file for file, _ in WAY}) < MAX_FILES_ON_THE_WAY
