"""The program and its commands, each imported when it is used.

The commands of the client and those of plugins are registered in the same way, by a
:class:`~pdfsluice.core.plugins.ports.context.CommandSpec`. Plugins are asked only for the
list of commands and for a command that the client does not have.
"""

import gc
import inspect
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from pdfsluice.core.errors import PdfsluiceError, PluginError
from pdfsluice.core.plugins.ports.context import CommandSpec

from .help import CONTEXT, Group, plain, with_suggestions

if TYPE_CHECKING:
    from .needs import Opening

_HERE = "pdfsluice.cli"
OWN_COMMANDS = (
    CommandSpec(name="upload", help="Upload PDF files.", target=f"{_HERE}.upload:upload"),
    CommandSpec(name="resume", help="Resume an upload.", target=f"{_HERE}.upload:resume"),
    CommandSpec(
        name="sessions",
        help="List unfinished or quarantined uploads.",
        target=f"{_HERE}.sessions:sessions",
    ),
    CommandSpec(
        name="cancel",
        help="End an unfinished or quarantined upload.",
        target=f"{_HERE}.sessions:cancel",
    ),
    CommandSpec(
        name="release", help="Release a quarantined upload.", target=f"{_HERE}.sessions:release"
    ),
    CommandSpec(
        name="documents",
        help="List, show, rename, index and delete documents.",
        target=f"{_HERE}.documents:app",
    ),
    CommandSpec(
        name="download", help="Fetch a document's file.", target=f"{_HERE}.download:download"
    ),
    CommandSpec(
        name="jobs", help="List, cancel and retry background jobs.", target=f"{_HERE}.jobs:app"
    ),
    CommandSpec(name="quota", help="Show and change quotas.", target=f"{_HERE}.quota:app"),
    CommandSpec(
        name="rates", help="Show and change bandwidth limits.", target=f"{_HERE}.rates:rates"
    ),
    CommandSpec(
        name="analytics",
        help="Report on ended uploads.",
        target=f"{_HERE}.analytics:analytics",
    ),
    CommandSpec(name="search", help="Search the documents.", target=f"{_HERE}.search:search"),
    CommandSpec(
        name="mcp",
        help="Connect a program with a language model to the server.",
        target=f"{_HERE}.mcp:mcp",
    ),
    CommandSpec(
        name="plugins", help="Show what is loaded, in order.", target=f"{_HERE}.local:plugins"
    ),
    CommandSpec(
        name="settings",
        help="Show the settings and where each comes from.",
        target=f"{_HERE}.local:settings",
    ),
    CommandSpec(
        name="new-plugin",
        help="Write a plugin to start from, with its test.",
        target=f"{_HERE}.new_plugin:new_plugin",
    ),
    CommandSpec(
        name="demo",
        help="Show everything with a sample document.",
        target=f"{_HERE}.demo.command:demo",
    ),
    CommandSpec(
        name="nodes", help="List the live servers and workers.", target=f"{_HERE}.nodes:nodes"
    ),
    CommandSpec(
        name="work",
        help="Run background jobs without serving HTTP.",
        target="pdfsluice.server.work:work",
    ),
    CommandSpec(name="serve", help="Run the server.", target="pdfsluice.server.serve:serve"),
)


class LazyGroup(Group):
    """A group whose commands are imported when one of them is run."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that is named on the command line."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            better = with_suggestions(error)
            if better is error:
                raise
            raise better from None

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer's signature
        """Return the names of all commands, the client's first.

        If a plugin cannot be loaded, the program still lists and runs its own commands.
        """
        try:
            return list(all_commands())
        except PdfsluiceError as error:
            from .failures import report  # noqa: PLC0415 - only when something failed

            report(error)
            return [spec.name for spec in OWN_COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - typer's signature
        """Return what the list of commands shows; nothing is imported for it."""
        spec = find_command(cmd_name)
        return None if spec is None else TyperCommand(spec.name, help=spec.help)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command itself, imported."""
        name, stub, rest = super().resolve_command(ctx, args)
        spec = find_command(name) if name and stub else None
        command = load_command(spec) if spec else stub
        gc.enable()
        return name, command, rest


def all_commands(*, third_party: bool = True) -> dict[str, CommandSpec]:
    """Return the commands of the client and of plugins, by name.

    Args:
        third_party: Whether those of other distributions are wanted too.

    Raises:
        PluginError: A plugin cannot be loaded, or a command is registered twice.
    """
    own = {spec.name: spec for spec in OWN_COMMANDS}
    return own | _plugin_commands(third_party=third_party)


def find_command(name: str) -> CommandSpec | None:
    """Return a command by name.

    Plugins are loaded only if the client does not have it.

    Raises:
        PluginError: A plugin cannot be loaded.
    """
    for spec in OWN_COMMANDS:
        if spec.name == name:
            return spec
    return _plugin_commands().get(name)


def _plugin_commands(*, third_party: bool = True) -> dict[str, CommandSpec]:
    from pdfsluice.core.plugins.manager import PluginManager  # noqa: PLC0415 - loads every plugin

    owners = {spec.name: "the client" for spec in OWN_COMMANDS}
    commands: dict[str, CommandSpec] = {}
    for info, spec in PluginManager.load(third_party=third_party).commands():
        if spec.name in owners:
            raise PluginError(
                f"the command {spec.name!r} is registered by {info.distribution}"
                f" and by {owners[spec.name]}",
                hint=f"Uninstall {info.distribution}.",
            )
        owners[spec.name] = info.distribution
        commands[spec.name] = spec
    return commands


def load_command(spec: CommandSpec, *, opening: "Opening | None" = None) -> Any:
    """Import a command.

    Args:
        spec: The command.
        opening: Opens what the command needs; what the settings choose, if not given.

    Raises:
        PluginError: The target is missing, or does not fit the needs of the command.
    """
    target = _target(spec)
    if spec.needs:
        from pdfsluice.core.runtime.needs import opened_needs  # noqa: PLC0415 - loads plugins

        from .needs import with_needs  # noqa: PLC0415 - loads plugins

        target = with_needs(spec, target, opening or opened_needs)
    elif inspect.iscoroutinefunction(target):
        raise PluginError(
            f"command {spec.name!r}: {spec.target} is an 'async def', which nothing would await",
            hint="Make it a plain function, or name in 'needs' what it uses.",
        )
    if isinstance(target, typer.Typer):
        if not isinstance(target.info.cls, type):
            target.info.cls = Group
        command: Any = typer.main.get_group(target)
        command.name = spec.name
        command.help = command.help or spec.help
        plain(command)
        return command
    single = typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings=CONTEXT,
    )
    single.command(spec.name)(target)
    return typer.main.get_command(single)


def _target(spec: CommandSpec) -> Any:
    module, _, attribute = spec.target.partition(":")
    try:
        target = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise PluginError(
            f"command {spec.name!r}: {spec.target!r} cannot be imported: {error}",
            hint="'target' is 'module:attribute', such as 'acme_count:count'.",
        ) from error
    if not callable(target):
        raise PluginError(
            f"command {spec.name!r}: {spec.target} is {type(target).__name__};"
            " a function or a typer.Typer is expected"
        )
    return target


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings=CONTEXT,
)


def _show_version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"pdfsluice {version('pdfsluice')}")
        raise typer.Exit


@app.callback()
def _program(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=lambda value: _show_version(wanted=value),
            is_eager=True,
            help="Show the version and exit.",
        ),
    ] = False,
) -> None:
    """Receive large PDFs: resumable uploads, scanned on arrival, then searchable."""
