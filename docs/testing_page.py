"""Writes the reference page of contract suites and doubles, from their code."""

import ast
import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, is_dataclass

import describe

from pdfsluice.cli import testing as command_testing
from pdfsluice.core import testing
from pdfsluice.core.testing import contracts
from pdfsluice.core.testing.contracts import samples

_HEAD = """\
# Testing plugins
{notice}
A suite is a pytest class for one kind of part. Derive a class whose name begins with `Test`,
override its fixtures, and run pytest with pytest-asyncio (`asyncio_mode = "auto"`). Each test is
a rule that the server relies on. [`pdfsluice new-plugin`](cli.md) writes a part of any kind with
its suite; [Write plugins](../how-to/write-plugins.md) lists what each kind is for.

```python
import pytest
from pdfsluice.core.testing.contracts import GateContract


class TestMyGate(GateContract):
    @pytest.fixture
    def gate(self):
        return MyGate()
```

A fixture of a suite may be a coroutine, an asynchronous generator (to close what it opens), or
have parameters; the rules then run for each of them. A part that takes long to open, such as one
with child processes, can be shared by all rules: give the class `pytestmark =
pytest.mark.asyncio(loop_scope="module")`, and open the part in a fixture of the module with
`@pytest_asyncio.fixture(scope="module", loop_scope="module")`.

A store that outlives its process has a fixture `reopen`: a function without arguments that
returns an asynchronous context manager. Each time it is entered, the same store is open; the
rules close it and open it again.

## Suites

| part | suite | fixtures to override | rules |
|---|---|---|---|"""
_PARTS = {
    "StreamStageContract": "stream stage",
    "ChunkStageContract": "chunk stage",
    "CompletionStageContract": "completion stage",
    "ChecksumContract": "checksum",
    "GateContract": "gate",
    "AuthenticatorContract": "authenticator",
    "PolicyContract": "policy",
    "ImporterContract": "importer",
    "TextExtractorContract": "text extractor",
    "TextRecognizerContract": "text recognizer",
    "PageRendererContract": "page renderer",
    "IndexContract": "index",
    "RerankerContract": "re-ranker",
    "LinkSignerContract": "link signer",
    "EventSinkContract": "event sink",
    "UploadStoreContract": "upload store whose blobs are in one piece",
    "SegmentedUploadStoreContract": "upload store whose extents have places of their own",
    "DerivingStoreContract": "upload store that keeps what was made from documents",
    "ReachableStoreContract": "upload store that clients reach themselves",
    "ObjectStoreContract": "object store, for `open_segmented_store`",
    "SessionStoreContract": "session store",
    "CatalogueContract": "catalogue",
    "CommandContract": "command",
}
"""Every suite, in the order of the page, with the part that it is for."""


@dataclass(frozen=True, slots=True)
class Fixture:
    """A fixture of a suite.

    Attributes:
        text: Its docstring.
        required: Whether a class has to override it.
        sources: The fixtures that it is made from.
    """

    name: str
    type: str
    text: str
    required: bool
    sources: tuple[str, ...]


def testing_page(notice: str) -> str:
    """Return the page, in Markdown."""
    lines = [_HEAD.format(notice=notice)]
    suites = {name: _suite(name) for name in _PARTS}
    for name, suite in suites.items():
        fixtures = [f"`{each.name}`" for each in _fixtures(suite) if each.required]
        lines.append(
            f"| {_PARTS[name]} | [`{name}`](#{name.lower()}) | {', '.join(fixtures)}"
            f" | {len(_rules(suite))} |"
        )
    for name, suite in suites.items():
        lines += ["", f"### `{name}`", "", f"From `{_home(name)}`. {describe.prose(suite)}", ""]
        lines += ["| fixture | type | override | meaning |", "|---|---|---|---|"]
        lines += [_fixture_row(each) for each in _fixtures(suite)]
        lines += ["", "Rules:", ""]
        lines += [f"- {rule}" for rule in _rules(suite)]
    lines += ["", "## What fixtures return"]
    for name in contracts.__all__:
        thing = getattr(contracts, name)
        if is_dataclass(thing):
            lines += ["", f"### `{name}`", "", describe.prose(thing, without="Attributes"), ""]
            lines += describe.table(thing)
    lines += ["", "## Doubles", "", _doubles()]
    for name in testing.__all__:
        thing = getattr(testing, name)
        lines += ["", f"### `{name}`", "", f"`{name}{describe.signature(thing)}`", ""]
        lines += [describe.prose(thing)]
        lines += describe.methods(thing) if name == "RecordingSink" else ()
    lines += ["", "## Samples", "", f"From `{samples.__name__}`."]
    for name, thing in vars(samples).items():
        if inspect.isfunction(thing) and thing.__module__ == samples.__name__:
            lines += ["", f"**`{name}{describe.signature(thing)}`**", "", describe.prose(thing)]
    return "\n".join(lines).rstrip() + "\n"


def _doubles() -> str:
    return (
        f"From `{testing.__name__}`. They have the methods of their ports, keep the same"
        " contracts as the real ones, and need no pytest."
    )


def _home(name: str) -> str:
    return (contracts if hasattr(contracts, name) else command_testing).__name__


def _suite(name: str) -> type:
    suite: type = getattr(contracts, name, None) or getattr(command_testing, name)
    return suite


def _functions(suite: type) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield the methods of a suite; those that it inherits come after its own."""
    names: set[str] = set()
    for owner in suite.__mro__[:-1]:
        tree = ast.parse(inspect.getsource(inspect.getmodule(owner) or owner))
        (definition,) = (
            each
            for each in tree.body
            if isinstance(each, ast.ClassDef) and each.name == owner.__name__
        )
        for function in definition.body:
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                if function.name not in names:
                    yield function
                names.add(function.name)


def _fixtures(suite: type) -> Sequence[Fixture]:
    """Return the fixtures to override; those that are made from others are left out."""
    fixtures = [
        Fixture(
            name=function.name,
            type=ast.unparse(function.returns) if function.returns else "",
            text=ast.get_docstring(function) or "",
            required="NotImplementedError" in ast.unparse(function),
            sources=tuple(each.arg for each in function.args.args[1:]),
        )
        for function in _functions(suite)
        if any("fixture" in ast.unparse(mark) for mark in function.decorator_list)
    ]
    required = {fixture.name for fixture in fixtures if fixture.required}
    own = [each for each in fixtures if not required >= {*each.sources} or not each.sources]
    derived = [each for each in fixtures if each not in own and each.name in (suite.__doc__ or "")]
    return sorted([*own, *derived], key=lambda fixture: not fixture.required)


def _fixture_row(fixture: Fixture) -> str:
    override = "always" if fixture.required else "if needed"
    return (
        f"| `{fixture.name}` | `{describe.cell(fixture.type)}` | {override} |"
        f" {describe.cell(fixture.text) or 'The part that is tested.'} |"
    )


def _rules(suite: type) -> Sequence[str]:
    rules = []
    for function in _functions(suite):
        if function.name.startswith("test_"):
            sentence = function.name.removeprefix("test_").replace("_", " ").capitalize()
            text = describe.cell(ast.get_docstring(function) or "")
            rules.append(f"{sentence}.{' ' + text if text else ''}")
    return rules
