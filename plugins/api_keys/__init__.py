"""API keys: named, scoped, revocable, and stored as hashes only.

The authenticator and the command `keys` are here; which route needs which scope is decided
by the server.
"""

from __future__ import annotations  # the ports are imported by the hooks that need them

from collections.abc import Sequence
from functools import partial

from pdfsluice import core

NAME = "api-keys"


@core.hookimpl
def pdfsluice_register_authenticators(
    context: core.PluginContext,
) -> Sequence[core.AuthenticatorSpec]:
    """Register the authenticator ``api-keys``."""
    from .authenticator import opened  # noqa: PLC0415 - hooks import cheaply

    return [core.AuthenticatorSpec(name=NAME, open_with=partial(opened, data_dir=context.data_dir))]


@core.hookimpl
def pdfsluice_register_commands() -> Sequence[core.CommandSpec]:
    """Register the command ``keys``."""
    return [
        core.CommandSpec(
            name="keys",
            help="Add, list and revoke API keys.",
            target="pdfsluice.plugins.api_keys.commands:app",
        )
    ]
