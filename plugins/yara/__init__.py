"""YARA-X: whole files are scanned with rules of the operator's own.

Nothing happens without a folder of rules; with one, a wrong rule stops start-up.
"""

import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from pdfsluice.core.errors import PluginError
from pdfsluice.core.plugins.hookspecs import hookimpl
from pdfsluice.core.plugins.ports.context import OptionsSpec, PluginContext
from pdfsluice.core.plugins.ports.stages import CompletionStageSpec

SECTION = "yara"
_CHECK_SECONDS = 120


@hookimpl
def pdfsluice_register_options() -> Sequence[OptionsSpec]:
    """Register the section ``yara``."""
    from .options import YaraOptions  # noqa: PLC0415 - hooks import cheaply

    return (OptionsSpec(name=SECTION, model=YaraOptions),)


@hookimpl
def pdfsluice_register_completion_stages(context: PluginContext) -> Sequence[CompletionStageSpec]:
    """Register the stage ``yara``, where a folder of rules is configured."""
    from .options import YaraOptions  # noqa: PLC0415
    from .stage import MODULE, NAME, YaraStage  # noqa: PLC0415

    options = context.options(SECTION, YaraOptions)
    if options.rules is None:
        return ()
    folder = options.rules.expanduser().absolute()
    _check(MODULE, folder)
    stage = YaraStage(options, folder)
    return (CompletionStageSpec(name=NAME, stage=stage, after=("pdf-deep",), close=stage.close),)


def _check(module: str, folder: Path) -> None:
    """Compile the rules once, in a process that takes the compiler's memory with it."""
    if find_spec("yara_x") is None:
        raise PluginError(
            "YARA rules are configured, and YARA-X is not installed",
            hint="Install it with: pip install 'pdfsluice[yara]'",
        )
    command = [sys.executable, "-P", "-m", module, str(folder), "1", "--check"]
    checked = subprocess.run(
        command, capture_output=True, text=True, timeout=_CHECK_SECONDS, check=False
    )
    if checked.returncode != 0:
        raise PluginError(
            f"the YARA rules are wrong: {checked.stderr.strip()[-2000:]}",
            hint="Correct the rule, or move its file out of the folder.",
        )
