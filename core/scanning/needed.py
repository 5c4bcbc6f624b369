"""Chooses the completion stages that a file needs."""

from collections.abc import Callable

from pdfsluice.core.models.findings import Decision, Finding
from pdfsluice.core.plugins.ports.stages import CompletionStageSpec


def is_needed(spec: CompletionStageSpec, decide: Callable[[Finding], Decision]) -> bool:
    """Return whether a stage inspects a file.

    See :attr:`.CompletionStageSpec.only_if_refused`.

    Args:
        spec: The stage.
        decide: What the policy makes of a finding in that file.
    """
    examples = spec.only_if_refused
    return not examples or any(decide(example).refuses for example in examples)
