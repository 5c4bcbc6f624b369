"""The reference is complete: plugins and requests can be written from it."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from types import ModuleType

import pytest

from pdfsluice import client
from pdfsluice.cli.new_plugin import Kind
from pdfsluice.cli.testing import CommandContract
from pdfsluice.core import testing
from pdfsluice.core.models import documents, events, findings, jobs, ranges, sessions
from pdfsluice.core.plugins.ports import blobs, catalogue, context, stages
from pdfsluice.core.plugins.ports import sessions as session_ports
from pdfsluice.core.testing import contracts
from pdfsluice.server.api.requests import ChunkQuery, DocumentsQuery, SearchRequest

ROOT = Path(__file__).parents[3]
REFERENCE = ROOT / "docs" / "reference"
DESCRIBED = {
    **dict.fromkeys((stages, blobs, session_ports, catalogue, context), "hooks.md"),
    **dict.fromkeys((findings, sessions, documents, jobs, ranges, events), "models.md"),
}


def page(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def classes_of(module: ModuleType) -> Iterator[type]:
    for thing in vars(module).values():
        if inspect.isclass(thing) and thing.__module__ == module.__name__:
            yield thing


def section(module: ModuleType, thing: type) -> str:
    """Return the reference of a class, from its module on."""
    _, found, of_module = page(DESCRIBED[module]).partition(f"\n## `{module.__name__}`\n")
    assert found, module.__name__
    _, found, of_class = of_module.partition(f"\n### `{thing.__name__}`\n")
    assert found, thing.__name__
    return re.split(r"\n##", of_class)[0]


@pytest.mark.parametrize("module", DESCRIBED, ids=lambda module: str(module.__name__))
def test_classes_are_described_with_all_that_they_have(module: ModuleType) -> None:
    for thing in classes_of(module):
        _check_description(section(module, thing), thing)


def _check_description(text: str, thing: type) -> None:
    if is_dataclass(thing):
        for field in fields(thing):
            row = rf"\n\| `{field.name}` \| `[^`]+` \| (?:required|`[^`]+`) \| \S[^|]{{5,}} \|\n"
            assert re.search(row, text), field.name
    if issubclass(thing, Enum):
        assert all(f"\n- `{member.name}` (" in text for member in thing)
    for name, method in vars(thing).items():
        if not name.startswith("_") and inspect.isfunction(method):
            (shown,) = re.findall(rf"\n\*\*`(?:async )?{name}(\(.*\) -> .+)`\*\*\n", text)
            parameters = list(inspect.signature(method).parameters)[1:]
            assert re.findall(r"(?:^\(|\*\*|, )(\w+): ", shown) == parameters


@pytest.mark.parametrize("name", ["hooks.md", "models.md", "errors.md"])
def test_nothing_is_left_of_the_marks_of_docstrings(name: str) -> None:
    assert re.findall(r":\w+:`|``\w|\(\.\.\.\)|pdfsluice\.core\.errors\.", page(name)) == []


def test_whether_an_update_replaces_or_adds_is_documented() -> None:
    text = (
        section(catalogue, catalogue.Catalogue).partition("`async update(")[2].partition("\n**`")[0]
    )
    assert "`metadata` is merged" in text
    assert "`findings` are\n    added" in text


def test_every_code_that_the_client_makes_is_listed() -> None:
    sources = [
        file.read_text() for folder in ("client", "cli") for file in (ROOT / folder).rglob("*.py")
    ]
    made = {
        code
        for text in sources
        for code in re.findall(r'\b(?:default_)?code\b ?= ?"([a-z-]+)"', text)
    }
    assert {"file-changed", "unreachable", "unexpected-answer", "import-failed"} <= made
    assert {code for code in made if f"\n| `{code}` | " not in page("errors.md")} == set()


def test_a_code_means_something_of_its_own() -> None:
    rows = re.findall(r"(?m)^\| `([a-z-]+)` \| (.+?) \|", page("errors.md"))
    meanings = [meaning for _, meaning in rows]
    assert len(set(meanings)) == len(meanings)
    assert "unexpectedly" in dict(rows)["internal-error"]


def test_metrics_that_any_page_names_are_listed() -> None:
    pages = [*(ROOT / "docs").rglob("*.md")]
    named = {
        name for file in pages for name in re.findall(r"`(pdfsluice_\w+?)[`{]", file.read_text())
    }
    hooks = {name for name in named if name.startswith("pdfsluice_register_")}
    listed = set(re.findall(r"(?m)^\| `(\w+)`", page("metrics.md")))
    assert "pdfsluice_event_loop_turn_seconds" in listed
    assert named - hooks - {"pdfsluice_wordwatch"} <= listed


def test_every_path_parameter_is_listed_with_its_operation() -> None:
    operations = re.findall(r"(?s)\n### `[A-Z]+ (/\S+)`\n(.*?)(?=\n##)", page("http-api.md"))
    assert len(operations) > 20
    for path, text in operations:
        for name in re.findall(r"\{(\w+)\}", path):
            assert f"\n| `{name}` | path | " in text, path


@pytest.mark.parametrize(
    ("model", "field"),
    [(DocumentsQuery, "limit"), (SearchRequest, "top_k"), (ChunkQuery, "chunk_id")],
)
def test_the_range_of_a_number_is_named(model: type, field: str) -> None:
    schema = model.model_json_schema()["properties"][field]  # type: ignore[attr-defined]
    schema = next((kind for kind in schema.get("anyOf", ()) if "maximum" in kind), schema)
    row = rf"\n\| `{field}`[^\n]*integer, {schema['minimum']:,} to {schema['maximum']:,}"
    assert re.search(row, page("http-api.md"))


def test_every_reason_for_not_looking_is_listed() -> None:
    sources = [file.read_text() for file in (ROOT / "plugins").rglob("*.py")]
    given = {
        reason
        for text in sources
        for reason in re.findall(r'(?:reason=|_blind\(|INTERRUPTED = )"([a-z-]+)"', text)
    }
    assert {"nested-document", "password", "interrupted", "flood"} <= given
    listed = page("findings.md").partition("## Reasons of")[2]
    assert {reason for reason in given if f"\n| `{reason}` | " not in listed} == set()


def test_every_suite_is_described_with_its_rules() -> None:
    suites = {name: getattr(contracts, name) for name in contracts.__all__}
    suites = {name: suite for name, suite in suites.items() if name.endswith("Contract")}
    suites["CommandContract"] = CommandContract
    for name, suite in suites.items():
        _, found, section = page("testing.md").partition(f"\n### `{name}`\n")
        assert found, name
        rules = [each for each in dir(suite) if each.startswith("test_")]
        assert re.split(r"\n##", section)[0].count("\n- ") == len(rules), name


def test_every_double_and_every_name_of_the_client_is_described() -> None:
    for name in testing.__all__:
        assert f"\n### `{name}`\n" in page("testing.md")
    for name in dir(client):
        assert f"`{name}`" in page("python-client.md") or name == "Client", name
    methods = {name for name in vars(client.Client) if not name.startswith("_")}
    assert all(
        re.search(rf"\n\*\*`(async )?{name}\(", page("python-client.md")) for name in methods
    )


def test_the_table_of_parts_names_every_template() -> None:
    how_to = (ROOT / "docs/how-to/write-plugins.md").read_text(encoding="utf-8")
    assert {kind.value for kind in Kind} == set(re.findall(r"`--kind ([a-z-]+)` \|", how_to))
