"""The policy ``rules``: short presets and the operator's own rules.

It decides on findings and makes none.
"""

from __future__ import annotations  # the ports are imported by the hooks that need them

from collections.abc import Sequence

from pdfsluice import core

SECTION = "policy"


@core.hookimpl
def pdfsluice_register_options() -> Sequence[core.OptionsSpec]:
    """Register the section ``policy``."""
    from .options import PolicyOptions  # noqa: PLC0415 - hooks import cheaply

    return (core.OptionsSpec(name=SECTION, model=PolicyOptions),)


@core.hookimpl
def pdfsluice_register_policies(context: core.PluginContext) -> Sequence[core.PolicySpec]:
    """Register the policy ``rules``."""
    from .options import PolicyOptions  # noqa: PLC0415
    from .policy import RulesPolicy  # noqa: PLC0415
    from .spelling import warn_of_unknown_kinds  # noqa: PLC0415

    options = context.options(SECTION, PolicyOptions)
    warn_of_unknown_kinds(rule.kind for rule in options.rules)
    variant = options.preset + (", with rules of its own" if options.rules else "")
    return (core.PolicySpec(name="rules", policy=RulesPolicy(options), variant=variant),)
