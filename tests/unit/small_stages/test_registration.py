"""The built-in stores and small stages register under their documented names."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pdfsluice.config import load
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.plugins import (
    api_keys,
    backpressure,
    checksum,
    digest,
    local_store,
    progress_log,
    sql,
)

PLUGINS = (api_keys, backpressure, checksum, digest, local_store, progress_log, sql)


@pytest.fixture
def context(tmp_path: Path) -> PluginContext:
    specs = [
        *backpressure.pdfsluice_register_options(),
        *local_store.pdfsluice_register_options(),
        *sql.pdfsluice_register_options(),
    ]
    loaded = load(
        sections={spec.name: spec.model for spec in specs},
        environment={"PDFSLUICE_DATA_DIR": str(tmp_path)},
    )
    return PluginContext(
        data_dir=loaded.settings.data_dir,
        upload_dir=loaded.settings.upload_dir,
        state_dir=loaded.settings.state_dir,
        settings=loaded.settings,
        section=loaded.section,
        publish=lambda _: None,
    )


def test_names(context: PluginContext) -> None:
    registered: list[Any] = [
        *api_keys.pdfsluice_register_authenticators(context),
        *api_keys.pdfsluice_register_commands(),
        *backpressure.pdfsluice_register_gates(context),
        *checksum.pdfsluice_register_checksums(context),
        *digest.pdfsluice_register_stream_stages(context),
        *local_store.pdfsluice_register_upload_stores(context),
        *progress_log.pdfsluice_register_event_sinks(context),
        *sql.pdfsluice_register_session_stores(context),
        *sql.pdfsluice_register_catalogues(context),
    ]
    assert [spec.name for spec in registered] == [
        "api-keys", "keys", "memory", "disk", "concurrency", "sha256", "sha512",
        "sha1", "md5", "crc32", "digest", "local", "progress-log", "sql", "sql",
    ]  # fmt: skip


async def test_the_local_store_takes_its_directories_from_the_settings(
    context: PluginContext,
) -> None:
    (spec,) = local_store.pdfsluice_register_upload_stores(context)
    async with spec.open() as store:
        assert (await store.usage()).partial_count == 0
    assert context.upload_dir.is_dir()
    assert (context.data_dir / "documents").is_dir()


def test_registering_touches_no_disk(context: PluginContext) -> None:
    test_names(context)
    assert not list(context.data_dir.iterdir())


def test_importing_the_plugins_is_cheap() -> None:
    names = ", ".join(plugin.__name__ for plugin in PLUGINS)
    heavy = {"sqlalchemy", "psutil", "typer", "pydantic", "orjson"}
    script = f"import sys, {names}\nprint(*sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
