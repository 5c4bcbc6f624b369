"""Options and commands of plugins, and the context that plugins are given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:  # pydantic takes 80 ms to import; only programs that read settings need it
    from pydantic import BaseModel

    from pdfsluice.config import Settings
    from pdfsluice.core.models.events import Event

    from .documents import Index
    from .stores import Catalogue, SessionStore

OptionsT = TypeVar("OptionsT", bound="BaseModel")
ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionsSpec:
    """Descriptor of a plugin's section of the settings.

    Attributes:
        name: Section name; ``[plugins.NAME]`` in the TOML file and
            ``PDFSLUICE_PLUGINS__NAME__FIELD`` in the environment.
        model: Typed fields with defaults; the field's description names the unit.
    """

    name: str
    model: "type[BaseModel]"


class Need(StrEnum):
    """What a command may want opened before it is called."""

    SETTINGS = "settings"
    CATALOGUE = "catalogue"
    SESSIONS = "sessions"
    INDEX = "index"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What a command named in ``needs``; the rest is ``None``.

    Attributes:
        settings: The settings of the server, from its file and the environment.
        catalogue: The catalogue that the settings choose.
        sessions: The session store that the settings choose.
        index: The index that the settings choose.
    """

    settings: "Settings | None" = None
    catalogue: "Catalogue | None" = None
    sessions: "SessionStore | None" = None
    index: "Index | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSpec:
    """Descriptor of a command of the ``pdfsluice`` program.

    Attributes:
        name: What the user types.
        help: One line for the list of commands.
        target: ``module:attribute`` of a function with typer annotations, or of a
            ``typer.Typer`` for a command with sub-commands; imported on use.
        needs: What is opened while the command runs, and closed after it. The target is then
            a coroutine function whose first parameter receives an :class:`Opened`; the program
            adds the option ``--config``. A server may run at the same time.
    """

    name: str
    help: str
    target: str
    needs: frozenset[Need] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginContext:
    """The surroundings of a plugin while it registers its parts.

    Attributes:
        data_dir: The folder of the server's durable data.
        upload_dir: Where partial uploads are kept (``STREAMING_UPLOAD_DIR``).
        state_dir: Where session state is kept (``STREAMING_STATE_DIR``).
        settings: The final settings, read-only, by their names: ``settings.chunk_size``.
        section: Looks up a plugin's own section; use :meth:`options`.
        values: Looks up the values of its fields; use :meth:`option`. By default they are read
            from the section.
        publish: Sends an event to all sinks; usable once the server runs, and not by stream
            stages, which run in processes of their own.
        shared: Objects that the parts of one plugin share, such as a connection pool; the key is
            the plugin's module name.
        worker: The number of this process among the workers of the server, from 0.
    """

    data_dir: Path
    upload_dir: Path
    state_dir: Path
    settings: "Settings"
    section: "Callable[[str], BaseModel]"
    publish: "Callable[[Event], None]"
    values: Callable[[str], Mapping[str, Any]] | None = None
    shared: dict[str, Any] = field(default_factory=dict)
    worker: int = 0

    def options(self, name: str, model: type[OptionsT]) -> OptionsT:
        """Return the plugin's own section, typed."""
        options = self.section(name)
        if not isinstance(options, model):
            raise TypeError(f"section {name!r} holds {type(options).__name__}")
        return options

    def option(self, section: str, name: str, kind: type[ValueT]) -> ValueT:
        """Return one value of the plugin's own section, typed, without loading the model.

        The hook of a stream stage is called in each stage process, which starts in half the
        time if no hook needs a model.
        """
        values = dict(self.section(section)) if self.values is None else self.values(section)
        value = values[name]
        if not isinstance(value, kind):
            raise TypeError(f"{name!r} in section {section!r} is {type(value).__name__}")
        return value
