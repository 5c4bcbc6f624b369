"""`pdfsluice new-plugin`: write a distribution with one part and its test."""

import keyword
import re
import sys
from collections.abc import Mapping
from enum import StrEnum
from importlib import resources
from pathlib import Path
from string import Template
from typing import Annotated

import typer
from rich.markup import escape

from pdfsluice.core.errors import Conflict, ProtocolError

from .console import out
from .exits import Exit
from .failures import report

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_TEMPLATE = "pdfsluice.cli.template"
_MAX_NAME = 60
_TAKEN = frozenset({*keyword.kwlist, *keyword.softkwlist, *sys.stdlib_module_names, "pdfsluice"})


_SERVED = "`pdfsluice plugins` lists the part. The server uses it from its next start on."
_CHOSEN = 'Choose it in the settings of the server: `{setting} = "{name}"`.'


class Kind(StrEnum):
    """Kinds of parts, each with a template."""

    STREAM_STAGE = "stream-stage"
    CHUNK_STAGE = "chunk-stage"
    COMPLETION_STAGE = "completion-stage"
    CHECKSUM = "checksum"
    GATE = "gate"
    AUTHENTICATOR = "authenticator"
    POLICY = "policy"
    IMPORTER = "importer"
    TEXT_EXTRACTOR = "text-extractor"
    TEXT_RECOGNIZER = "text-recognizer"
    PAGE_RENDERER = "page-renderer"
    INDEX = "index"
    RERANKER = "reranker"
    LINK_SIGNER = "link-signer"
    EVENT_SINK = "event-sink"
    UPLOAD_STORE = "upload-store"
    SESSION_STORE = "session-store"
    CATALOGUE = "catalogue"
    COMMAND = "command"


_CHOSEN_KINDS = frozenset(
    {
        Kind.POLICY,
        Kind.INDEX,
        Kind.RERANKER,
        Kind.LINK_SIGNER,
        Kind.UPLOAD_STORE,
        Kind.SESSION_STORE,
        Kind.CATALOGUE,
    }
)
_TOOLS = '"pytest", "pytest-asyncio"'
_WITH_WORKER = frozenset({Kind.TEXT_EXTRACTOR, Kind.PAGE_RENDERER})


def new_plugin(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the distribution, such as acme-words.")
    ],
    kind: Annotated[
        Kind, typer.Option("--kind", "-k", help="The part that the plugin has.")
    ] = Kind.STREAM_STAGE,
    *,
    folder: Annotated[
        Path, typer.Option("--in", metavar="FOLDER", help="Folder in which to create it.")
    ] = Path(),
) -> None:
    """Write an installable distribution with one part of a plugin and its test.

    Exit codes: 0 it was written; 1 there is something of that name already; 2 the command
    line is wrong.
    """
    target = folder / name
    try:
        contents = files(name, kind)
    except ProtocolError as error:
        report(error)
        raise typer.Exit(Exit.USAGE) from None
    for path, text in contents.items():
        if path == Path("pyproject.toml"):
            _make(target)
        (target / path).parent.mkdir(exist_ok=True)
        (target / path).write_text(text, encoding="utf-8")
    location, part = escape(str(target)), kind.value.replace("-", " ")
    out.print(f"Wrote the {part} [bold]{name}[/] to {location}.", soft_wrap=True)
    out.print(
        f"Next: pip install -e '{location}\\[test]' && pytest {location} && pdfsluice plugins",
        soft_wrap=True,
    )


def files(name: str, kind: Kind) -> Mapping[Path, str]:
    """Return the files of a new plugin, by their path in its folder.

    Raises:
        ProtocolError: The name is no good name of a distribution.
    """
    if not _NAME.fullmatch(name) or len(name) > _MAX_NAME or module_of(name) in _TAKEN:
        raise ProtocolError(
            f"{name[:_MAX_NAME]!r} cannot be the name of a plugin.",
            hint="Use lower-case letters, digits and single hyphens, such as acme-words; words of"
            " Python and names of its modules are taken.",
        )
    part = kind.value.replace("-", "_")
    modules = {module_of(name): part}
    if kind in _WITH_WORKER:
        modules[f"{module_of(name)}_worker"] = f"{part}_worker"
    sources = {
        Path("pyproject.toml"): "pyproject",
        Path("README.md"): "readme",
        **{Path(f"{module}.py"): source for module, source in modules.items()},
        Path("tests", f"test_{module_of(name)}.py"): f"{part}_test",
    }
    article = "An" if kind.value[0] in "aeiou" else "A"
    values = {
        "name": name,
        "module": module_of(name),
        "modules": ", ".join(f'"{module}"' for module in modules),
        "dependencies": '"pdfsluice", "pypdfium2"' if kind in _WITH_WORKER else '"pdfsluice"',
        "kind": f"{article} {kind.value.replace('-', ' ')}",
        "tools": _TOOLS + (', "pillow"' if kind is Kind.TEXT_RECOGNIZER else ""),
        "use": _use(name, kind),
    }
    folder = resources.files(_TEMPLATE)
    return {
        path: Template(folder.joinpath(f"{source}.txt").read_text("utf-8")).substitute(values)
        for path, source in sources.items()
    }


def module_of(name: str) -> str:
    """Return the name of the module of a plugin."""
    return name.replace("-", "_")


def _use(name: str, kind: Kind) -> str:
    """Return how the part is put to use."""
    if kind is Kind.COMMAND:
        return f"`pdfsluice {name}` runs the command."
    if kind in _CHOSEN_KINDS:
        return _CHOSEN.format(setting=kind.value.replace("-", "_"), name=name)
    return _SERVED


def _make(target: Path) -> None:
    try:
        target.mkdir(parents=True)
    except FileExistsError:
        raise Conflict(
            f"{target} exists already.", hint="Choose another name, or delete it first."
        ) from None
