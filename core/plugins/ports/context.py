"""Options and commands of plugins, and the context that plugins are given."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pdfsluice.core.events import Event

if TYPE_CHECKING:  # pydantic takes 80 ms to import; only programs that read settings need it
    from pydantic import BaseModel

    from pdfsluice.config import Settings

OptionsT = TypeVar("OptionsT", bound="BaseModel")


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionsSpec:
    """Registers a plugin's section of the settings.

    Attributes:
        name: Section name; ``[plugins.NAME]`` in the TOML file and
            ``PDFSLUICE_PLUGINS__NAME__FIELD`` in the environment.
        model: Typed fields with defaults; the field's description names the unit.
    """

    name: str
    model: "type[BaseModel]"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSpec:
    """Registers a command of the ``pdfsluice`` program.

    Attributes:
        name: What the user types.
        help: One line for the list of commands.
        target: ``module:attribute`` of a function with typer annotations, or of a
            ``typer.Typer`` for a command with sub-commands; imported on use.
    """

    name: str
    help: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginContext:
    """The surroundings of a plugin while it registers its parts.

    Attributes:
        data_dir: The folder of the server's durable data.
        upload_dir: Where partial uploads are kept (``STREAMING_UPLOAD_DIR``).
        state_dir: Where session state is kept (``STREAMING_STATE_DIR``).
        settings: The final settings, read-only, by their names: ``settings.chunk_size``.
        section: Looks up a plugin's own section; use :meth:`options`.
        publish: Sends an event to all sinks; usable once the server runs, and not by stream
            stages, which run in processes of their own.
        shared: Objects that the parts of one plugin share, such as a connection pool; the key is
            the plugin's module name.
    """

    data_dir: Path
    upload_dir: Path
    state_dir: Path
    settings: "Settings"
    section: "Callable[[str], BaseModel]"
    publish: Callable[[Event], None]
    shared: dict[str, Any] = field(default_factory=dict)

    def options(self, name: str, model: type[OptionsT]) -> OptionsT:
        """Return the plugin's own section, typed."""
        options = self.section(name)
        if not isinstance(options, model):
            raise TypeError(f"section {name!r} holds {type(options).__name__}")
        return options
