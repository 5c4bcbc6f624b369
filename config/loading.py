"""Defaults < TOML file < environment < command line, with the origin of every value."""

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from .settings import Settings

Key = tuple[str, ...]
ModelT = TypeVar("ModelT", bound=BaseModel)


class SettingsError(Exception):
    """A setting is wrong; the message names the value, its origin and what is allowed."""


@dataclass(frozen=True, slots=True)
class EnvironmentName:
    """A variable with a name and a unit of its own (the ``STREAMING_*`` family).

    Attributes:
        field: The setting it stands for.
        unit: Appended to the number, as the setting's type reads it.
    """

    field: str
    unit: str = ""


SPEC_VARIABLES: Mapping[str, EnvironmentName] = {
    "STREAMING_MAX_FILE_SIZE_MB": EnvironmentName("max_file_size", "MiB"),
    "STREAMING_CHUNK_SIZE_MB": EnvironmentName("chunk_size", "MiB"),
    "STREAMING_MAX_CONCURRENT_UPLOADS": EnvironmentName("max_concurrent_uploads"),
    "STREAMING_MEMORY_LIMIT_MB": EnvironmentName("memory_limit_mb"),
    "STREAMING_SESSION_TIMEOUT_HOURS": EnvironmentName("session_timeout", "h"),
    "STREAMING_CLEANUP_INTERVAL_MINUTES": EnvironmentName("cleanup_interval", "m"),
    "STREAMING_UPLOAD_DIR": EnvironmentName("upload_dir"),
    "STREAMING_STATE_DIR": EnvironmentName("state_dir"),
}
PREFIX = "PDFSLUICE_"
_PLUGIN_DEPTH = 3


@dataclass(frozen=True, slots=True)
class Given:
    """A value somebody gave, and where."""

    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """The final settings, the sections of plugins, and where each value came from."""

    settings: Settings
    sections: Mapping[str, BaseModel]
    origins: Mapping[Key, str] = field(default_factory=dict)

    def origin(self, key: Key) -> str:
        """Say where a value came from."""
        return self.origins.get(key, "default")

    def section(self, name: str) -> BaseModel:
        """Return the section of a plugin."""
        return self.sections[name]


def load(
    *,
    sections: Mapping[str, type[BaseModel]] | None = None,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    command_line: Mapping[str, Any] | None = None,
) -> Loaded:
    """Read the settings from all their sources; later sources win.

    Args:
        sections: Sections that plugins registered: name to model.
        file: TOML file; without one ``PDFSLUICE_CONFIG`` may name it.
        environment: Variables; the process's own where not given.
        command_line: Settings by name, as given on the command line; ``None`` values count
            as not given.

    Raises:
        SettingsError: A value is wrong or a name is unknown.
    """
    variables = os.environ if environment is None else environment
    if file is None and variables.get("PDFSLUICE_CONFIG"):
        file = Path(variables["PDFSLUICE_CONFIG"])
    given: dict[Key, Given] = {}
    if file is not None:
        given.update(_from_file(file))
    given.update(_from_environment(variables))
    for name, value in (command_line or {}).items():
        if value is not None:
            given[(name,)] = Given(value, f"--{name.replace('_', '-')}")
    own = {key[0]: item for key, item in given.items() if key[0] != "plugins"}
    settings = _validate(Settings, own, ())
    known = dict(sections or {})
    _refuse_unknown_sections(given, known)
    validated = {
        name: _validate(
            model,
            {k[2]: item for k, item in given.items() if k[:2] == ("plugins", name)},
            ("plugins", name),
        )
        for name, model in known.items()
    }
    return Loaded(settings, validated, {key: item.origin for key, item in given.items()})


def _from_file(path: Path) -> Iterator[tuple[Key, Given]]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot read the settings file {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from error
    for name, value in content.items():
        if name != "plugins":
            yield (name,), Given(value, str(path))
            continue
        for plugin, section in value.items():
            for option, inner in section.items():
                yield ("plugins", plugin, option), Given(inner, f"{path} [plugins.{plugin}]")


def _from_environment(variables: Mapping[str, str]) -> Iterator[tuple[Key, Given]]:
    for variable, text in variables.items():
        if variable in SPEC_VARIABLES:
            name = SPEC_VARIABLES[variable]
            yield (name.field,), Given(f"{text}{name.unit}", variable)
        elif variable.startswith("STREAMING_"):
            _refuse_typo(variable, SPEC_VARIABLES)
        elif variable.startswith(PREFIX):
            key = tuple(variable.removeprefix(PREFIX).lower().split("__"))
            if (key[0] == "plugins" and len(key) == _PLUGIN_DEPTH) or (
                len(key) == 1 and key[0] in Settings.model_fields
            ):
                yield key, Given(_structured(text), variable)
            else:
                _refuse_typo(variable, [PREFIX + name.upper() for name in Settings.model_fields])


def _structured(text: str) -> Any:
    """Read a list or table written in TOML syntax; leave all else as text."""
    if not text.lstrip().startswith(("[", "{")):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _refuse_typo(variable: str, allowed: Mapping[str, Any] | list[str]) -> None:
    """Stop at a name that is close to a known one; other programs' variables pass."""
    close = difflib.get_close_matches(variable, list(allowed), n=1, cutoff=0.85)
    if close:
        raise SettingsError(f"the environment has {variable}; did you mean {close[0]}?")


def _refuse_unknown_sections(
    given: Mapping[Key, Given], known: Mapping[str, type[BaseModel]]
) -> None:
    for key, item in given.items():
        if key[0] == "plugins" and key[1] not in known:
            raise SettingsError(
                f"{item.origin}: there is no plugin section {key[1]!r};"
                f" known are {', '.join(sorted(known)) or 'none'}"
            )


def _validate(model: type[ModelT], given: Mapping[str, Given], prefix: Key) -> ModelT:
    try:
        return model.model_validate({name: item.value for name, item in given.items()})
    except ValidationError as error:
        # A default that is made of another value is at fault only because that one is.
        causes = [each for each in error.errors() if each["type"] != "default_factory_not_called"]
        raise SettingsError(
            "\n".join(_explain(problem, model, given, prefix) for problem in causes)
        ) from error


def _explain(problem: Any, model: type[BaseModel], given: Mapping[str, Given], prefix: Key) -> str:
    location = [str(part) for part in problem["loc"]]
    name = location[0] if location else ""
    shown = ".".join((*prefix, *location))
    if problem["type"] == "extra_forbidden":
        close = difflib.get_close_matches(name, list(model.model_fields), n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        return f"{given[name].origin}: there is no setting {shown}{hint}"
    if name not in given:
        return f"{shown or 'settings'}: {problem['msg']}"
    item = given[name]
    description = model.model_fields[name].description or ""
    return (
        f"{shown} = {str(item.value)!r} (from {item.origin}) is not allowed:"
        f" {problem['msg']}. {description}".rstrip()
    )
