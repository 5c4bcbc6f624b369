"""Writes the generated pages of docs/reference from the code that they describe.

``python docs/generate.py`` writes them; a test checks that they are current.
"""

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import BaseModel

from pdfsluice.config.loading import SPEC_VARIABLES
from pdfsluice.config.settings import Settings
from pdfsluice.core import errors, hookspecs, ports, stages, stores
from pdfsluice.core.explain import EXPLANATIONS
from pdfsluice.core.manager import PluginManager
from pdfsluice.plugins.pdf.report import LIMITS, PROBLEMS, UNSCANNED
from pdfsluice.server import problems
from pdfsluice.server.markdown import COMMON_CODES, http_api

REFERENCE = Path(__file__).parent / "reference"
NOTICE = "<!-- Written by docs/generate.py; change the docstrings, then run `make docs`. -->\n"
HOOK_PREFIX = "pdfsluice_register_"


def hooks_page() -> str:
    """Describe every hook and what its descriptors hold, from the docstrings."""
    lines = [
        "# Hooks",
        NOTICE,
        _text(hookspecs),
        "",
        (
            "A plugin is a module (or an object) with functions marked by"
            " `pdfsluice.core.hookspecs.hookimpl`, named by an entry point of the group"
            f" `{hookspecs.ENTRY_POINT_GROUP}`. All hooks but the first two are given one argument,"
            " [`context`](#plugincontext). [Your first plugin](../tutorial/first-plugin.md) shows"
            " a whole one."
        ),
    ]
    for name, hook in _hooks():
        lines += ["", f"## `{name}`", "", f"`{_signature(hook)}`", "", _text(hook)]
    lines += ["", "## What the objects must do", ""]
    for owner in (stages, stores, ports):
        for name, thing in vars(owner).items():
            if inspect.isclass(thing) and thing.__module__ == owner.__name__ and thing.__doc__:
                lines += _class(name, thing)
    return "\n".join(lines).rstrip() + "\n"


def _hooks() -> Iterator[tuple[str, Any]]:
    for name, value in vars(hookspecs).items():
        if name.startswith(HOOK_PREFIX):
            yield name, value


def _signature(function: Any) -> str:
    returns = get_type_hints(function)["return"]
    arguments = ", ".join(inspect.signature(function).parameters)
    (item,) = returns.__args__
    return f"({arguments}) -> Sequence[{item.__name__}]"


def _class(name: str, thing: type) -> list[str]:
    lines = ["", f"### `{name}`", "", _text(thing)]
    for method_name, method in vars(thing).items():
        function = method.fget if isinstance(method, property) else method
        if method_name.startswith("_") or not inspect.isfunction(function):
            continue
        marker = "async " if inspect.iscoroutinefunction(function) else ""
        shown = method_name if isinstance(method, property) else f"{method_name}(...)"
        lines += ["", f"**`{marker}{shown}`**", "", _text(function)]
    return lines


def settings_page() -> str:
    """List every setting with its default and its environment variable."""
    lines = [
        "# Settings",
        NOTICE,
        (
            "A value comes from the last of these that gives it: the default, the TOML file"
            " (`--config FILE` or `PDFSLUICE_CONFIG`), the environment, the command line."
            " `pdfsluice settings` shows each value with where it came from."
        ),
        "",
        (
            "Sizes are numbers of bytes or text such as `8 MiB`; durations are seconds or text such"
            " as `30s`, `15m`, `24h`, `7d`."
        ),
        "",
        "## pdfsluice",
        "",
        "| setting | default | environment | meaning |",
        "|---|---|---|---|",
    ]
    extra = {name.field: variable for variable, name in SPEC_VARIABLES.items()}
    for name, field in Settings.model_fields.items():
        if name == "plugins":
            continue
        variables = [f"`PDFSLUICE_{name.upper()}`"]
        if name in extra:
            variables.insert(0, f"`{extra[name]}`")
        lines.append(
            f"| `{name}` | {_default(Settings, name)} | {', '.join(variables)} |"
            f" {field.description} |"
        )
    for plugin, model in _sections().items():
        lines += ["", f"## `[plugins.{plugin}]`", "", _text(model), ""]
        lines += ["| setting | default | environment | meaning |", "|---|---|---|---|"]
        lines += [
            f"| `{name}` | {_default(model, name)} |"
            f" `PDFSLUICE_PLUGINS__{plugin.upper()}__{name.upper()}` | {field.description or ''} |"
            for name, field in model.model_fields.items()
        ]
    return "\n".join(lines).rstrip() + "\n"


def _sections() -> Mapping[str, type[BaseModel]]:
    manager = PluginManager.load(third_party=False)
    return {spec.name: spec.model for _, spec in sorted(manager.options(), key=_by_name)}


def _by_name(item: tuple[Any, Any]) -> str:
    return str(item[1].name)


_DEPENDING = {
    "data_dir": "`~/.local/share/pdfsluice`",
    "upload_dir": "`uploads` in `data_dir`",
    "state_dir": "`state` in `data_dir`",
    "worker_threads": "one for each core and two more, at most 16",
    "stage_processes": "one for every two cores, at least 1",
}


