"""A library that is missing is reported with the extra that installs it."""

import pytest

from pdfsluice.cli import failures
from pdfsluice.core.plugins import extras

REQUIREMENTS = [
    "aiohttp[speedups]<4,>=3.14",
    "hyperscan>=0.9; platform_system == 'Linux'",
    'prometheus-client>=0.21; extra == "server"',
    "pillow>=11; extra == 'server'",
    'llama-index-core<0.15,>=0.14; extra == "index"',
    'prometheus-client>=0.21; extra == "all"',
    'yara-x>=1.0; python_version > "3" and extra == "yara"',
]


@pytest.mark.parametrize(
    ("library", "extra"),
    [
        ("prometheus_client", "server"),
        ("PIL", "server"),
        ("llama_index", "index"),
        ("yara_x", "yara"),
        ("aiohttp", ""),
        ("hyperscan", ""),
        ("something_else", ""),
    ],
)
def test_the_extra_of_a_library_is_in_the_metadata(library: str, extra: str) -> None:
    assert extras.extra_of(library, REQUIREMENTS) == extra


def test_the_command_names_the_extra_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.metadata.requires", lambda _name: REQUIREMENTS)
    error = ModuleNotFoundError("No module named 'llama_index.core'", name="llama_index.core")
    assert failures.report(error) == 1
    message, hint, *rest = capsys.readouterr().err.splitlines()
    assert (
        message
        == "error: The library 'llama_index' is not installed; it belongs to the extra 'index'."
    )
    assert hint.strip() == "Install it: pip install 'pdfsluice[index]'"
    assert rest == []


def test_an_error_of_another_kind_is_none_of_them() -> None:
    assert extras.missing_extra(ValueError("x")) is None
    assert extras.missing_extra(ModuleNotFoundError("x", name="no_such_library_at_all")) is None
