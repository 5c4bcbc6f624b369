"""Links to documents that nginx checks and serves: its module ``secure_link``.

The upload store keeps the files; nginx reads the same folder, or fetches them from the store.
"""

from __future__ import annotations  # the ports are imported by the hooks that need them

from collections.abc import Sequence

from pdfsluice import core

NAME = "secure-link"
SECTION = "secure_link"


@core.hookimpl
def pdfsluice_register_options() -> Sequence[core.OptionsSpec]:
    """Register the section ``secure_link``."""
    from .options import SecureLinkOptions  # noqa: PLC0415 - pydantic, only where settings are read

    return [core.OptionsSpec(name=SECTION, model=SecureLinkOptions)]


@core.hookimpl
def pdfsluice_register_link_signers(context: core.PluginContext) -> Sequence[core.LinkSignerSpec]:
    """Register the link signer ``secure-link``."""
    from .options import SecureLinkOptions  # noqa: PLC0415 - see above
    from .signer import SecureLinkSigner  # noqa: PLC0415 - see above

    options = context.options(SECTION, SecureLinkOptions)
    complete = options.url and options.secret.get_secret_value()
    if context.settings.link_signer == NAME and not complete:
        raise core.PluginError(
            f"the link signer {NAME!r} lacks its address or its secret",
            hint=f"Set 'url' and 'secret' in the section {SECTION!r} of the settings.",
        )
    return [core.LinkSignerSpec(name=NAME, signer=SecureLinkSigner(options))]
