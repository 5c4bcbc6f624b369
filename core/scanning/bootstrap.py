"""The first message to a stage process: its plugins and their settings."""

import base64
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from pydantic import BaseModel

from pdfsluice.config import Loaded, Settings
from pdfsluice.core.errors import PluginError
from pdfsluice.core.events import Event
from pdfsluice.core.plugins.guarding import guard
from pdfsluice.core.plugins.loop_clock import LoopClock
from pdfsluice.core.plugins.manager import PluginManager
from pdfsluice.core.plugins.ports.children import NO_ACCESS, ChildAccess
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.plugins.ports.stages import StreamStageSpec
from pdfsluice.core.plugins.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap:
    """The plugins of a stage process and their settings.

    Attributes:
        plugins: Names of the plugins that register its stages.
        settings: The settings of the server, without the sections of plugins.
        sections: The sections of these plugins.
        log_level: Level of the least important messages that are sent to the server.
        access: Files and services that its stages need.
    """

    plugins: tuple[str, ...]
    settings: Settings
    sections: Mapping[str, BaseModel]
    log_level: int
    access: ChildAccess = NO_ACCESS

    @classmethod
    def of(
        cls,
        loaded: Loaded,
        manager: PluginManager,
        log_level: int,
        *,
        access: ChildAccess = NO_ACCESS,
    ) -> Self:
        """Return what the stream stages of a server need, and no secret of another plugin."""
        plugins = manager.implementing("pdfsluice_register_stream_stages")
        names = [spec.name for info, spec in manager.options() if info in plugins]
        return cls(
            plugins=tuple(info.name for info in plugins),
            settings=loaded.settings.model_copy(update={"plugins": {}}),
            sections={name: loaded.section(name) for name in names},
            log_level=log_level,
            access=access,
        )

    def packed(self) -> str:
        """Return it as text, which only a process that trusts its sender may unpack.

        Raises:
            PluginError: A section cannot be sent to another process.
        """
        try:
            return base64.b64encode(pickle.dumps(self)).decode()
        except Exception as error:
            raise PluginError(
                f"the settings of {', '.join(self.plugins)} cannot be sent to a stage process:"
                f" {error}",
                hint="Define the models of sections at the top of a module.",
            ) from error

    @staticmethod
    def unpacked(text: str) -> "Bootstrap":
        """Return what :meth:`packed` was called on."""
        bootstrap: Bootstrap = pickle.loads(base64.b64decode(text))  # noqa: S301 - it is ours
        return bootstrap

    def specs(self) -> Sequence[StreamStageSpec]:
        """Return the stages that the plugins register, each called through its boundary.

        Raises:
            PluginError: A plugin cannot be loaded or has no such stages.
        """
        context = PluginContext(
            data_dir=self.settings.data_dir,
            upload_dir=self.settings.upload_dir,
            state_dir=self.settings.state_dir,
            settings=self.settings,
            section=self._section,
            publish=_refuse_to_publish,
        )
        registry = Registry.build(
            PluginManager.load_only(self.plugins),
            context,
            disable=self.settings.disable,
            kinds={"stream_stages"},
        )
        guarded, _ = guard(registry, clock=LoopClock())
        return guarded.stream_stages

    def _section(self, name: str) -> BaseModel:
        if name not in self.sections:
            raise PluginError(f"section {name!r} is not one of a plugin with stream stages")
        return self.sections[name]


def _refuse_to_publish(_event: Event) -> None:
    raise RuntimeError("a stream stage cannot publish events: it runs in a process of its own")
