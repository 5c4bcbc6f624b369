"""Measure which share of the processor time of small files analytics takes.

Run it from the root of the repository::

    python -m benchmarks.analytics.share --rounds 1 --files 20    # a smoke run
    python -m benchmarks.analytics.share                          # minutes

Three servers take turns with ten files of 100 kB each, from their opening to the end of their
import: one records uploads, two do not. The processor time of each server process is read from
the kernel in nanoseconds. The difference of the two that do the same is the error of the method.
"""

import argparse
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.support.files import workspace
from benchmarks.support.processes import Server, pdfsluice
from benchmarks.support.uploads import upload, wait_for_import
from pdfsluice.core.testing.pdfs import make_pdf

_BLOCK = 10
_SETTLING_SECONDS = 3.0  # records are stored 2 seconds after the first of them
_RECORDING = "recording"
_CONTROLS = ("not recording", "not recording either")


@dataclass
class Sender:
    """A sender of files to one server; no two of them are the same.

    Attributes:
        server: The server.
        folder: For the file that is sent.
        sent: How many files were sent.
    """

    server: Server
    folder: Path
    sent: int = 0

    def send(self, number: int) -> None:
        """Send files one after the other, and wait for the import of the last."""
        server, file = self.server, self.folder / "small.pdf"
        for _ in range(number):
            self.sent += 1
            file.write_bytes(_BASE + b"%%%d\n" % self.sent)
            last = upload(server.host, server.port, file, door="raw", chunk_size=1024 * 1024)
        wait_for_import(server.host, server.port, last)

    def processor_seconds(self) -> float:
        """Return the processor time of all threads of the server process."""
        tasks = Path(f"/proc/{self.server.process.pid}/task")
        times = [int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()]
        return sum(times) / 1e9


_BASE = make_pdf(
    ["All the water of the reach above is held back by one pair of gates. " * 20] * 2,
    noise_per_page=48_000,
)


def measure(folder: Path, files: int) -> Mapping[str, float]:
    """Return the processor time for each file in milliseconds, of each server."""
    settings = {
        _RECORDING: {},
        **{name: {"PDFSLUICE_ANALYTICS_RETENTION": "0"} for name in _CONTROLS},
    }
    with ExitStack() as stack:
        senders = {}
        for name, environment in settings.items():
            own = folder / name.replace(" ", "-")
            server = stack.enter_context(pdfsluice(own, **environment))
            senders[name] = Sender(server, own)
        for sender in senders.values():
            sender.send(2 * _BLOCK)
        time.sleep(_SETTLING_SECONDS)
        before = {name: sender.processor_seconds() for name, sender in senders.items()}
        order = list(senders.values())
        for _ in range(files // _BLOCK):
            order = [*order[1:], order[0]]
            for sender in order:
                sender.send(_BLOCK)
        time.sleep(_SETTLING_SECONDS)
        count = files // _BLOCK * _BLOCK
        return {
            name: 1000 * (sender.processor_seconds() - before[name]) / count
            for name, sender in senders.items()
        }


def figures(rounds: Sequence[Mapping[str, float]]) -> Mapping[str, float]:
    """Return the share of recording, and how far two equal servers differ."""
    costs = [statistics.mean(each[name] for name in _CONTROLS) for each in rounds]
    shares = [each[_RECORDING] / cost - 1 for each, cost in zip(rounds, costs, strict=True)]
    controls = [each[_CONTROLS[0]] / each[_CONTROLS[1]] - 1 for each in rounds]
    return {
        "a file without analytics, ms of the server": statistics.median(costs),
        "share of analytics, median (limit 0.01)": statistics.median(shares),
        "share of analytics, lowest round": min(shares),
        "share of analytics, highest round": max(shares),
        "difference of two equal servers, median": statistics.median(controls),
        "difference of two equal servers, largest": max(controls, key=abs),
    }


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="each with new servers")
    parser.add_argument("--files", type=int, default=200, help="for each server and round")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    rounds = []
    for number in range(options.rounds):
        with workspace() as folder:
            rounds.append(measure(folder, options.files))
        costs = ", ".join(f"{name} {cost:.3f} ms" for name, cost in rounds[-1].items())
        print(f"round {number + 1}: {costs}")
    values = figures(rounds)
    for name, value in values.items():
        print(f"{name:44} {value:8.4f}")
    if options.json is not None:
        options.json.write_text(json.dumps(values, indent=2))


if __name__ == "__main__":
    main()
