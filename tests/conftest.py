"""Fixtures for every test: real servers, and their logs if a test fails.

Tests run in several processes (pytest-xdist), each with a server of its own. Tests that share
an expensive fixture of a module stay in one process.
"""

import gc
import itertools
import re
import signal
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

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
from tests.support.servers import RunningServer, Serve
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
_SERVERS = pytest.StashKey[list[RunningServer]]()


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
            if _shares_fixture(item):
                item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
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


def _shares_fixture(item: pytest.Function) -> bool:
    if item.get_closest_marker("xdist_group") is not None:
        return False
    definitions = item._fixtureinfo.name2fixturedefs.values()
    return any(fixture.scope in {"module", "class"} for group in definitions for fixture in group)


def pytest_unconfigure() -> None:
    """End the process that servers and commands were forked from."""
    if preloaded_parent.cache_info().currsize:
        preloaded_parent().close()


@pytest.fixture(scope="session")
def _started(request: pytest.FixtureRequest) -> Iterator[list[RunningServer]]:
    """Every server of this run, so that none outlives it."""
    servers: list[RunningServer] = []
    request.config.stash[_SERVERS] = servers
    yield servers
    for server in servers:
        server.kill()


@pytest.fixture(scope="session")
def server(
    tmp_path_factory: pytest.TempPathFactory, _started: list[RunningServer]
) -> RunningServer:
    """A server with the default settings, shared by all tests; leave it running."""
    shared = RunningServer(tmp_path_factory.mktemp("server") / "data", preloaded=preloaded_parent())
    _started.append(shared)
    shared.start()
    return shared


@pytest.fixture
def serve(tmp_path: Path, _started: list[RunningServer]) -> Iterator[Serve]:
    """Start servers with settings of their own; they end with the test."""
    with _serving(tmp_path, _started) as start:
        yield start


@pytest.fixture(scope="module")
def serve_module(
    tmp_path_factory: pytest.TempPathFactory, _started: list[RunningServer]
) -> Iterator[Serve]:
    """Start servers that the tests of a module share; they end with the module."""
    with _serving(tmp_path_factory.mktemp("servers"), _started) as start:
        yield start


@contextmanager
def _serving(folder: Path, started: list[RunningServer]) -> Iterator[Serve]:
    own: list[RunningServer] = []
    numbers = itertools.count()

    def start(
        *,
        arguments: Sequence[str] = (),
        data_dir: Path | None = None,
        port: int = 0,
        environment: Mapping[str, str] = MappingProxyType({}),
        **settings: str,
    ) -> RunningServer:
        new = RunningServer(
            port=port,
            data_dir=data_dir or folder / f"server-{next(numbers)}",
            arguments=arguments,
            preloaded=preloaded_parent(),
            environment={**environment, **settings},
        )
        own.append(new)
        started.append(new)
        new.start()
        return new

    yield start
    for each in own:
        each.stop()
        started.remove(each)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the logs of the servers that a failed test used to its report."""
    report = yield
    fixtures = getattr(item, "fixturenames", ())
    if report.failed and {"server", "serve", "serve_module"} & set(fixtures):
        for running in item.config.stash.get(_SERVERS, []):
            report.sections.append((f"Log of {running.base_url}", running.log_tail()))
    return report
