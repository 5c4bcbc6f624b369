"""The JavaScript client in Node: unit tests, types, and a real server."""

import filecmp
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pikepdf
import pytest

from pdfsluice.core.testing.pdfs import write_large_pdf
from tests.support.deployments import ONE_SERVER, Deployed
from tests.support.servers import Serve

FOLDER = Path(__file__).parent
CLIENT = FOLDER.parents[1] / "client" / "js"
_FAILURE = re.compile(r"^ *not ok .*?^ *\.\.\.$", re.MULTILINE | re.DOTALL)  # of TAP
_SECONDS = 180
_MIB = 1024 * 1024

pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed"),
    pytest.mark.skipif(
        not (FOLDER / "node_modules" / "ws").exists(),
        reason="the test tools are not installed: npm --prefix tests/js ci",
    ),
]


def _run(*command: str | Path, environment: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(
        list(map(str, command)),
        cwd=FOLDER,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    failures = "\n".join(_FAILURE.findall(done.stdout))  # the reports of all that pass are long
    assert done.returncode == 0, failures + done.stdout[-2000:] + done.stderr[-4000:]


def _node_test(folder: str, environment: Mapping[str, str] | None = None) -> None:
    files = sorted((FOLDER / folder).glob("*.test.js"))
    assert files
    _run("node", "--test", "--test-timeout=150000", *files, environment=environment)


@pytest.mark.long
def test_the_parts_of_the_client() -> None:
    _node_test("unit")


@pytest.mark.long
def test_the_declared_types_are_those_of_the_code(tmp_path: Path) -> None:
    _run(FOLDER / "node_modules" / ".bin" / "tsc", "-p", CLIENT, "--outDir", tmp_path)
    comparison = filecmp.dircmp(CLIENT / "types", tmp_path)
    differing = comparison.diff_files + comparison.left_only + comparison.right_only
    assert differing == [], "run: npm --prefix tests/js run types"


@pytest.mark.long
@pytest.mark.skipif(
    not (FOLDER / "node_modules" / "age-encryption").exists(),
    reason="the test tools are not installed: npm --prefix tests/js ci",
)
def test_the_client_encrypts_for_recipients(serve: Serve, tmp_path: Path) -> None:
    good = tmp_path / "canal.pdf"
    write_large_pdf(good, 3 * _MIB, pages=1)
    server = serve(PDFSLUICE_PLUGINS__POLICY__PRESET="permissive")
    _node_test("encryption", {"PDFSLUICE_URL": server.base_url, "PDFSLUICE_PDF": str(good)})


@pytest.fixture
def live(request: pytest.FixtureRequest, deployment: str) -> Deployed:
    """A server that reports progress often, or the balancer of a cluster."""
    if deployment != ONE_SERVER:
        cluster: Deployed = request.getfixturevalue("deployed")
        return cluster
    serve: Serve = request.getfixturevalue("serve")
    return serve(PDFSLUICE_PROGRESS_INTERVAL="10ms")


@pytest.mark.long
def test_the_client_against_a_real_server(live: Deployed, deployment: str, tmp_path: Path) -> None:
    good = tmp_path / "canal.pdf"
    text = "Page {number}. The sluice gates of the northern canal."
    write_large_pdf(good, 12 * _MIB, pages=4, text=text)
    bad = tmp_path / "invoice.pdf"
    write_large_pdf(bad, 24 * _MIB, pages=2)
    with pikepdf.open(bad, allow_overwriting_input=True) as pdf:
        action = pikepdf.Dictionary(S=pikepdf.Name.Launch, F=pikepdf.String("calc.exe"))
        pdf.Root.OpenAction = action
        pdf.save(bad)
    names = {"PDFSLUICE_PDF": str(good), "PDFSLUICE_BAD_PDF": str(bad)}
    indexed = "yes" if deployment == ONE_SERVER else "no"
    _node_test("live", {"PDFSLUICE_URL": live.base_url, "PDFSLUICE_INDEXED": indexed, **names})
