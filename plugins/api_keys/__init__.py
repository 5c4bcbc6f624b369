"""API keys: named, scoped, revocable, and stored as hashes only.

The authenticator and the command `keys` are here; which route needs which scope is decided
by the server.
"""

from collections.abc import Sequence
from functools import partial

from pdfsluice.core import AuthenticatorSpec, CommandSpec, PluginContext, hookimpl

NAME = "api-keys"


@hookimpl
def pdfsluice_register_authenticators(context: PluginContext) -> Sequence[AuthenticatorSpec]:
    """Register the authenticator ``api-keys``."""
    from .authenticator import opened  # noqa: PLC0415 - hooks import cheaply

    return [AuthenticatorSpec(name=NAME, open_with=partial(opened, data_dir=context.data_dir))]


@hookimpl
def pdfsluice_register_commands() -> Sequence[CommandSpec]:
    """Register the command ``keys``."""
    return [
        CommandSpec(
            name="keys",
            help="Add, list and revoke API keys.",
            target="pdfsluice.plugins.api_keys.commands:app",
        )
    ]
