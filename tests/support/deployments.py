"""Fixtures for tests that pass against one server and against any cluster.

A cluster and its services start once in a run of the tests. All tests of clusters share one
process of pytest-xdist.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.support.clusters import Backends, RunningCluster
from tests.support.drills import Drill
from tests.support.servers import RunningServer

Deployed = RunningServer | RunningCluster
Clusters = Callable[[str], RunningCluster]

ONE_SERVER = "one server"
GROUP = "cluster"
CLUSTERS = {
    "nginx": ("nginx", False),
    "haproxy and pgbouncer": ("haproxy", True),
    "nginx hash": ("nginx hash", False),
}
"""Kinds of clusters: the balancer, and whether a pooler is before the database."""
_QUICK_SUITES = ("tests/cluster/", "tests/conformance/test_rest.py")
_QUICK_CLUSTER = "nginx"


@pytest.fixture(scope="session")
def backends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backends]:
    """The services that all clusters share."""
    pytest.importorskip("swift", reason="the development packages are not installed")
    with Backends.running(tmp_path_factory.mktemp("backends")) as running:
        yield running


@pytest.fixture(scope="session")
def drill(backends: Backends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    """Three nodes behind nginx that can be killed at named calls, and cut off.

    A test leaves all of them running.
    """
    with Drill.running(backends, tmp_path_factory.mktemp("drill")) as running:
        yield running


@pytest.fixture(scope="session")
def clusters(
    request: pytest.FixtureRequest, backends: Backends, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Clusters]:
    """Return the cluster of a kind, which is started when it is first asked for."""
    running: dict[str, RunningCluster] = {}
    with ExitStack() as stack:

        def get(kind: str) -> RunningCluster:
            if kind == _QUICK_CLUSTER:
                drill: Drill = request.getfixturevalue("drill")
                return drill.cluster
            if kind not in running:
                front, pooled = CLUSTERS[kind]
                name = "shared_" + kind.replace(" ", "_")
                folder = tmp_path_factory.mktemp(name)
                running[kind] = stack.enter_context(
                    RunningCluster.running(backends, folder, name, front=front, pooled=pooled)
                )
            return running[kind]

        yield get


@pytest.fixture(
    scope="session",
    params=[
        ONE_SERVER,
        *(pytest.param(kind, marks=pytest.mark.xdist_group(GROUP)) for kind in CLUSTERS),
    ],
)
def deployment(request: pytest.FixtureRequest) -> str:
    """What a test runs against."""
    return str(request.param)


@pytest.fixture(scope="session")
def deployed(request: pytest.FixtureRequest, deployment: str) -> Deployed:
    """The server or the cluster under test, shared by all tests; leave it running."""
    if deployment == ONE_SERVER:
        server: RunningServer = request.getfixturevalue("server")
        return server
    clusters: Clusters = request.getfixturevalue("clusters")
    return clusters(deployment)


def mark_of(item: pytest.Function) -> str | None:
    """Return the mark of a test of a cluster, which is expensive."""
    callspec = getattr(item, "callspec", None)
    kind = ONE_SERVER if callspec is None else callspec.params.get("deployment", ONE_SERVER)
    if kind == ONE_SERVER:
        return None
    is_quick = kind == _QUICK_CLUSTER and item.nodeid.startswith(_QUICK_SUITES)
    return "long" if is_quick else "nightly"
