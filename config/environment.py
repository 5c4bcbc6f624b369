"""Settings in environment variables: their names, and how their text is read."""

import difflib
import json
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from .given import Given, Key, SettingsError
from .settings import Settings


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
_PREFIX = "PDFSLUICE_"
_PLUGINS = f"{_PREFIX}PLUGINS"
_PLUGIN_DEPTH = 3
_FOR_OTHERS = frozenset(
    f"{_PREFIX}{name}"
    for name in (
        "API_KEY",
        "API_KEY_FILE",
        "CA",
        "CHILD_ACCESS",
        "CHILD_LIMITS",
        "CONFIG",
        "SERVER",
        "TRACEBACK",
    )
)
"""What the command, the client and child processes read."""
_SERVICE_LINK = re.compile(
    rf"{_PREFIX}(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?"
    r"|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:ADDR|PORT|PROTO))?)"
)
"""Variables that Kubernetes and Docker set in containers for a service named pdfsluice."""
_LISTS = (tuple, list, set, frozenset, Sequence)
_TABLES = (dict, Mapping)


def read_environment(
    variables: Mapping[str, str], warnings: list[str]
) -> Iterator[tuple[Key, Given]]:
    """Yield the settings among the variables.

    Args:
        variables: All variables; those of other programs are passed over.
        warnings: Where to put a sentence about each that looks like a setting and is none.

    Raises:
        SettingsError: A name is a misspelt or malformed one of a setting.
    """
    for variable, text in variables.items():
        if variable in SPEC_VARIABLES:
            name = SPEC_VARIABLES[variable]
            yield (name.field,), Given(text, variable, unit=name.unit)
        elif variable.startswith("STREAMING_"):
            _refuse_typo(variable, SPEC_VARIABLES)
            warnings.append(_no_setting(variable))
        elif variable.startswith(_PREFIX) and not _is_foreign(variable, text):
            key = _key(variable)
            if key is None:
                warnings.append(_no_setting(variable))
            else:
                yield key, Given(text, variable, plain=True)


def read_text(text: str, kind: Any) -> Any:
    """Read text as the type of its setting wants it.

    Lists and tables are written as in TOML or JSON; a list of text also plainly, with commas.
    """
    parts = tuple(parts_of(kind))
    lists = [part for part in parts if get_origin(part) in _LISTS]
    structured = lists or any(get_origin(part) in _TABLES for part in parts)
    if structured and text.lstrip().startswith(("[", "{")):
        return _parsed(text)
    if any(str in parts_of(get_args(part)[0]) for part in lists):
        return [item.strip() for item in text.split(",") if item.strip()]
    return text


def parts_of(kind: Any) -> Iterator[Any]:
    """Yield a type and its components: ``tuple[str, ...] | None`` contains ``str``."""
    yield kind
    for part in get_args(kind):
        yield from parts_of(part)


def _is_foreign(variable: str, text: str) -> bool:
    link = _SERVICE_LINK.fullmatch(variable) or (variable.endswith("_PORT") and "://" in text)
    return variable in _FOR_OTHERS or bool(link)


def _key(variable: str) -> Key | None:
    """Return the setting that a variable stands for; ``None`` for none.

    Raises:
        SettingsError: It is misspelt.
    """
    key = tuple(variable.removeprefix(_PREFIX).lower().split("__"))
    if key[0] == "plugins" and len(key) == _PLUGIN_DEPTH and all(key):
        return key
    if variable.startswith(_PLUGINS):
        raise SettingsError(
            f"the environment has {variable}; an option of a plugin is written as"
            f" {_PLUGINS}__NAME__OPTION, with two underscores before each name"
        )
    if len(key) == 1 and key[0] in Settings.model_fields:
        return key
    _refuse_typo(variable, [_PREFIX + name.upper() for name in Settings.model_fields])
    return None


def _no_setting(variable: str) -> str:
    return f"the environment has {variable}, which is no setting"


def _refuse_typo(variable: str, allowed: Collection[str]) -> None:
    """Refuse a name that is close to a known one."""
    close = difflib.get_close_matches(variable, list(allowed), n=1, cutoff=0.85)
    if close:
        raise SettingsError(f"the environment has {variable}; did you mean {close[0]}?")


def _parsed(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        pass
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
