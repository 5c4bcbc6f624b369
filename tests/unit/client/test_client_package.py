"""What `pdfsluice.client` offers, and what it costs to import it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import pdfsluice.client as package


@pytest.mark.parametrize("name", dir(package))
def test_names_are_where_the_package_says(name: str) -> None:
    assert getattr(package, name).__name__ == name


def test_checkers_know_the_same_names() -> None:
    source = Path(package.__file__).read_text(encoding="utf-8")
    imported = re.findall(r"^    from \.\w+ import (\w+) as \1$", source, re.MULTILINE)
    assert sorted(imported) == dir(package)


def test_unknown_names_are_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = package.Nothing


def test_the_http_client_is_not_imported_with_the_package() -> None:
    check = "import sys, pdfsluice.client; sys.exit('aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
