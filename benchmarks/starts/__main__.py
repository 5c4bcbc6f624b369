"""``python -m benchmarks.starts``: processor time of all that pdfsluice starts.

Each command, the server up to the moment it listens, and each child process up to the moment it
is ready. The least of several runs is printed: it is the one that others disturbed least.
"""

import argparse
import asyncio
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.support.processes import pdfsluice
from benchmarks.support.registries import loaded_in
from benchmarks.support.results import Result, ResultList
from pdfsluice.core.events.hub import EventHub
from pdfsluice.core.processes.child import Limits, spawn
from pdfsluice.core.runtime.registry import build_registry
from pdfsluice.core.scanning import process
from pdfsluice.core.scanning.bootstrap import Bootstrap
from pdfsluice.core.testing.pdfs import make_pdf

DEFAULT_ROUNDS = 7
_STAGE_PROCESS = "pdfsluice.core.scanning.worker_main"
_CHILDREN = (
    "pdfsluice.plugins.pdfium.text_worker",
    "pdfsluice.plugins.pdfium.picture_worker",
    "pdfsluice.plugins.pypdf_text.worker",
    "pdfsluice.plugins.markdown.worker",
    "pdfsluice.plugins.llamaindex.worker",
    "pdfsluice.plugins.tesseract.worker",
)


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _run(arguments: tuple[str, ...], folder: Path) -> None:
    subprocess.run(
        [sys.executable, *arguments],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        cwd=folder,
        env={**os.environ, "PDFSLUICE_DATA_DIR": str(folder / "data")},
    )


def _serve(folder: Path) -> None:
    with pdfsluice(folder):
        pass


def _start_child(module: str) -> None:
    async def start() -> None:
        async with spawn(module, Limits()) as child:
            await child.wait_until_ready()

    asyncio.run(start())


def _start_stage_process(bootstrap: Bootstrap) -> None:
    async def start() -> None:
        stages = await process.start(bootstrap, module=_STAGE_PROCESS, request_timeout=60.0)
        await stages.close()

    asyncio.run(start())


def _bootstrap(folder: Path) -> Bootstrap:
    loaded, manager = loaded_in(folder)
    registry = build_registry(loaded, manager, EventHub())
    return Bootstrap.of(loaded, manager, registry, log_level=30)


def starts(folder: Path) -> dict[str, Callable[[], object]]:
    """Return what is measured by its name; a folder has a PDF file."""
    command = ("-m", "pdfsluice.cli")
    bootstrap = _bootstrap(folder / "registry")
    return {
        "python": partial(_run, ("-c", "pass"), folder),
        "pdfsluice --version": partial(_run, (*command, "--version"), folder),
        "pdfsluice --help": partial(_run, (*command, "--help"), folder),
        "pdfsluice scan FILE": partial(_run, (*command, "scan", "a.pdf"), folder),
        "pdfsluice serve, first": lambda: _serve(Path(tempfile.mkdtemp(dir=folder))),
        "pdfsluice serve, again": partial(_serve, folder / "served"),
        "stage process": partial(_start_stage_process, bootstrap),
        **{
            module.removeprefix("pdfsluice.plugins."): partial(_start_child, module)
            for module in _CHILDREN
        },
    }


def main() -> None:
    """Measure what the command line names, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="what to start; all if none is given")
    parser.add_argument("--rounds", type=int, default=DEFAULT_ROUNDS)
    arguments = parser.parse_args()
    results = ResultList(width=32, digits=0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "a.pdf").write_bytes(make_pdf(("one page",)))
        for what, start in starts(folder).items():
            if arguments.names and not any(each in what for each in arguments.names):
                continue
            seconds = []
            for _ in range(arguments.rounds):
                before = _children_seconds()
                start()
                seconds.append(_children_seconds() - before)
            results.show(Result(what, min(seconds) * 1000, "ms of processor time"))


if __name__ == "__main__":
    main()
