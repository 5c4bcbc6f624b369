"""OpenStack Swift with its S3 interface: four servers on the loopback interface.

    python -m tests.support.swift FOLDER PORT PORT PORT PORT

Swift keeps one copy of each object, on one "disk" in FOLDER. The first port is that of S3, the
others are those of the servers inside. It ends with its standard input.
"""

import ctypes
import os
import pwd
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

_PR_SET_PDEATHSIG = 1
KEY, SECRET = "test:tester", "testing"

_SWIFT = """
[swift-hash]
swift_hash_path_suffix = tests
swift_hash_path_prefix = tests
[storage-policy:0]
name = gold
default = yes
"""
_SERVER = """
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
devices = {folder}
mount_check = false
swift_dir = {folder}
user = {user}
log_level = ERROR
"""
_STORAGE = """
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
fallocate_reserve = 0
"""
_PROXY = """
[pipeline:main]
pipeline = catch_errors gatekeeper s3api tempauth copy slo dlo versioned_writes proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:s3api]
use = egg:swift#s3api
s3_acl = false
location = us-east-1
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[filter:versioned_writes]
use = egg:swift#versioned_writes
"""
KINDS = ("proxy", "object", "container", "account")


def main(folder: Path, ports: Sequence[int]) -> None:
    """Run the servers until standard input ends."""
    (folder / "disk").mkdir(parents=True, exist_ok=True)
    (folder / "swift.conf").write_text(_SWIFT)
    for kind, port in zip(KINDS, ports, strict=True):
        text = _PROXY if kind == "proxy" else _STORAGE.format(kind=kind)
        user = pwd.getpwuid(os.geteuid()).pw_name
        head = _SERVER.format(port=port, folder=folder, user=user)
        (folder / f"{kind}.conf").write_text(head + text)
        if kind != "proxy":
            _write_ring(folder / kind, port)
    import_module("swift.proxy.server")  # the children share what is loaded
    children = []
    for kind in KINDS:
        if not (pid := os.fork()):
            _serve(folder / f"{kind}.conf", kind)
        children.append(pid)
    try:
        sys.stdin.buffer.read()
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)


def _write_ring(path: Path, port: int) -> None:
    from swift.common.ring import RingBuilder  # noqa: PLC0415

    builder = RingBuilder(part_power=4, replicas=1, min_part_hours=0)
    device = {"region": 1, "zone": 1, "ip": "127.0.0.1", "port": port, "device": "disk"}
    builder.add_dev({**device, "weight": 1.0, "meta": ""})
    builder.rebalance()
    builder.get_ring().save(f"{path}.ring.gz")


def _serve(config: Path, kind: str) -> NoReturn:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    from swift.common.wsgi import run_wsgi  # noqa: PLC0415

    os._exit(run_wsgi(str(config), f"{kind}-server"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(port) for port in sys.argv[2:]])
