"""The commands of the documentation, run.

The shell commands of a page run in their order, in a new home directory, against a real
server. A page needs an entry in ``SHELL`` only if it takes something for
granted (files, an upload, a key), or shows what cannot be run here.
"""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.documents import ADDRESS, ROOT, commands, pages_with
from tests.support.reader import DATA, environment
from tests.support.servers import Serve
from tests.support.shares import share

SECONDS = 120
COSTLY = {
    "docs/how-to/choose-an-embedding-model.md",
    "docs/how-to/deploy.md",
    "docs/how-to/limit-bandwidth.md",
    "docs/how-to/manage-jobs.md",
    "docs/how-to/manage-keys.md",
    "docs/how-to/redirect-downloads.md",
    "docs/how-to/replace-a-document.md",
    "docs/how-to/resume-an-upload.md",
    "docs/how-to/run-a-cluster.md",
    "docs/how-to/scan-files.md",
    "docs/how-to/search-documents.md",
    "docs/how-to/set-quotas.md",
    "docs/how-to/upload-past-the-server.md",
    "docs/how-to/use-ietf-resumable-uploads.md",
    "docs/how-to/use-tus.md",
    "docs/how-to/write-plugins.md",
}
"""Pages whose commands take 1 s of CPU time and more, for what README.md and other tests do."""


@dataclass(frozen=True)
class Shell:
    """How the shell commands of one page are run.

    Attributes:
        prepare: Shell code for what the page takes for granted.
        put: What stands in for the placeholders of the page; may name variables.
        after: Shell code after a command; its output is in the file ``out``.
        codes: Exit codes other than 0.
        skip: Why a command is not run. ``""`` stands for the whole page.

    The last three are found by what a command begins with.
    """

    prepare: str = ""
    put: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, int] = field(default_factory=dict)
    skip: Mapping[str, str] = field(default_factory=dict)


EVERYWHERE: Mapping[str, str] = {
    "pdfsluice serve": "the server of the test was started with these arguments",
    "make ": "see test_make_knows_its_targets",
    "python3 -m venv": "takes a package index; tests/unit/project/test_packages.py installs",
    ".venv/bin/pip install": "as above",
    "pip install": "as above",
}
PART = """
ID=$(curl -si -X POST "$PDFSLUICE_SERVER/resumable" -H 'Upload-Complete: ?0' \
  -H 'Upload-Draft-Interop-Version: 8' --data-binary @<(head -c 4194304 large.pdf) |
  tr -d '\\r' | sed -n 's/^Location: .*resumable.//p' | tail -n 1)
"""
SHELL: Mapping[str, Shell] = {
    "docs/how-to/choose-an-embedding-model.md": Shell(
        prepare="pdfsluice upload report.pdf",
        skip={"PDFSLUICE_PLUGINS__INDEX__API_KEY": "there is no such service here"},
    ),
    "docs/how-to/deploy.md": Shell(
        put={"sudo -u pdfsluice /opt/pdfsluice/bin/": "", "/var/lib/pdfsluice": "$HOME/deployed"},
        skip=dict.fromkeys(
            ("sudo useradd", "sudo install", "sudo python3", "sudo /opt/", "sudo systemctl"),
            "changes the machine",
        ),
    ),
    "docs/how-to/encrypt-uploads.md": Shell(
        skip={"": "tests/integration/client/test_client_encryption.py"}
    ),
    "docs/how-to/manage-jobs.md": Shell(
        skip={
            "pdfsluice jobs retry": "tests/integration/server/test_jobs.py",
            "pdfsluice jobs cancel": "as above",
        }
    ),
    "docs/how-to/manage-keys.md": Shell(
        put={"b002c77a": "$ID"},
        after={"pdfsluice keys add": "KEY=$(cat out); ID=$(cut -d_ -f2 out)"},
    ),
    "docs/how-to/read-analytics.md": Shell(
        prepare="export PDFSLUICE_API_KEY=$(pdfsluice keys add root --scope metrics --scope admin);"
        " KEY=$PDFSLUICE_API_KEY"
    ),
    "docs/how-to/redirect-downloads.md": Shell(
        skip={"curl": "tests/integration/server/test_redirected_downloads.py"}
    ),
    "docs/how-to/release-from-quarantine.md": Shell(
        skip={"": "tests/integration/client/test_client_quarantine.py"}
    ),
    "docs/how-to/replace-a-document.md": Shell(
        prepare="pdfsluice upload report.pdf; echo '% edited' >> report.pdf"
    ),
    "docs/how-to/run-a-cluster.md": Shell(
        skip={
            **dict.fromkeys(("cd deploy", "docker ", "aws "), "tests/cluster/test_deployment.py"),
            "pdfsluice work": "tests/integration/server/test_work.py",
        }
    ),
    "docs/how-to/scan-files.md": Shell(
        codes={"pdfsluice scan invoice.pdf": 3, "pdfsluice scan --json archive/": 3}
    ),
    "docs/how-to/read-markdown.md": Shell(prepare="pdfsluice upload report.pdf --wait"),
    "docs/how-to/search-documents.md": Shell(prepare="pdfsluice upload report.pdf --index --wait"),
    "docs/how-to/set-quotas.md": Shell(
        prepare="export PDFSLUICE_API_KEY=$(pdfsluice keys add root --scope read --scope admin)"
    ),
    "docs/how-to/upload-past-the-server.md": Shell(
        skip={"BASE=": "tests/integration/server/test_direct_uploads.py", "curl": "as above"}
    ),
    "docs/how-to/use-ietf-resumable-uploads.md": Shell(prepare=PART, put={"/ID": "/$ID"}),
    "docs/how-to/use-postgresql.md": Shell(skip={"": "tests/contract/test_postgresql.py"}),
    "docs/how-to/use-uppy.md": Shell(skip={"npm install": "tests/browser/test_uppy.py"}),
    "docs/reference/protocols.md": Shell(skip={"pytest": "is a part of the whole suite"}),
    "docs/tutorial/first-plugin.md": Shell(skip={"": "tests/e2e/test_tutorial.py"}),
}


