"""The policy ``rules``: presets that can be read at a glance, and rules of one's own."""

from collections.abc import Sequence

from pdfsluice.core.hookspecs import hookimpl
from pdfsluice.core.ports import OptionsSpec, PluginContext, PolicySpec

from .options import PolicyOptions
from .policy import RulesPolicy

SECTION = "policy"


@hookimpl
def pdfsluice_register_options() -> Sequence[OptionsSpec]:
    """Register the section ``policy``."""
    return (OptionsSpec(name=SECTION, model=PolicyOptions),)


@hookimpl
def pdfsluice_register_policies(context: PluginContext) -> Sequence[PolicySpec]:
    """Register the policy ``rules``."""
    options = context.options(SECTION, PolicyOptions)
    return (PolicySpec(name="rules", policy=RulesPolicy(options)),)
