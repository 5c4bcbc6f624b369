"""What `pdfsluice.client` offers, and what it costs to import it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import pdfsluice.client as package


def test_names_are_in_the_modules_that_the_package_names() -> None:
    names = sorted(set(dir(package)) - {"Match"})
    assert [getattr(package, name).__name__ for name in names] == names


def test_checkers_know_the_same_names() -> None:
    source = Path(package.__file__).read_text(encoding="utf-8")
    imported = re.findall(r"^    from \.\w+ import (\w+) as \1$", source, re.MULTILINE)
    assert sorted(imported) == dir(package)


def test_unknown_names_are_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = package.Nothing


@pytest.mark.parametrize(
    ("doing", "module"),
    [
        ("import pdfsluice.client", "aiohttp"),
        ("main(['--help'])", "aiohttp"),
        ("main(['plugins'])", "sqlalchemy"),
    ],
)
def test_what_is_heavy_is_not_imported_if_it_is_not_used(doing: str, module: str) -> None:
    check = (
        "import atexit, os, sys\n"
        f"atexit.register(lambda: os._exit(3 if {module!r} in sys.modules else 0))\n"
        f"from pdfsluice.cli import main\n{doing}"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
