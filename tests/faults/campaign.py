"""Cuts the power of a server repeatedly, and fails each changing call.

``python -m tests.faults.campaign cuts --durability power --cuts 200`` (``make soak-power``) and
``python -m tests.faults.campaign errors`` exit with 0 only if no promise was broken.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.support.servers import ServerStartError
from tests.support.waiting import wait_until

from .audit import Audit, Findings
from .client import Client, Phase
from .mount import SETTINGS, DiskServer, Mount, why_not

_THREADS = 3
_MAX_ROUND_SECONDS = 20.0
_ERRORS = {"EIO": 5, "ENOSPC": 28}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a campaign of power cuts does.

    Attributes:
        durability: The level of the server.
        cuts: How often the power is cut.
        seed: Decides what clients do and when the power is cut.
        max_calls: After how many changing calls it is cut at the latest.
        fresh_every: After how many cuts a new disk is begun.
    """

    durability: str
    cuts: int
    seed: int = 1
    max_calls: int = 400
    fresh_every: int = 20


@dataclass(slots=True)
class Report:
    """How a campaign went."""

    cuts: int = 0
    cut_at: dict[str, int] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)
    findings: Findings = field(default_factory=Findings)


def cut_power(plan: Plan, place: Path) -> Report:
    """Run a campaign of power cuts."""
    report = Report()
    chance = random.Random(plan.seed)
    while report.cuts < plan.cuts:
        many = min(plan.fresh_every, plan.cuts - report.cuts)
        folder = place / f"disk-{report.cuts}"
        _one_disk(plan, folder, many, chance, report)
    return report


def _one_disk(plan: Plan, folder: Path, cuts: int, chance: random.Random, report: Report) -> None:
    """Cut the power of one disk several times, and audit it after each."""
    mount = Mount(folder)
    client = Client(chance.getrandbits(32))
    server = DiskServer(
        mount.mountpoint / "data",
        {**SETTINGS, "PDFSLUICE_DURABILITY": plan.durability},
        log_file=folder / "server.log",
        is_cut=lambda: bool(mount.do("state")["frozen"]),
    )
    audit = Audit(client, server.data_dir, server.log_file, power=plan.durability == "power")
    audit.findings = report.findings
    for number in range(cuts + 1):
        mount.mount()
        try:
            last = number == cuts
            early = not last and chance.random() < 0.15
            seed = chance.choice([None, chance.getrandbits(32)])
            if early:
                mount.do("cut_after", calls=chance.randint(1, 60), seed=seed)
            if _start(server, mount, client, audit):
                audit.run(finish=1.0 if last else 0.4)
                if last:
                    break
                mount.do("cut_after", calls=chance.randint(1, plan.max_calls), seed=seed)
                _act_until_cut(mount, client, seed)
            state = mount.do("cut", seed=seed)
            report.cuts += 1
            print(f"cut {report.cuts}: {_summary(report.findings)}", file=sys.stderr)
            verb = state["last"].partition(" ")[0]
            report.cut_at[verb] = report.cut_at.get(verb, 0) + 1
        finally:
            server.kill()
            mount.unmount()
    for name, count in client.counts.items():
        report.done[name] = report.done.get(name, 0) + count


def _summary(findings: Findings) -> str:
    counts = asdict(findings)
    return ", ".join(
        f"{name}: {len(value) if isinstance(value, list) else value}"
        for name, value in counts.items()
    )


def _start(server: DiskServer, mount: Mount, client: Client, audit: Audit) -> bool:
    """Start the server; return whether it runs, which it need not if the power is cut.

    A cut that was to come during the start does not come later.
    """
    try:
        server.start()
    except ServerStartError as error:
        if not mount.do("state")["frozen"]:
            text = f"the server does not start: {error}"[-1500:]
            audit.findings.violations.append(text)
            print(text, file=sys.stderr)
        return False
    client.port = server.port
    return not mount.do("cut_never")["frozen"]


