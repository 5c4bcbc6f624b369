"""Writes the generated pages of docs/reference from the code that they describe.

``python docs/generate.py`` writes them; a test checks that they are current.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import describe
from client_page import client_page
from command_page import command_page
from findings_page import findings_page
from http_reference import COMMON_CODES, http_api
from misdeeds_page import misdeeds_page
from prometheus_client.parser import text_string_to_metric_families
from pydantic import BaseModel
from testing_page import testing_page

from pdfsluice.client.errors import ClientError
from pdfsluice.config.environment import SPEC_VARIABLES
from pdfsluice.config.settings import Settings
from pdfsluice.core import errors
from pdfsluice.core.events.hub import EventHub
from pdfsluice.core.models import documents, events, findings, jobs, ranges, sessions
from pdfsluice.core.plugins import hookspecs
from pdfsluice.core.plugins.manager import PluginManager
from pdfsluice.core.plugins.parts import Part, PartCounts, PluginInfo
from pdfsluice.core.plugins.ports.blobs import StoreUsage
from pdfsluice.core.plugins.ports.sinks import EventSinkSpec
from pdfsluice.core.uploads.service import UploadStats
from pdfsluice.server.api import reference_page as manual
from pdfsluice.server.app import ERRORS
from pdfsluice.server.metrics import Metrics
from pdfsluice.server.problems import status_of
from pdfsluice.server.transport.event_loop import FairEventLoop

PORTS = (
    *("stages", "streams", "checksums", "blobs", "objects", "sessions", "cluster", "catalogue"),
    *("opening", "access", "quotas", "sinks", "policy", "documents", "recognition", "ranking"),
    *("links", "children", "context"),
)
REFERENCE = Path(__file__).parent / "reference"
NOTICE = "<!-- Written by docs/generate.py; change the docstrings, then run `make docs`. -->\n"
HOOK_PREFIX = "pdfsluice_register_"


def hooks_page() -> str:
    """Describe every hook, what it returns, and what the objects in that must do."""
    lines = [
        "# Hooks",
        NOTICE,
        describe.prose(hookspecs),
        "",
        (
            "A plugin is a module (or an object) with functions marked by"
            " `pdfsluice.core.plugins.hookspecs.hookimpl`, named by an entry point of the group"
            f" `{hookspecs.ENTRY_POINT_GROUP}`. All hooks but the first two are given one argument,"
            " [`context`](#plugincontext). [Your first plugin](../tutorial/first-plugin.md) shows"
            " a whole one, [more plugins](../how-to/write-plugins.md) shorter ones."
        ),
        "",
        (
            "Descriptors (`...Spec`) take their fields by keyword. The objects in them need no base"
            " class: what has the methods of a protocol below is one. Sessions, documents, findings"
            " and events are described in [Models](models.md)."
        ),
    ]
    for name, hook in _hooks():
        descriptor = hook.__annotations__["return"].removeprefix("Sequence[").removesuffix("]")
        link = f"[`{descriptor}`](#{descriptor.lower()})"
        lines += [
            "",
            f"## `{name}`",
            "",
            f"`{describe.signature(hook)}`; see {link}",
            "",
            describe.prose(hook),
        ]
    for port in PORTS:
        lines += describe.module(import_module(f"pdfsluice.core.plugins.ports.{port}"))
    return "\n".join(lines).rstrip() + "\n"


def models_page() -> str:
    """Describe what plugins are given and what they return."""
    lines = [
        "# Models",
        NOTICE,
        (
            "The arguments and results of [hooks](hooks.md) and of the objects that they register."
            " All of them are frozen: `dataclasses.replace` makes a changed copy."
        ),
    ]
    for module in (findings, sessions, documents, jobs, ranges, events):
        lines += describe.module(module)
    lines += ["", f"## `{errors.__name__}`", "", describe.prose(errors), ""]
    lines += ["[Error codes](errors.md) lists all classes; those not below take the same arguments"]
    lines += ["as `PdfsluiceError`."]
    for name, thing in describe.classes(errors):
        if "__init__" in vars(thing):
            lines += [
                "",
                f"### `{name}`",
                "",
                f"`{name}{describe.signature(thing)}`",
                "",
                describe.prose(thing),
            ]
    return "\n".join(lines).rstrip() + "\n"


def _hooks() -> Iterator[tuple[str, Any]]:
    for name, value in vars(hookspecs).items():
        if name.startswith(HOOK_PREFIX):
            yield name, value


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
            " as `30s`, `15m`, `24h`, `7d`. In the environment, lists and tables are written as in"
            " JSON, or as TOML has them, lists of text also with commas:"
            """ `PDFSLUICE_CORS_ORIGINS='https://app.example,https://other.example'`,"""
            """ `PDFSLUICE_PLUGINS__POLICY__RULES='[{"kind": "launch", "decision": "reject"}]'`."""
        ),
        "",
        "## pdfsluice",
        "",
        "| setting | default | environment | meaning |",
        "|---|---|---|---|",
    ]
    extra = {name.field: variable for variable, name in SPEC_VARIABLES.items()}
    for name, field in Settings.model_fields.items():
        variables = [f"`PDFSLUICE_{name.upper()}`"]
        if name in extra:
            variables.insert(0, f"`{extra[name]}`")
        lines.append(
            f"| `{name}` | {_default(Settings, name)} | {', '.join(variables)} |"
            f" {field.description} |"
        )
    for plugin, model in _sections().items():
        lines += ["", f"## `[plugins.{plugin}]`", "", describe.prose(model), ""]
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
            "Send a key as `Authorization: Bearer KEY` or `X-API-Key: KEY`. Without configured"
            " keys the server listens on loopback only and requires none. Errors are"
            " `application/problem+json` (RFC 9457) with a `code`, a `hint`, `details` and the"
            " `request_id` under which the server's log has more; `Retry-After` gives the seconds"
            " to wait. In addition to the codes listed with an operation, any may answer"
            f" {', '.join(f'`{code}`' for code in COMMON_CODES)}; [Error codes](errors.md) explains"
            " all of them. [Metrics](metrics.md) lists what `/metrics` returns."
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
            " `code`. Codes do not change their meaning. *Again* is `yes` if the same request may"
            " succeed later without a change. The class is the one that plugins raise,"
            " [from `pdfsluice.core.errors`](models.md#pdfsluicecoreerrors)."
        ),
        "",
        "| code | meaning | status | again | class |",
        "|---|---|---|---|---|",
    ]
    for code, kind in sorted(ERRORS.items()):
        again = "yes" if kind.retryable else "no"
        name = f"`{kind.__name__}`" if kind.__module__ == errors.__name__ else ""
        meaning = describe.cell(manual.explanation(kind))
        lines.append(f"| `{code}` | {meaning} | {status_of(kind)} | {again} | {name} |")
    lines += [
        "",
        (
            "An event about a background job may have the code `job-failed`: a plugin failed with"
            " an error of its own. [tus](../how-to/use-tus.md#what-the-answers-mean) and"
            " [the IETF protocol](../how-to/use-ietf-resumable-uploads.md#answers) answer some"
            " of these with other statuses."
        ),
        "",
        "## Codes of the Python client",
        "",
        "The client and the command add these;",
        "[the JavaScript client](javascript-client.md#errors) has others.",
        "",
        "| code | meaning |",
        "|---|---|",
    ]
    lines += [f"| `{code}` | {text} |" for code, text in sorted(_client_codes().items())]
    return "\n".join(lines) + "\n"


def _client_codes() -> Mapping[str, str]:
    kinds = ClientError.__subclasses__()
    own = {kind.default_code: manual.explanation(kind) for kind in kinds}
    return {code: own[code] for code in own.keys() - ERRORS.keys()} | {
        "client-error": "Something else went wrong in the client; see the message.",
        "download-running": "Another program is downloading the same document to the same file.",
        "ca-invalid": "The file with certificates cannot be read, or holds none.",
        "file-empty": "The local file has no bytes.",
        "file-exists": "There is a file where the download should be put.",
        "file-unreadable": "The local file cannot be read.",
        "key-invalid": "A key to encrypt for is not public, or a file holds no secret key.",
        "decryption-failed": "The downloaded file is not encrypted for this key, or damaged.",
        "extra-missing": "A package is not installed; the hint names the extra.",
        "file-unwritable": "The download cannot be written.",
        "http-NNN": "An answer with this HTTP status and without a code, such as a proxy's.",
        "option-invalid": "An option of the upload has an invalid value.",
        "proxy-unsupported": "The proxy that the environment names is not an HTTP proxy.",
        "size-unknown": "The client that began the upload has not announced the size of the file.",
        "import-failed": "The document is stored, and its import or its indexing has failed.",
    }


def metrics_page() -> str:
    """List every metric of the server's own, from what a server with one of each thing returns."""
    lines = [
        "# Metrics",
        NOTICE,
        (
            "What `/metrics` returns for Prometheus, in addition to the usual ones of the process"
            " (`process_...`). A histogram has the series `..._bucket`, `..._sum` and `..._count`."
        ),
        "",
        "| metric | type | labels | meaning |",
        "|---|---|---|---|",
    ]
    with asyncio.Runner(loop_factory=FairEventLoop) as runner:
        text = runner.run(_metrics_after_one_of_each())
    for family in text_string_to_metric_families(text):
        if family.name.startswith("pdfsluice_") and not family.name.endswith("_created"):
            name = family.name + ("_total" if family.type == "counter" else "")
            labels = {label: None for sample in family.samples for label in sample.labels}
            cell = ", ".join(f"`{label}`" for label in labels if label != "le")
            lines.append(f"| `{name}` | {family.type} | {cell} | {family.documentation} |")
    return "\n".join(lines) + "\n"


