"""Settings: layers, origins, and what happens to wrong values."""

import itertools
import math
import re
import traceback
from collections.abc import Mapping
from datetime import date, time, timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel, Field, SecretStr

from pdfsluice.config import Settings, SettingsError, load
from pdfsluice.core.plugins.manager import PluginManager

MIB = 1024 * 1024


class Example(BaseModel, extra="forbid"):
    """A plugin's section."""

    level: int = Field(default=3, ge=1, le=9, description="From 1 to 9.")
    names: tuple[str, ...] = ()
    table: dict[str, str] = Field(default={}, description="Anything.")
    key: SecretStr | None = None


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


def test_sections_of_plugins_are_given_as_one_setting() -> None:
    sections = {"example": Example}
    loaded = load(
        sections=sections, environment={}, command_line={"plugins": {"example": {"level": 5}}}
    )
    assert loaded.section("example") == Example(level=5)
    wrong: object
    for wrong in (3, [], {"example": 3}, {"absent": {"level": 5}}, {"example": {"level": 50}}):
        with pytest.raises(SettingsError, match="plugin"):
            load(sections=sections, environment={}, command_line={"plugins": wrong})


def test_folders_follow_the_data_folder(tmp_path: Path) -> None:
    settings = load(environment={}, command_line={"data_dir": tmp_path}).settings
    assert settings.upload_dir == tmp_path / "uploads"
    assert settings.state_dir == tmp_path / "state"