def _default(model: type[BaseModel], name: str) -> str:
    field = model.model_fields[name]
    if model is Settings and name in _DEPENDING:
        return _DEPENDING[name]
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, BaseModel) or (isinstance(value, dict | tuple | list) and not value):
        return "none"
    shown = model.model_construct(**{name: value}).model_dump(mode="json", include={name})[name]
    return "none" if shown in (None, "", [], {}) else f"`{shown}`"


def http_api_page() -> str:
    """Describe every operation, from the table of routes and the models."""
    lines = [
        "# HTTP interface",
        NOTICE,
        (
            "A running server shows the same at `/docs`, and as OpenAPI 3.1 at `/openapi.json`."
            " The standard protocols at `/files` and `/resumable` have"
            " [a page of their own](protocols.md), and so has [the WebSocket](websocket.md)."
        ),
        "",
        (
            "A key is shown as `Authorization: Bearer KEY` or `X-API-Key: KEY`; without configured"
            " keys the server listens on loopback and asks nobody. Errors are"
            " `application/problem+json` (RFC 9457) with a `code`, a `hint`, `details` and the"
            " `request_id` under which the server's log tells more; `Retry-After` says when to"
            " try again. Beside the codes listed with an operation, any may answer"
            f" {', '.join(f'`{code}`' for code in COMMON_CODES)}; [Error codes](errors.md) explains"
            " all of them."
        ),
    ]
    return "\n".join(lines) + "\n" + http_api()


def errors_page() -> str:
    """List every error code."""
    lines = [
        "# Error codes",
        NOTICE,
        (
            "Every error answer is `application/problem+json` (RFC 9457) with one of these as its"
            " `code`. Codes do not change their meaning. *Again* says whether the same request may"
            " succeed later without a change."
        ),
        "",
        "| code | meaning | again |",
        "|---|---|---|",
    ]
    found = {
        thing.code: thing
        for thing in (*vars(errors).values(), *vars(problems).values())
        if inspect.isclass(thing) and issubclass(thing, errors.PdfsluiceError)
    }
    for code, thing in sorted(found.items()):
        meaning = (inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " ")
        lines.append(f"| `{code}` | {meaning} | {'yes' if thing.retryable else 'no'} |")
    return "\n".join(lines) + "\n"


def findings_page() -> str:
    """List every kind of finding, and every code of a damaged file."""
    lines = [
        "# Findings",
        NOTICE,
        (
            "What the built-in stages report. `pdfsluice scan --explain KIND` shows the same;"
            " [Scanning while the file arrives](../explanation/scanning.md) says how they are"
            " found, and [the policy](../explanation/policy.md) decides what they mean."
        ),
        "",
        "The severity is the usual one; what runs an action by itself makes it graver.",
    ]
    for kind, explanation in EXPLANATIONS.items():
        lines += [
            "",
            f"## `{kind}`",
            "",
            f"**{explanation.title}** (usually {explanation.severity}). {explanation.meaning}",
            "",
            f"*What to do:* {explanation.advice}",
        ]
    lines += ["", "## Codes of `malformed`", "", "| `details.code` | meaning |", "|---|---|"]
    lines += [f"| `{code}` | {meaning} |" for code, meaning in PROBLEMS.items()]
    lines += ["", "## Codes of `resource_limit`", "", "| `details.code` | meaning |", "|---|---|"]
    lines += [f"| `{code}` | {meaning} |" for code, meaning in LIMITS.items()]
    lines += ["", "## Reasons of `unscanned`", "", "| `reason` | meaning |", "|---|---|"]
    lines += [f"| `{code}` | {meaning} |" for code, meaning in UNSCANNED.items()]
    return "\n".join(lines) + "\n"


def _text(thing: Any) -> str:
    """Return a docstring as Markdown: Google-style sections become bold words."""
    lines: list[str] = []
    in_section = False
    for line in (inspect.getdoc(thing) or "").replace("``", "`").splitlines():
        if line.removesuffix(":") in _SECTIONS:
            in_section = True
            lines += [f"**{line.removesuffix(':')}**", ""]
        elif in_section and line.startswith("    "):
            entry = line[4:]
            lines.append(entry if entry.startswith(" ") else f"- {entry}")
        else:
            in_section = in_section and not line.strip()
            lines.append(line)
    text = "\n".join(lines).replace(":class:", "").replace(":meth:", "")
    return text.replace("`~pdfsluice.core.errors.", "`")


_SECTIONS = frozenset({"Args", "Attributes", "Returns", "Raises"})

PAGES: Mapping[str, Callable[[], str]] = {
    "hooks.md": hooks_page,
    "settings.md": settings_page,
    "http-api.md": http_api_page,
    "errors.md": errors_page,
    "findings.md": findings_page,
}


def main() -> int:
    """Write all pages."""
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page(), encoding="utf-8")
        sys.stdout.write(f"docs/reference/{name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
