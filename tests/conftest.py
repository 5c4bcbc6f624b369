"""Fixtures for every test: real servers, and their logs if a test fails.

Tests run in several processes (pytest-xdist), each with a server of its own. Tests that share
an expensive fixture of a module stay in one process.
"""

import gc
import itertools
import re
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.support.deployments import (
    backends,
    clusters,
    deployed,
    deployment,
    drill,
    mark_of,
)
from tests.support.preloaded import preloaded_parent
from tests.support.servers import RunningServer, Serve, Started, serving
from tests.support.shares import WHOLE_PROFILE, examples

__all__ = ["backends", "clusters", "deployed", "deployment", "drill"]  # fixtures

gc.disable()  # until the tests are collected: nothing of that can be freed

# No test asserts a time; pytest-timeout ends hangs.
hypothesis.settings.register_profile(WHOLE_PROFILE, deadline=None)
hypothesis.settings.register_profile(
    "quick", deadline=None, max_examples=examples(100), derandomize=True, database=None
)
hypothesis.settings.load_profile("quick")

_LAST_FAILED = "cache/lastfailed"
_GROUP = re.compile(r"@[^\]@]*$")  # pytest-xdist adds it; values of parameters end with "]"
_SERVERS = pytest.StashKey[Started]()


def pytest_configure() -> None:
    """Let children be interrupted, also if these tests were started in the background.

    A shell starts background jobs with SIGINT ignored, and nohup ignores SIGHUP; children would
    inherit that. A handler of this process is reset to the default in theirs.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None]:
    """Keep tests that share a fixture of their module together, in one process."""
    for item in items:
        if isinstance(item, pytest.Function):
            if group := _group_of(item):
                item.add_marker(pytest.mark.xdist_group(group))
            if mark := mark_of(item):
                item.add_marker(mark)
    yield
    if getattr(config.option, "loadgroup", False) and not all(map(_is_grouped, items)):
        raise pytest.UsageError("pytest-xdist and this version of pytest form no groups of tests")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect garbage from here on, without a visit of all that was imported and collected."""
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Store failed tests without their group, or ``--last-failed`` finds none of them."""
    cache = getattr(session.config, "cache", None)  # -p no:cacheprovider
    if cache is None or hasattr(session.config, "workerinput"):
        return
    failed = cache.get(_LAST_FAILED, {})
    cache.set(_LAST_FAILED, {_GROUP.sub("", name): value for name, value in failed.items()})


def _is_grouped(item: pytest.Item) -> bool:
    """Whether a process of pytest-xdist keeps a test with its group, if it has one."""
    return item.get_closest_marker("xdist_group") is None or "@" in item.nodeid


def _group_of(item: pytest.Function) -> str | None:
    """Return the module or the folder with whose other tests a test shares a fixture."""
    if item.get_closest_marker("xdist_group") is not None:
        return None
    definitions = item._fixtureinfo.name2fixturedefs.values()
    scopes = {fixture.scope for group in definitions for fixture in group}
    if "package" in scopes:
        return item.nodeid.partition("::")[0].rpartition("/")[0]
    return item.nodeid.partition("::")[0] if scopes & {"module", "class"} else None


def pytest_unconfigure() -> None:
    """End the process that servers and commands were forked from."""
    if preloaded_parent.cache_info().currsize:
        preloaded_parent().close()


@pytest.fixture(scope="session")
def _folder_numbers() -> Iterator[int]:
    return itertools.count()


@pytest.fixture
def tmp_path(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    _folder_numbers: Iterator[int],
) -> Path:
    """A new folder for the test.

    pytest's own fixture looks at the folders of all earlier tests to number the next one, which
    costs more than many tests do.
    """
    name = re.sub(r"\W", "_", request.node.name)[:30]
    folder = tmp_path_factory.getbasetemp() / f"{name}-{next(_folder_numbers)}"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture(scope="session")
def started(request: pytest.FixtureRequest) -> Iterator[Started]:
    """Every server of this run, so that none outlives it."""
    servers: Started = []
    request.config.stash[_SERVERS] = servers
    yield servers
    for server in servers:
        server.kill()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, started: Started) -> RunningServer:
    """A server with the default settings, shared by all tests; leave it running."""
    shared = RunningServer(tmp_path_factory.mktemp("server") / "data", preloaded=preloaded_parent())
    started.append(shared)
    shared.start()
    return shared


@pytest.fixture
def serve(tmp_path: Path, started: Started) -> Iterator[Serve]:
    """Start servers with settings of their own; they end with the test."""
    with serving(tmp_path, started) as start:
        yield start


@pytest.fixture(scope="module")
def serve_module(tmp_path_factory: pytest.TempPathFactory, started: Started) -> Iterator[Serve]:
    """Start servers that the tests of a module share; they end with the module."""
    with serving(tmp_path_factory.mktemp("servers"), started) as start:
        yield start


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the logs of the servers that a failed test used to its report."""
    report = yield
    if report.failed and "started" in getattr(item, "fixturenames", ()):
        for running in item.config.stash.get(_SERVERS, []):
            report.sections.append((f"Log of {running.base_url}", running.log_tail()))
    return report
