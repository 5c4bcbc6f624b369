"""The first message to a stage process: its plugins and their settings.

Settings are models, whose library takes a third of the time that the process needs to start.
They travel packed, each for itself, and are unpacked when a plugin asks for them.
"""

import base64
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from pdfsluice.core.errors import PluginError
from pdfsluice.core.plugins.guarding import guard_by
from pdfsluice.core.plugins.manager import PluginManager
from pdfsluice.core.plugins.parts import PluginInfo
from pdfsluice.core.plugins.ports.children import ChildAccess
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.plugins.ports.streams import StreamStageSpec
from pdfsluice.core.plugins.registry import Registry
from pdfsluice.core.plugins.thread_boundary import ThreadBoundary

if TYPE_CHECKING:
    from pydantic import BaseModel

    from pdfsluice.config import Loaded, Settings
    from pdfsluice.core.models.events import Event

_KIND = "stream_stages"


@dataclass(frozen=True, slots=True)
class PackedSection:
    """The section of a plugin.

    Attributes:
        model: The model, pickled.
        values: The values of its fields by their names, pickled.
    """

    model: bytes
    values: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap:
    """The plugins of a stage process and their settings.

    Attributes:
        plugins: The plugins whose stages it runs.
        data_dir: See :class:`PluginContext`.
        upload_dir: See :class:`PluginContext`.
        state_dir: See :class:`PluginContext`.
        disable: Names of parts to leave out.
        settings: The settings of the server without the sections of plugins, pickled.
        sections: The sections of these plugins.
        log_level: Level of the least important messages that are sent to the server.
        access: Files and services that its stages need.
    """

    plugins: tuple[PluginInfo, ...]
    data_dir: Path
    upload_dir: Path
    state_dir: Path
    disable: tuple[str, ...]
    settings: bytes
    sections: Mapping[str, PackedSection]
    log_level: int
    access: ChildAccess

    @classmethod
    def of(
        cls,
        loaded: "Loaded",
        manager: PluginManager,
        registry: Registry,
        log_level: int,
    ) -> Self:
        """Return what the stream stages of a server need, and no secret of another plugin.

        Raises:
            PluginError: A section cannot be sent to another process.
        """
        settings = loaded.settings
        owners = {part.plugin for part in registry.parts if part.kind == _KIND}
        names = [spec.name for info, spec in manager.options() if info in owners]
        return cls(
            plugins=tuple(info for info in manager.plugins if info in owners),
            data_dir=settings.data_dir,
            upload_dir=settings.upload_dir,
            state_dir=settings.state_dir,
            disable=tuple(settings.disable),
            settings=pickle.dumps(settings),
            sections={name: _packed(name, loaded.section(name)) for name in names},
            log_level=log_level,
            access=ChildAccess.union(spec.access for spec in registry.stream_stages),
        )

    def packed(self) -> str:
        """Return it as text, which only a process that trusts its sender may unpack."""
        return base64.b64encode(pickle.dumps(self)).decode()

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
        registry = Registry.build(
            PluginManager.load_only(self.plugins),
            self.context(),
            disable=self.disable,
            kinds={_KIND},
        )
        guarded, _ = guard_by(registry, ThreadBoundary)
        return guarded.stream_stages

    def context(self) -> PluginContext:
        """Return what the hooks of the plugins receive."""
        return PluginContext(
            data_dir=self.data_dir,
            upload_dir=self.upload_dir,
            state_dir=self.state_dir,
            settings=cast("Settings", _Unpacked(self.settings)),
            section=self._section,
            values=self._values,
            publish=_refuse_to_publish,
        )

    def _section(self, name: str) -> "BaseModel":
        model: BaseModel = pickle.loads(self._packed_section(name).model)  # noqa: S301 - it is ours
        return model

    def _values(self, name: str) -> Mapping[str, Any]:
        values: Mapping[str, Any] = pickle.loads(self._packed_section(name).values)  # noqa: S301
        return values

    def _packed_section(self, name: str) -> PackedSection:
        if name not in self.sections:
            raise PluginError(f"section {name!r} is not one of a plugin with stream stages")
        return self.sections[name]


class _Unpacked:
    """A stand-in for a pickled object, which is unpacked when it is first used."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._object: object | None = None

    def __getattr__(self, name: str) -> Any:
        if self._object is None:
            self._object = pickle.loads(self._data)  # noqa: S301 - it is ours
        return getattr(self._object, name)


def _packed(name: str, section: "BaseModel") -> PackedSection:
    try:
        return PackedSection(pickle.dumps(section), pickle.dumps(dict(section)))
    except Exception as error:
        raise PluginError(
            f"the section {name!r} of the settings cannot be sent to a stage process: {error}",
            hint="Define the models of sections at the top of a module.",
        ) from error


def _refuse_to_publish(_event: "Event") -> None:
    raise RuntimeError("a stream stage cannot publish events: it runs in a process of its own")