def _act_until_cut(mount: Mount, client: Client, seed: int | None) -> None:
    threads = client.run(_THREADS)
    deadline = time.monotonic() + _MAX_ROUND_SECONDS
    wait_until(lambda: not (time.monotonic() < deadline and not mount.do("state")["frozen"]))
    mount.do("cut", seed=seed)
    client.stop()
    for thread in threads:
        thread.join()


@dataclass(slots=True)
class ErrorReport:
    """How the campaign of errors went.

    Attributes:
        calls: How many changing calls one upload, one deletion and one start make.
        injected: How many of them were made to fail.
        answers: Answers with an error, by status and code.
        violations: Broken promises.
    """

    calls: int = 0
    injected: int = 0
    answers: dict[str, int] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)


def fail_calls(durability: str, place: Path, *, step: int = 1) -> ErrorReport:
    """Let each changing call of an upload and a deletion fail once, and try again.

    The first error must be answered with 503 or 507, lose nothing that was acknowledged, and the
    same requests must succeed as soon as the disk works again.

    Args:
        durability: The level of the server.
        place: A folder.
        step: Fail every call (1) or every n-th.
    """
    report = ErrorReport()
    mount = Mount(place)
    mount.mount()
    settings = {**SETTINGS, "PDFSLUICE_DURABILITY": durability}
    server = DiskServer(mount.mountpoint / "data", settings, log_file=place / "server.log")
    try:
        server.start()
        client = Client(7, max_size=100_000)
        client.port = server.port
        before = mount.do("state")["changes"]
        _one_life(client, report)
        report.calls = mount.do("state")["changes"] - before
        for error in _ERRORS.values():
            for number in range(0, report.calls, step):
                fault = {"pattern": "write|fsync|create|mkdir|rename|unlink|truncate"}
                mount.do("fault", fault={**fault, "after": number, "error": error})
                _one_life(client, report, heal=lambda: mount.do("heal"))
                report.injected += len(mount.do("heal")["failed"])
        server.stop()  # the next start deletes files of which the deletion failed
        server.start()
        client.port = server.port
        audit = Audit(client, server.data_dir, server.log_file, power=True)
        audit.run(finish=1.0)
        report.violations += audit.findings.violations
        report.answers = dict(client.refusals)
        report.violations += [
            f"answer {answer}"
            for answer in client.refusals
            if answer.split()[1] not in {"503", "507"}
        ]
    finally:
        server.kill()
        mount.do("cut")
        mount.unmount()
    return report


def _one_life(client: Client, report: ErrorReport, heal: Any = None) -> None:
    """Upload a file, complete it, delete its document; try again what fails."""
    upload = None
    for attempt in range(6):
        if attempt and heal is not None:
            heal()
            time.sleep(0.05)
        upload = upload or client.begin(client.random)
        if upload is None:
            continue
        if upload.phase in {Phase.OPEN, Phase.COMPLETING}:
            _send_rest(client, upload)
        if upload.phase in {Phase.DONE, Phase.DELETING}:
            client.delete(upload)
        if upload.phase is Phase.DELETED:
            return
    report.violations.append("an upload did not succeed after its disk was healed")


def _send_rest(client: Client, upload: Any) -> None:
    missing = [chunk for chunk in upload.chunks if chunk not in upload.acknowledged]
    if not missing:
        client.complete(upload)
    else:
        client.send(upload, client.random, stop=False)


def main() -> int:
    """Run one campaign; print its report as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["cuts", "errors"])
    parser.add_argument("--durability", choices=["process", "power"], default="process")
    parser.add_argument("--cuts", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--step", type=int, default=1)
    options = parser.parse_args()
    reason = why_not()
    if reason:
        sys.exit(reason)
    with tempfile.TemporaryDirectory(prefix="pdfsluice-faults-") as folder:
        if options.what == "errors":
            errors = fail_calls(options.durability, Path(folder), step=options.step)
            print(json.dumps(asdict(errors), indent=1))
            return int(bool(errors.violations))
        plan = Plan(durability=options.durability, cuts=options.cuts, seed=options.seed)
        report = cut_power(plan, Path(folder))
        print(json.dumps(asdict(report), indent=1))
        return int(bool(report.findings.violations))


if __name__ == "__main__":
    sys.exit(main())
