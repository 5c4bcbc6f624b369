"""The policy ``rules``: short presets and the operator's own rules.

It decides on findings and makes none.
"""

from collections.abc import Sequence

from pdfsluice.core import OptionsSpec, PluginContext, PolicySpec, hookimpl

SECTION = "policy"


@hookimpl
def pdfsluice_register_options() -> Sequence[OptionsSpec]:
    """Register the section ``policy``."""
    from .options import PolicyOptions  # noqa: PLC0415 - hooks import cheaply

    return (OptionsSpec(name=SECTION, model=PolicyOptions),)


@hookimpl
def pdfsluice_register_policies(context: PluginContext) -> Sequence[PolicySpec]:
    """Register the policy ``rules``."""
    from .options import PolicyOptions  # noqa: PLC0415
    from .policy import RulesPolicy  # noqa: PLC0415
    from .spelling import warn_of_unknown_kinds  # noqa: PLC0415

    options = context.options(SECTION, PolicyOptions)
    warn_of_unknown_kinds(rule.kind for rule in options.rules)
    variant = options.preset + (", with rules of its own" if options.rules else "")
    return (PolicySpec(name="rules", policy=RulesPolicy(options), variant=variant),)
