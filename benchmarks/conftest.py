"""Options and fixtures of the chunk-size suites (pytest-benchmark)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.support.files import a_pdf, warm, workspace
from benchmarks.support.registries import registry_in

KIB, MIB = 1024, 1024 * 1024
ALL_SIZES = [64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB, 64 * MIB]


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("pdfsluice")
    group.addoption("--stage", action="append", help="measure this stream stage, by name")
    group.addoption("--store", default="local", help="upload store to measure, by name")
    group.addoption("--file-size", type=int, default=128, help="size of the uploaded file, in MiB")
    group.addoption("--smoke", action="store_true", help="tiny sizes: see that everything runs")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "chunk_size" in metafunc.fixturenames:
        sizes = [64 * KIB, MIB] if metafunc.config.getoption("--smoke") else ALL_SIZES
        metafunc.parametrize("chunk_size", sizes, ids=_label)
    if "stage" in metafunc.fixturenames:
        metafunc.parametrize("stage", metafunc.config.getoption("--stage") or _all_stages())


def _all_stages() -> list[str]:
    """Name every registered stream stage, and all of them together."""
    with workspace() as folder:
        return ["all", *(spec.name for spec in registry_in(folder).stream_stages)]


def _label(size: int) -> str:
    return f"{size // MIB}MiB" if size >= MIB else f"{size // KIB}KiB"


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    with workspace() as path:
        yield path


@pytest.fixture(scope="session")
def pdf(folder: Path, request: pytest.FixtureRequest) -> Path:
    """The file that is uploaded."""
    size = (
        MIB
        if request.config.getoption("--smoke")
        else request.config.getoption("--file-size") * MIB
    )
    warm(folder, 4 * size)
    return a_pdf(folder, size)


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    return 1 if request.config.getoption("--smoke") else 5
