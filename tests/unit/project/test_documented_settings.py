"""Settings that the documentation shows are settings that there are."""

import re
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest

from pdfsluice.config import Settings, load
from pdfsluice.config.given import SettingsError
from pdfsluice.core.plugins.manager import PluginManager
from tests.support.documents import PAGES, ROOT, Block, blocks, pages_with

OF_ANOTHER_PROJECT = ("build-system", "project")
OF_ANOTHER_PLUGIN = ("wordwatch",)
PAGES_WITH_SETTINGS = pages_with("toml")


def shown(page: str) -> list[Block]:
    """Return a page's TOML blocks that are settings, joined to their tables."""
    found = []
    table = ""
    for block in blocks(ROOT / page, "toml"):
        content = tomllib.loads(block.text)
        if not content.keys().isdisjoint(OF_ANOTHER_PROJECT):
            continue
        if "plugins" in content or content.keys() <= Settings.model_fields.keys():
            table = next((line for line in block.text.splitlines() if line[:1] == "["), "")
            found.append(block)
        else:
            text = f"{table}\n{block.text}"
            found.append(Block(block.page, block.line, block.language, text))
    return found


@pytest.mark.parametrize("page", PAGES_WITH_SETTINGS)
def test_settings_are_accepted(page: str, tmp_path: Path) -> None:
    manager = PluginManager.load(third_party=False)
    sections = {spec.name: spec.model for _, spec in manager.options()}
    file = tmp_path / "pdfsluice.toml"
    for block in shown(page):
        plugins = tomllib.loads(block.text).get("plugins", {})
        if not plugins.keys().isdisjoint(OF_ANOTHER_PLUGIN):
            continue  # the tutorial's plugin: tests/e2e/test_tutorial.py
        file.write_text(block.text)
        try:
            loaded = load(sections=sections, file=file, environment={})
        except SettingsError as error:
            raise AssertionError(f"{block.place}: {error}") from error
        for name in plugins:
            assert loaded.section(name)


def test_many_are_shown() -> None:
    assert sum(len(shown(page)) for page in PAGES_WITH_SETTINGS) > 5


NAMED_WITH_DURATION = re.compile(r"`(\w+)`[^`|.;]{0,30}\((\d[\d.]*)[ \n](\w+?)s?\)")


def durations() -> list[tuple[str, str, timedelta]]:
    """Return the durations that pages give in brackets after the name of a setting."""
    return [
        (page.name, name, timedelta(**{f"{unit}s": float(number)}))
        for page in PAGES
        if page.name != "CHANGELOG.md"
        for name, number, unit in NAMED_WITH_DURATION.findall(page.read_text(encoding="utf-8"))
        if name in Settings.model_fields
    ]


@pytest.mark.parametrize(("page", "name", "shown"), durations())
def test_a_duration_that_is_shown_is_the_default(page: str, name: str, shown: timedelta) -> None:
    assert Settings.model_fields[name].default == shown


def test_durations_are_found() -> None:
    assert {"progress_interval", "websocket_heartbeat", "shutdown_grace"} <= {
        name for _, name, _ in durations()
    }


def variables() -> list[tuple[str, str, str]]:
    """Return the variables that pages set, each with its value."""
    return [
        (page.name, name, value)
        for page in PAGES
        for name, value in re.findall(r"(PDFSLUICE_\w+)='([^']+)'", page.read_text("utf-8"))
    ]


@pytest.mark.parametrize(("page", "name", "value"), variables())
def test_a_variable_that_is_shown_is_accepted(page: str, name: str, value: str) -> None:
    manager = PluginManager.load(third_party=False)
    sections = {spec.name: spec.model for _, spec in manager.options()}
    loaded = load(sections=sections, environment={name: value})
    key = tuple(name.removeprefix("PDFSLUICE_").lower().split("__"))
    assert loaded.origin(key) == name


def test_lists_and_tables_of_the_environment_are_shown() -> None:
    assert {"PDFSLUICE_CORS_ORIGINS", "PDFSLUICE_PLUGINS__POLICY__RULES"} <= {
        name for _, name, _ in variables()
    }
