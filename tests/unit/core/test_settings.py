"""Settings: layers, origins, and what happens to wrong values."""

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel, Field

from pdfsluice.config import SettingsError, load

MIB = 1024 * 1024


class Example(BaseModel, extra="forbid"):
    """A plugin's section."""

    level: int = Field(3, ge=1, le=9, description="From 1 to 9.")
    names: tuple[str, ...] = ()


def test_the_variables_of_the_specification_have_their_units(tmp_path: Path) -> None:
    loaded = load(
        environment={
            "STREAMING_MAX_FILE_SIZE_MB": "2048",
            "STREAMING_CHUNK_SIZE_MB": "4",
            "STREAMING_MAX_CONCURRENT_UPLOADS": "7",
            "STREAMING_MEMORY_LIMIT_MB": "250.5",
            "STREAMING_SESSION_TIMEOUT_HOURS": "12",
            "STREAMING_CLEANUP_INTERVAL_MINUTES": "30",
            "STREAMING_UPLOAD_DIR": str(tmp_path / "uploads"),
            "STREAMING_STATE_DIR": str(tmp_path / "states"),
        }
    )
    settings = loaded.settings
    assert settings.max_file_size == 2048 * MIB
    assert settings.chunk_size == 4 * MIB
    assert settings.max_concurrent_uploads == 7
    assert settings.memory_limit_mb == 250.5
    assert settings.session_timeout == timedelta(hours=12)
    assert settings.cleanup_interval == timedelta(minutes=30)
    assert settings.upload_dir == tmp_path / "uploads"
    assert settings.state_dir == tmp_path / "states"
    assert loaded.origin(("chunk_size",)) == "STREAMING_CHUNK_SIZE_MB"
    assert loaded.origin(("port",)) == "default"


def test_later_sources_win_and_are_named(tmp_path: Path) -> None:
    file = tmp_path / "pdfsluice.toml"
    file.write_text(
        'port = 1\nhost = "10.0.0.1"\nchunk_size = "1 MiB"\n[plugins.example]\nlevel = 5'
    )
    environment = {"PDFSLUICE_PORT": "2", "PDFSLUICE_PLUGINS__EXAMPLE__NAMES": '["a", "b"]'}
    loaded = load(
        sections={"example": Example},
        file=file,
        environment=environment,
        command_line={"port": 3, "host": None},
    )
    assert (loaded.settings.port, loaded.origin(("port",))) == (3, "--port")
    assert (loaded.settings.host, loaded.origin(("host",))) == ("10.0.0.1", str(file))
    assert loaded.settings.chunk_size == MIB
    assert loaded.section("example") == Example(level=5, names=("a", "b"))
    assert loaded.origin(("plugins", "example", "names")) == "PDFSLUICE_PLUGINS__EXAMPLE__NAMES"


def test_folders_follow_the_data_folder(tmp_path: Path) -> None:
    settings = load(environment={}, command_line={"data_dir": tmp_path}).settings
    assert settings.upload_dir == tmp_path / "uploads"
    assert settings.state_dir == tmp_path / "state"


@pytest.mark.parametrize(
    ("environment", "parts"),
    [
        (
            {"STREAMING_CHUNK_SIZE_MB": "zero"},
            ["chunk_size", "'zeroMiB'", "STREAMING_CHUNK_SIZE_MB"],
        ),
        ({"PDFSLUICE_PORT": "70000"}, ["port", "'70000'", "PDFSLUICE_PORT", "65535"]),
        ({"PDFSLUICE_DURABILITY": "always"}, ["durability", "'process'", "'power'"]),
        ({"PDFSLUICE_CHUNK_SZE": "1"}, ["PDFSLUICE_CHUNK_SZE", "PDFSLUICE_CHUNK_SIZE"]),
        ({"STREAMING_MAX_FILE_SIZE": "1"}, ["STREAMING_MAX_FILE_SIZE_MB"]),
        ({"PDFSLUICE_PLUGINS__EXAMPLE__LEVEL": "10"}, ["plugins.example.level", "From 1 to 9"]),
        ({"PDFSLUICE_PLUGINS__EXAMPLE__LEVL": "1"}, ["plugins.example.levl", "did you mean level"]),
        ({"PDFSLUICE_PLUGINS__NOBODY__X": "1"}, ["'nobody'", "example"]),
        ({"PDFSLUICE_CHUNK_SIZE": "128 MiB"}, ["must not be larger than max_chunk_size"]),
    ],
)
def test_a_wrong_value_is_named_with_its_origin(
    environment: dict[str, str], parts: list[str]
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(sections={"example": Example}, environment=environment)
    for part in parts:
        assert part in str(caught.value)


def test_unknown_names_in_a_file_are_errors(tmp_path: Path) -> None:
    file = tmp_path / "pdfsluice.toml"
    file.write_text("prot = 1")
    with pytest.raises(SettingsError, match="did you mean port"):
        load(file=file, environment={})
    file.write_text("port = ")
    with pytest.raises(SettingsError, match="not valid TOML"):
        load(file=file, environment={})
    with pytest.raises(SettingsError, match="No such file"):
        load(file=tmp_path / "absent.toml", environment={})


def test_other_programs_variables_do_not_matter() -> None:
    load(environment={"PDFSLUICE_API_KEY": "secret", "PDFSLUICE_SERVER": "x", "PATH": "/bin"})


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("1h30m", 5400), ("250ms", 0.25), ("7d", 604800), ("12", 12), ("PT5M", 300)],
)
def test_durations_are_written_as_people_write_them(text: str, seconds: float) -> None:
    settings = load(environment={"PDFSLUICE_SESSION_TIMEOUT": text}).settings
    assert settings.session_timeout.total_seconds() == seconds
