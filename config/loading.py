"""Defaults < TOML file < environment < command line, with each value's origin."""

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ByteSize, SecretStr, ValidationError

from .environment import parts_of, read_environment, read_text
from .given import Given, Key, SettingsError
from .settings import Settings
from .wording import described, predicate

ModelT = TypeVar("ModelT", bound=BaseModel)
_NUMBERS = frozenset({int, float, ByteSize, timedelta})
_MAX_SHOWN_CHARACTERS = 80
_PLAIN_NUMBER = re.compile(r"\s*\d+(\.\d+)?\s*")
_UNIT_NAMES: Mapping[str, str] = {"MiB": "MiB", "h": "hours", "m": "minutes"}


@dataclass(frozen=True, slots=True)
class Loaded:
    """The final settings, the sections of plugins, and where each value came from.

    Attributes:
        settings: The settings of pdfsluice itself.
        sections: The section of each plugin.
        origins: Where the values came from that are not the default.
        warnings: What looks like a setting and is none, in sentences.
    """

    settings: Settings
    sections: Mapping[str, BaseModel]
    origins: Mapping[Key, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def origin(self, key: Key) -> str:
        """Return where a value came from."""
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
        environment: Variables; by default those of the process.
        command_line: Settings by name, as given on the command line; ``None`` values count
            as not given. ``plugins`` holds a table for each section, as in a file.

    Raises:
        SettingsError: A value is wrong or a name is unknown.
    """
    variables = os.environ if environment is None else environment
    if file is None and variables.get("PDFSLUICE_CONFIG"):
        file = Path(variables["PDFSLUICE_CONFIG"])
    entries: dict[Key, Given] = {}
    if file is not None:
        entries.update(_from_file(file))
    warnings: list[str] = []
    entries.update(read_environment(variables, warnings))
    entries.update(_from_command_line(command_line or {}))
    own = {key[0]: item for key, item in entries.items() if key[0] != "plugins"}
    settings = _validate(Settings, own, ())
    models = dict(sections or {})
    _refuse_unknown_sections(entries, models)
    validated = {
        name: _validate(
            model,
            {k[2]: item for k, item in entries.items() if k[:2] == ("plugins", name)},
            ("plugins", name),
        )
        for name, model in models.items()
    }
    origins = {key: item.origin for key, item in entries.items()}
    return Loaded(settings, validated, origins, tuple(warnings))


def _from_file(path: Path) -> Iterator[tuple[Key, Given]]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot read the settings file {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from error
    for name, value in content.items():
        if name == "plugins":
            yield from _from_sections(value, str(path))
        else:
            yield (name,), Given(value, str(path))


def _from_command_line(values: Mapping[str, Any]) -> Iterator[tuple[Key, Given]]:
    for name, value in values.items():
        if name == "plugins":
            yield from _from_sections(value, "--plugins")
        elif value is not None:
            yield (name,), Given(value, f"--{name.replace('_', '-')}")


def _from_sections(sections: Any, origin: str) -> Iterator[tuple[Key, Given]]:
    if not isinstance(sections, Mapping):
        raise SettingsError(f"{origin}: plugins is no table; write [plugins.NAME]")
    for plugin, section in sections.items():
        if not isinstance(section, Mapping):
            raise SettingsError(
                f"{origin}: plugins.{plugin} is no table;"
                f" write the plugin's options under [plugins.{plugin}]"
            )
        for option, value in section.items():
            yield ("plugins", plugin, option), Given(value, f"{origin} [plugins.{plugin}]")


def _refuse_unknown_sections(
    entries: Mapping[Key, Given], models: Mapping[str, type[BaseModel]]
) -> None:
    for key, item in entries.items():
        if key[0] == "plugins" and key[1] not in models:
            raise SettingsError(
                f"{item.origin}: there is no plugin section {key[1]!r};"
                f" known are {', '.join(sorted(models)) or 'none'}"
            )


def _validate(model: type[ModelT], entries: Mapping[str, Given], prefix: Key) -> ModelT:
    try:
        return model.model_validate({name: _value(name, entries, model) for name in entries})
    except ValidationError as error:
        # A default that is made of another value is at fault only because that one is.
        causes = [each for each in error.errors() if each["type"] != "default_factory_not_called"]
        text = "\n".join(_explain(problem, model, entries, prefix) for problem in _first(causes))
    raise SettingsError(text)  # without its cause, which may show a secret


def _first(problems: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield one problem of each setting; the others follow from it, as in a list."""
    settings: set[str] = set()
    for problem in problems:
        name = str(problem["loc"][0]) if problem["loc"] else ""
        if name not in settings:
            settings.add(name)
            yield problem


def _value(name: str, entries: Mapping[str, Given], model: type[BaseModel]) -> Any:
    item, setting = entries[name], model.model_fields.get(name)
    if item.unit:
        return f"{item.value}{item.unit}"
    if setting is None:
        return item.value
    if item.plain:
        return read_text(item.value, setting.annotation)
    if isinstance(item.value, bool) and _NUMBERS.intersection(parts_of(setting.annotation)):
        return str(item.value)  # which is refused; Python and pydantic count with True as 1
    return item.value


def _explain(
    problem: Any, model: type[BaseModel], entries: Mapping[str, Given], prefix: Key
) -> str:
    location = [str(part) for part in problem["loc"]]
    name = location[0] if location else ""
    path = ".".join((*prefix, *location))
    reason = predicate(problem)
    if problem["type"] == "extra_forbidden":
        close = difflib.get_close_matches(name, list(model.model_fields), n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        return f"{entries[name].origin}: there is no setting {path}{hint}"
    if name not in entries:
        return f"{_together(problem, entries) or path or 'settings'}: {reason}"
    item, setting = entries[name], model.model_fields[name]
    value = "(a secret)" if SecretStr in parts_of(setting.annotation) else _shown(item.value)
    words = described("it", problem)
    if item.unit and not _PLAIN_NUMBER.fullmatch(str(item.value)):
        words = f"it must be a positive number without a unit: it counts {_UNIT_NAMES[item.unit]}"
    return (
        f"{path} = {value} (from {item.origin}) is not allowed:"
        f" {words}. {setting.description or ''}".rstrip()
    )


def _shown(value: Any) -> str:
    text = str(value)
    if len(text) > _MAX_SHOWN_CHARACTERS:
        text = f"{text[:_MAX_SHOWN_CHARACTERS]}..."
    return repr(text)


def _together(problem: Any, entries: Mapping[str, Given]) -> str:
    """Return the values that a validator refuses together, with their origins."""
    origins = {name: f"from {item.origin}" for name, item in entries.items()}
    values = problem.get("ctx", {}).get("values", {})
    return ", ".join(
        f"{name} = {value} ({origins.get(name, 'the default')})" for name, value in values.items()
    )
