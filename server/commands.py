"""The commands that the server brings."""

from collections.abc import Sequence

from pdfsluice.core import CommandSpec, hookimpl


@hookimpl
def pdfsluice_register_commands() -> Sequence[CommandSpec]:
    """Register ``serve``."""
    return (
        CommandSpec(
            name="serve",
            help="Run the server.",
            target="pdfsluice.server.serve:serve",
        ),
    )