async def _metrics_after_one_of_each() -> str:
    """Return the text format with every label, which only shows where something was counted."""
    metrics = Metrics()
    hub = EventHub()
    metrics.watch({Part("", "", PluginInfo("", "", "", "")): PartCounts()}, hub)
    finding = findings.Finding(
        kind="javascript", severity=findings.Severity.LOW, stage="any", message=""
    )
    about = {"at": 0.0, "session_id": "", "owner": ""}
    await metrics.handle(events.FindingsReported(**about, findings=(finding,)))
    await metrics.handle(
        events.UploadStatus(**about, status="completed", stage="completed", message="")
    )
    await metrics.handle(events.ImportEnded(**about, document_id=1, state="done"))
    metrics.answered("GET", "/health", 200, 0.0)
    store = StoreUsage(partial_count=0, partial_bytes=0, available_bytes=0)
    stats = UploadStats(active_sessions=0, receiving_uploads=0, committed_bytes=0, store=store)
    async with hub.running([EventSinkSpec(name="any", sink=metrics)]):
        body, _ = metrics.render(stats, watchers=0, damaged=0, strays=0)
    return body.decode()


PAGES: Mapping[str, Callable[[], str]] = {
    "hooks.md": hooks_page,
    "models.md": models_page,
    "settings.md": settings_page,
    "http-api.md": http_api_page,
    "errors.md": errors_page,
    "metrics.md": metrics_page,
    "findings.md": partial(findings_page, NOTICE),
    "cli.md": command_page,
    "python-client.md": partial(client_page, NOTICE),
    "testing.md": partial(testing_page, NOTICE),
    "misdeeds.md": partial(misdeeds_page, NOTICE),
}


def main() -> int:
    """Write all pages."""
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page(), encoding="utf-8")
        sys.stdout.write(f"docs/reference/{name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