def begins(command: str, table: Mapping[str, str]) -> str | None:
    return next((key for key in table if command.startswith(key)), None)


def script(page: Shell, typed: list[str], base_url: str) -> Iterator[str]:
    """Yield the lines of a script that types the commands and minds their exit codes."""
    yield "set -uo pipefail"
    yield page.prepare
    for command in typed:
        filled = command.replace(ADDRESS, base_url)
        for placeholder, value in page.put.items():
            filled = filled.replace(placeholder, value)
        yield f"echo {shlex.quote('$ ' + filled)} >&2"
        yield f"{{ {filled}\n}} >out; code=$?; cat out"
        expected = next((n for key, n in page.codes.items() if command.startswith(key)), 0)
        yield f'[ "$code" = {expected} ] || {{ echo "ended with $code" >&2; exit 1; }}'
        yield from (code for key, code in page.after.items() if command.startswith(key))


@pytest.mark.parametrize("name", share(pages_with("sh", "console"), every=5, nightly=COSTLY))
def test_commands_do_what_their_page_claims(name: str, home: Path, serve: Serve) -> None:
    page = SHELL.get(name, Shell())
    typed = commands(name)
    left_out = {**page.skip, **EVERYWHERE}
    run = [command for command in typed if begins(command, left_out) is None]
    if not run:
        return  # every command is accounted for above
    tools = {tool for tool in ("curl", "jq") if any(tool in command for command in run)}
    if missing := [tool for tool in tools if shutil.which(tool) is None]:
        pytest.skip(f"not installed: {', '.join(missing)}")
    told = next((each for each in typed if each.startswith("pdfsluice serve")), "")
    server = serve(arguments=shlex.split(told)[2:], data_dir=home / DATA)
    done = subprocess.run(
        ["bash", "-c", "\n".join(script(page, run, server.base_url))],
        cwd=home,
        env=environment(home, server.base_url),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, (
        f"{done.stdout}{done.stderr}\nCorrect {name}, or say in SHELL of {__file__}"
        " what it takes for granted or why a command cannot be run here."
    )


def test_entries_are_for_commands_that_are_there() -> None:
    for name, page in SHELL.items():
        typed = commands(name)
        for key in [*page.after, *page.codes, *page.skip]:
            assert begins_any(key, typed), f"{name}: no command begins with {key!r}"
        for placeholder in page.put:
            assert any(placeholder in command for command in typed), f"{name}: {placeholder}"


def begins_any(key: str, typed: list[str]) -> bool:
    return any(command.startswith(key) for command in typed)


def test_make_knows_its_targets() -> None:
    """Targets that are named in any text, not only those in blocks."""
    texts = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    found = [re.findall(r"(?m)(?:`|^)make ([a-z]+)", text.read_text()) for text in texts]
    named = {target for targets in found for target in targets}
    known = set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text()))
    assert {"demo", "test"} <= named <= known


def test_extras_that_are_named_exist() -> None:
    texts = "\n".join(text.read_text() for text in (ROOT / "docs").rglob("*.md"))
    project = (ROOT / "pyproject.toml").read_text()
    for extra in set(re.findall(r"pdfsluice\[(\w+)\]", texts)):
        assert re.search(rf"(?m)^{extra} = \[", project), extra
