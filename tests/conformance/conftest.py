"""Conformance of any server to tus, resumable uploads and pdfsluice's interface.

``pytest tests/conformance --pdfsluice-url http://host:8000`` tests a server that runs already;
without the option a server of our own is started, and clusters of servers behind a balancer.
"""

import itertools
import uuid
from collections.abc import Callable

import pytest

from pdfsluice.core.testing.pdfs import make_pdf
from tests.conformance.ietf import Ietf
from tests.conformance.tus import Tus
from tests.conformance.wire import Server
from tests.support.deployments import ONE_SERVER


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformance")
    group.addoption("--pdfsluice-url", help="server to test; by default one is started")
    group.addoption("--pdfsluice-key", help="API key to send as a bearer token")
    group.addoption("--tus-path", help="creation URL of tus; default /files")
    group.addoption("--ietf-path", help="target of resumable uploads; default /resumable")


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest, deployment: str) -> Server:
    """The server or cluster under test."""
    key = request.config.getoption("--pdfsluice-key", None)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    url = request.config.getoption("--pdfsluice-url", None)
    if url and deployment != ONE_SERVER:
        pytest.skip("--pdfsluice-url names what is tested")
    return Server(url or request.getfixturevalue("deployed").base_url, headers)


@pytest.fixture(scope="session")
def new_pdf() -> Callable[[int], bytes]:
    """Make a PDF of at least a number of bytes; no two are alike."""
    run, numbers = uuid.uuid4().hex, itertools.count()

    def new(size: int = 0) -> bytes:
        return make_pdf([f"{run} {next(numbers)}"], noise_per_page=size)

    return new


@pytest.fixture(scope="session")
def tus(request: pytest.FixtureRequest, target: Server) -> Tus:
    """The tus endpoint of the server under test; tests skip if there is none."""
    endpoint = Tus(target, request.config.getoption("--tus-path", None) or "/files")
    if "Tus-Version" not in endpoint.options.headers:
        pytest.skip("the server does not speak tus")
    endpoint.need("creation")
    return endpoint


@pytest.fixture(scope="session")
def ietf(request: pytest.FixtureRequest, target: Server) -> Ietf:
    """Resumable uploads on the server under test; tests skip if there are none."""
    endpoint = Ietf(target, request.config.getoption("--ietf-path", None) or "/resumable")
    if "application/partial-upload" not in endpoint.options.headers.listed("Accept-Patch"):
        pytest.skip("the server does not offer resumable uploads for HTTP")
    return endpoint
