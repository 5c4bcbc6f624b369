"""The command ``pdfsluice scan``: the scanner without the server.

It runs the same stages as an upload, on files that are already complete.
"""

from collections.abc import Sequence

from pdfsluice.core import CommandSpec, hookimpl


@hookimpl
def pdfsluice_register_commands() -> Sequence[CommandSpec]:
    """Register the command ``scan``."""
    return (
        CommandSpec(
            name="scan",
            help="Look into PDF files and report what is in them.",
            target="pdfsluice.plugins.scan.command:scan",
        ),
    )