@pytest.mark.parametrize(
    ("environment", "parts"),
    [
        (
            {"STREAMING_CHUNK_SIZE_MB": "zero"},
            ["chunk_size", "'zero'", "STREAMING_CHUNK_SIZE_MB", "without a unit: it counts MiB"],
        ),
        ({"STREAMING_CHUNK_SIZE_MB": "8 MiB"}, ["'8 MiB'", "without a unit: it counts MiB"]),
        ({"STREAMING_SESSION_TIMEOUT_HOURS": "1d"}, ["without a unit: it counts hours"]),
        ({"STREAMING_CLEANUP_INTERVAL_MINUTES": "x"}, ["without a unit: it counts minutes"]),
        ({"PDFSLUICE_PORT": "70000"}, ["port", "'70000'", "PDFSLUICE_PORT", "65535"]),
        ({"PDFSLUICE_DURABILITY": "always"}, ["durability", "'process'", "'power'"]),
        ({"PDFSLUICE_CHUNK_SZE": "1"}, ["PDFSLUICE_CHUNK_SZE", "PDFSLUICE_CHUNK_SIZE"]),
        ({"STREAMING_MAX_FILE_SIZE": "1"}, ["STREAMING_MAX_FILE_SIZE_MB"]),
        ({"PDFSLUICE_PLUGINS__EXAMPLE__LEVEL": "10"}, ["plugins.example.level", "From 1 to 9"]),
        ({"PDFSLUICE_PLUGINS__EXAMPLE__LEVL": "1"}, ["plugins.example.levl", "did you mean level"]),
        ({"PDFSLUICE_PLUGINS__NOBODY__X": "1"}, ["'nobody'", "example"]),
        (
            {"STREAMING_CHUNK_SIZE_MB": "128"},
            [
                "chunk_size = 128.0 MiB (from STREAMING_CHUNK_SIZE_MB)",
                "max_chunk_size = 64.0 MiB (the default)",
                "must not be larger than max_chunk_size",
            ],
        ),
        ({"STREAMING_UPLOAD_DIR": ""}, ["upload_dir", "STREAMING_UPLOAD_DIR", "is empty"]),
        ({"PDFSLUICE_DATA_DIR": " "}, ["data_dir", "PDFSLUICE_DATA_DIR", "is empty"]),
        ({"PDFSLUICE_SESSION_TIMEOUT": "99999999999d"}, ["session_timeout", "100 years"]),
        ({"PDFSLUICE_SESSION_TIMEOUT": "P99999999D"}, ["session_timeout", "100 years"]),
        ({"PDFSLUICE_SESSION_TIMEOUT": "9" * 400}, ["session_timeout", "100 years"]),
        ({"PDFSLUICE_PLUGINS": "x"}, ["PDFSLUICE_PLUGINS__NAME__OPTION"]),
        ({"PDFSLUICE_PLUGINS__POLICY": "x"}, ["PDFSLUICE_PLUGINS__NAME__OPTION"]),
        ({"PDFSLUICE_PLUGINS_POLICY_PRESET": "x"}, ["PDFSLUICE_PLUGINS__NAME__OPTION"]),
        ({"PDFSLUICE_PLUGINS____X": "x"}, ["PDFSLUICE_PLUGINS__NAME__OPTION"]),
        ({"PDFSLUICE_CORS_ORIGINS": "https://a.example/app"}, ["cors_origins", "https://name"]),
        ({"PDFSLUICE_CORS_ORIGINS": "a.example"}, ["cors_origins", "https://name"]),
        (
            {
                "PDFSLUICE_CORS_ORIGINS": "http://[",
            },
            ["cors_origins", "PDFSLUICE_CORS_ORIGINS"],
        ),
        ({"PDFSLUICE_PLUGINS__EXAMPLE__TABLE": "a"}, ["must be a table"]),
        ({"PDFSLUICE_DATA_DIR": "~absent/x"}, ["data_dir", "home folder of ~absent is unknown"]),
        ({"PDFSLUICE_MAX_FILE_SIZE": "9 EiB"}, ["max_file_size", "8 EiB at most"]),
        ({"PDFSLUICE_CHECKPOINT_INTERVAL": "PT-1S"}, ["checkpoint_interval"]),
    ],
)
def test_a_wrong_value_is_named_with_its_origin(
    environment: dict[str, str], parts: list[str]
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(sections={"example": Example}, environment=environment)
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("plugins = 3", ["plugins", "[plugins.NAME]"]),
        ('[plugins]\nexample = "strict"', ["plugins.example", "[plugins.example]"]),
        ('[plugins.example]\nnames = "a"', ["plugins.example.names", "must be a list"]),
        ("[plugins.example]\ntable = [1]", ["plugins.example.table", "must be a table"]),
        ('data_dir = ""', ["data_dir", "is empty"]),
        ("session_timeout = 99999999999", ["session_timeout"]),
        ("session_timeout = []", ["session_timeout", "must be a duration such as 30s"]),
        ("port = true", ["port = 'True'", "must be a whole number"]),
        ("max_file_size = true", ["max_file_size = 'True'"]),
    ],
)
def test_a_wrong_shape_in_a_file_is_explained(
    tmp_path: Path, content: str, parts: list[str]
) -> None:
    file = tmp_path / "pdfsluice.toml"
    file.write_text(content)
    with pytest.raises(SettingsError) as caught:
        load(sections={"example": Example}, file=file, environment={})
    for part in (str(file), *parts):
        assert part in str(caught.value)


def test_a_secret_of_the_wrong_shape_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "pdfsluice.toml"
    file.write_text('[plugins.example]\nkey = ["sk-secret"]')
    with pytest.raises(SettingsError, match=r"plugins\.example\.key = \(a secret\)") as caught:
        load(sections={"example": Example}, file=file, environment={})
    assert "sk-secret" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("text", ["['sk-secret']", '{"a": "b"}', "[::1]"])
def test_text_is_left_as_it_is_if_text_is_wanted(text: str) -> None:
    environment = {"PDFSLUICE_PLUGINS__EXAMPLE__KEY": text, "PDFSLUICE_HOST": text}
    loaded = load(sections={"example": Example}, environment=environment)
    assert loaded.section("example") == Example(key=SecretStr(text))
    assert loaded.settings.host == text


