"""The command ``pdfsluice scan``: the scanner without the server.

It runs the same stages as an upload, on files that are already complete.
"""

from __future__ import annotations  # the ports are imported by the hooks that need them

from collections.abc import Sequence

from pdfsluice import core


@core.hookimpl
def pdfsluice_register_commands() -> Sequence[core.CommandSpec]:
    """Register the command ``scan``."""
    return (
        core.CommandSpec(
            name="scan",
            help="Look into PDF files and report what is in them.",
            target="pdfsluice.plugins.scan.command:scan",
        ),
    )
