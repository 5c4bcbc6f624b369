"""Rates over nodes: three servers behind nginx keep the rate of one key together."""

import http.client
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from pdfsluice.core import KeyRates, Scope
from pdfsluice.plugins.api_keys.keys import changing_rates
from tests.support.clusters import Backends, RunningCluster
from tests.support.keys import add_key, change_keys

from .honest import MIB, send

_BANDWIDTH = 4 * MIB
_REQUEST_RATE = 40
_BURST = 20
_CONNECTIONS = 6
_CHUNKS = 24
_FLOOD_SECONDS = 8.0
_DATABASE = "rates"


def measure(folder: Path, rounds: int) -> Mapping[str, float]:
    """Run three servers, and measure both rates of a key."""
    settings = {"PDFSLUICE_REQUEST_BURST": str(_BURST), "PDFSLUICE_MAX_CONCURRENT_UPLOADS": "20"}
    with (
        Backends.running(folder) as backends,
        RunningCluster.running(backends, folder, _DATABASE, settings=settings) as cluster,
    ):
        results = [errors(cluster) for _ in range(rounds)]
    return {name: max(each[name] for each in results) for name in results[0]}


def errors(cluster: RunningCluster) -> Mapping[str, float]:
    """Return by how much the rates of a key differ from those that it has."""
    url = cluster.backends.postgresql.url(cluster.database)
    folder = cluster.nodes[0].data_dir
    scopes = [Scope.READ, Scope.UPLOAD]
    sender = add_key(folder, f"sender-{time.time_ns()}", scopes, url=url)
    caller = add_key(folder, f"caller-{time.time_ns()}", scopes, url=url)
    for header, rates in (
        (sender, KeyRates(bandwidth=_BANDWIDTH)),
        (caller, KeyRates(requests=_REQUEST_RATE)),
    ):
        key_id = header["Authorization"].split("_")[1]
        change_keys(folder, changing_rates(key_id, partial(_replaced, rates)), url=url)
    time.sleep(1.5)  # until every node knows the limits, however the hint fared
    return {
        "error of the bandwidth, one connection (limit 0.2)": _bandwidth_error(
            cluster.port, sender, 1
        ),
        "error of the bandwidth, six connections (limit 0.2)": _bandwidth_error(
            cluster.port, sender, _CONNECTIONS
        ),
        "error of the rate of requests (limit 0.2)": _request_error(cluster.port, caller),
    }


def _replaced(rates: KeyRates, _: KeyRates) -> KeyRates:
    return rates


def _bandwidth_error(port: int, headers: dict[str, str], connections: int) -> float:
    began = time.monotonic()
    with ThreadPoolExecutor(connections) as threads:
        for sending in [
            threads.submit(send, port, headers, _CHUNKS // connections) for _ in range(connections)
        ]:
            sending.result()
    rate = _CHUNKS * MIB / (time.monotonic() - began)
    return abs(rate / _BANDWIDTH - 1)


def _request_error(port: int, headers: dict[str, str]) -> float:
    """Ask as fast as three connections can; return the error of what was admitted."""
    until = time.monotonic() + _FLOOD_SECONDS
    admitted = [0] * 3

    def ask(number: int) -> None:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while time.monotonic() < until:
            line.request("GET", "/api/quota", headers=headers)
            answer = line.getresponse()
            answer.read()
            admitted[number] += answer.status == 200
        line.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(admitted))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return abs(sum(admitted) / (_BURST + _REQUEST_RATE * _FLOOD_SECONDS) - 1)