@pytest.mark.parametrize("text", ['{folder = "/x"}', '{"folder": "/x"}', ' {"folder":"/x"}'])
def test_tables_are_written_as_in_toml_or_json(text: str) -> None:
    environment = {"PDFSLUICE_PLUGINS__EXAMPLE__TABLE": text}
    loaded = load(sections={"example": Example}, environment=environment)
    assert loaded.section("example") == Example(table={"folder": "/x"})


@pytest.mark.parametrize(
    "text", ["clamav, yara", "clamav,yara,", "['clamav', 'yara']", '["clamav","yara"]']
)
def test_a_list_of_text_may_be_written_with_commas(text: str) -> None:
    assert load(environment={"PDFSLUICE_DISABLE": text}).settings.disable == ("clamav", "yara")


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("https://a.example/", "https://a.example"),
        ("HTTPS://A.Example:443", "https://a.example"),
        ("http://localhost:3000/", "http://localhost:3000"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("*", "*"),
    ],
)
def test_origins_are_compared_as_browsers_write_them(written: str, sent: str) -> None:
    loaded = load(environment={"PDFSLUICE_CORS_ORIGINS": written})
    assert loaded.settings.cors_origins == (sent,)


def test_what_looks_like_a_setting_and_is_none_is_reported() -> None:
    known = dict.fromkeys(
        (f"PDFSLUICE_{name}" for name in ("API_KEY", "API_KEY_FILE", "CA", "SERVER", "TRACEBACK")),
        "x",
    )
    linked = {
        "PDFSLUICE_PORT": "tcp://10.0.0.1:8000",
        "PDFSLUICE_SERVICE_HOST": "10.0.0.1",
        "PDFSLUICE_SERVICE_PORT": "8000",
        "PDFSLUICE_SERVICE_PORT_HTTP": "8000",
        "PDFSLUICE_PORT_8000_TCP": "tcp://10.0.0.1:8000",
        "PDFSLUICE_PORT_8000_TCP_ADDR": "10.0.0.1",
        "PDFSLUICE_WEB_PORT": "tcp://10.0.0.1:8000",
    }
    assert load(environment=known | linked).warnings == ()
    loaded = load(environment={"PDFSLUICE_POLICY_PRESET": "strict", "PDFSLUICE_MAX_UPLOADS": "3"})
    assert [warning.split()[3] for warning in loaded.warnings] == [
        "PDFSLUICE_POLICY_PRESET,",
        "PDFSLUICE_MAX_UPLOADS,",
    ]


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


ABSURD: tuple[object, ...] = (
    *(True, -1, 10**30, 1.5, math.nan, math.inf, [1], [[]], {"a": 1}, {"a": {"b": []}}),
    *("", " ", "x", "-1", "nan", "1e400", "1 XB", "-1h", "PT", "\0", "~absent/x", "http://["),
    *("9" * 30, "[", "{", "y" * 5000, date(2020, 1, 1), time(1, 2)),
)


def test_each_setting_explains_absurd_values_in_one_line() -> None:
    """No value ends in another error, in the words of a library, or in a page of text."""
    manager = PluginManager.load(third_party=False)
    sections = {spec.name: spec.model for _, spec in manager.options()}
    own = dict.fromkeys(Settings.model_fields, "")
    places = [
        *own,
        *((name, option) for name in sections for option in sections[name].model_fields),
    ]
    for place, value in itertools.product(places, ABSURD):
        values = (
            {place: value} if isinstance(place, str) else {"plugins": {place[0]: {place[1]: value}}}
        )
        reason = reason_against(sections, values)
        assert len(reason) < 600, reason
        assert not re.search(r"\n|Input should", reason), reason


def reason_against(sections: Mapping[str, type[BaseModel]], values: Mapping[str, object]) -> str:
    """Return why the values are refused; empty if they are allowed."""
    try:
        load(sections=sections, environment={}, command_line=values)
    except SettingsError as error:
        return str(error)
    return ""
