"""A typed facade over pluggy: finds plugins, names them, and collects their parts."""

import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy

from pdfsluice.core.errors import PluginError

from . import hookspecs
from .checks import check_module, check_result, check_spec
from .deprecation import INTERFACE, Deprecations, warn_of_fields, warn_of_hooks
from .extras import ExtraMissing, first_missing
from .parts import DISTRIBUTION, PluginInfo
from .ports.context import CommandSpec, OptionsSpec, PluginContext

if TYPE_CHECKING:  # it takes 20 ms to import; a stage process does without
    from importlib.metadata import EntryPoint

BUILT_IN: tuple[str, ...] = (
    "pdfsluice.plugins.api_keys",
    "pdfsluice.plugins.backpressure",
    "pdfsluice.plugins.checksum",
    "pdfsluice.plugins.digest",
    "pdfsluice.plugins.pdf",
    "pdfsluice.plugins.clamav",
    "pdfsluice.plugins.pdf.deep",
    "pdfsluice.plugins.yara",
    "pdfsluice.plugins.policy",
    "pdfsluice.plugins.scan",
    "pdfsluice.plugins.local_store",
    "pdfsluice.plugins.object_store",
    "pdfsluice.plugins.secure_link",
    "pdfsluice.plugins.sql",
    "pdfsluice.plugins.progress_log",
    "pdfsluice.plugins.pdfium",
    "pdfsluice.plugins.pypdf_text",
    "pdfsluice.plugins.markdown",
    "pdfsluice.plugins.tesseract",
    "pdfsluice.plugins.importers",
    "pdfsluice.plugins.llamaindex",
    "pdfsluice.plugins.reranking",
)
"""Built-in plugins; named as strings, because the core imports no plugin itself."""

LIBRARIES = "LIBRARIES"
"""Constant of a built-in plugin: the modules of an extra without which it registers no parts.

A plugin that an operator configures (rules of YARA, an address of clamd) has none: it refuses
to start instead, so that no file passes unchecked.
"""

SpecT = TypeVar("SpecT")


class PluginManager:
    """The loaded plugins of one server or command.

    Args:
        deprecations: What plugins should no longer use.

    Attributes:
        left_out: Names of plugins that are installed but disabled.
        missing: Built-in plugins whose libraries are not installed, with the extra that
            installs them. Their settings are read, and they register no parts.
    """

    def __init__(self, deprecations: Deprecations = INTERFACE) -> None:
        self._deprecations = deprecations
        self.left_out: frozenset[str] = frozenset()
        self.missing: Mapping[str, ExtraMissing] = {}
        self._pluggy = pluggy.PluginManager(hookspecs.PROJECT)
        self._pluggy.add_hookspecs(hookspecs)
        self._infos: dict[str, PluginInfo] = {}

    @classmethod
    def load(cls, *, disable: Iterable[str] = (), third_party: bool = True) -> "PluginManager":
        """Load the built-in plugins and those of installed distributions.

        Args:
            disable: Names of plugins to leave out.
            third_party: Whether to look for entry points of other distributions.

        Raises:
            PluginError: A plugin cannot be imported, or two have the same name.
        """
        exclusions = frozenset(disable)
        manager = cls()
        for info, load in _installed(third_party=third_party):
            if info.name in exclusions:
                manager.left_out |= {info.name}
            else:
                manager.register(manager._imported(load, info), info)
        return manager

    @classmethod
    def load_only(cls, plugins: Collection[PluginInfo]) -> "PluginManager":
        """Load some plugins that another process has loaded, and import no other.

        Raises:
            PluginError: A plugin cannot be imported, or is not installed.
        """
        manager = cls()
        others = {info.name for info in plugins if not info.built_in}
        points = {point.name: point for point in _third_party_points()} if others else {}
        if missing := sorted(others.difference(points)):
            raise PluginError(f"not installed as plugins: {', '.join(missing)}")
        for info in plugins:
            load = _importer(info) if info.built_in else points[info.name].load
            manager.register(manager._imported(load, info), info)
        return manager

    @staticmethod
    def _imported(load: Callable[[], Any], info: PluginInfo) -> Any:
        try:
            return load()
        except Exception as error:
            raise PluginError(
                f"plugin {info.name!r} of {info.distribution} {info.version} cannot be loaded:"
                f" {type(error).__name__}: {error}",
                hint=f"Repair or uninstall {info.distribution},"
                f" or start with {info.name!r} in the setting 'disable'.",
            ) from error

    def register(self, plugin: object, info: PluginInfo) -> None:
        """Add a plugin.

        Raises:
            PluginError: The name is taken, or the plugin implements a hook that does not exist.
        """
        if info.name in self._infos:
            other = self._infos[info.name]
            raise PluginError(
                f"two plugins are called {info.name!r}: of {other.distribution}"
                f" and of {info.distribution}",
                hint="Uninstall one of them.",
            )
        self._infos[info.name] = info
        missing = first_missing(getattr(plugin, LIBRARIES, ())) if info.built_in else None
        if missing is not None:
            self.missing = {**self.missing, info.name: missing}
        _require_api(plugin, info)
        check_module(plugin, info)
        warn_of_hooks(plugin, info.distribution, self._deprecations)
        try:
            self._pluggy.register(plugin, info.name)
            self._pluggy.check_pending()
        except pluggy.PluginValidationError as error:
            raise PluginError(
                f"plugin {info.name!r} of {info.distribution} has a wrong hook: {error}",
                hint=f"It may need another version of pdfsluice than {_own_version()}.",
            ) from error

    @property
    def plugins(self) -> Sequence[PluginInfo]:
        """All plugins in the order in which they were loaded."""
        return tuple(self._infos.values())

    def options(self) -> Sequence[tuple[PluginInfo, OptionsSpec]]:
        """Return every plugin's section of the settings.

        Raises:
            PluginError: A hook failed, or two plugins register the same section.
        """
        sections = self.collect("pdfsluice_register_options", OptionsSpec)
        owners: dict[str, PluginInfo] = {}
        for info, spec in sections:
            check_spec("options", spec, info)
            if (other := owners.setdefault(spec.name, info)) is not info:
                raise PluginError(
                    f"{info.label}: the section {spec.name!r} of the settings is registered by"
                    f" {other.label}, too.",
                    hint="Give the section another name, usually the plugin's.",
                )
        return sections

    def commands(self) -> Sequence[tuple[PluginInfo, CommandSpec]]:
        """Return every plugin's commands.

        Raises:
            PluginError: A hook failed, or a command cannot work.
        """
        commands = self.collect("pdfsluice_register_commands", CommandSpec)
        for info, spec in commands:
            check_spec("commands", spec, info)
        return commands

    def collect(
        self, hook: str, kind: type[SpecT], context: PluginContext | None = None
    ) -> Sequence[tuple[PluginInfo, SpecT]]:
        """Call one hook of every plugin; return the descriptors with their plugins.

        Raises:
            PluginError: A hook raised, or returned something other than descriptors.
        """
        return tuple(self._collect(hook, kind, context))

    def _collect(
        self, hook: str, kind: type[SpecT], context: PluginContext | None
    ) -> Iterator[tuple[PluginInfo, SpecT]]:
        arguments = {} if context is None else {"context": context}
        for name, info in self._infos.items():
            if context is not None and name in self.missing:
                continue
            others = [plugin for other, plugin in self._pluggy.list_name_plugin() if other != name]
            caller = self._pluggy.subset_hook_caller(hook, others)
            try:
                results = caller(**arguments)
            except Exception as error:
                raise PluginError(
                    f"plugin {info.name!r} of {info.distribution} {info.version} failed in"
                    f" {hook}: {type(error).__name__}: {error}",
                    hint=f"Correct its settings, or start with {info.name!r} in 'disable'.",
                ) from error
            specs = (check_result(result, hook, kind, info) for result in results)
            for spec in (spec for group in specs for spec in group):
                if not isinstance(spec, kind):
                    raise PluginError(
                        f"plugin {info.name!r} of {info.distribution} returned"
                        f" {type(spec).__name__} from {hook}; {kind.__name__} is expected"
                    )
                warn_of_fields(spec, info.distribution, self._deprecations)
                yield info, spec


def _require_api(plugin: object, info: PluginInfo) -> None:
    """Refuse a plugin that needs another version of the hooks.

    Raises:
        PluginError: Its ``PDFSLUICE_API`` is not served by this version.
    """
    requirement = getattr(plugin, "PDFSLUICE_API", hookspecs.API_VERSION)
    try:
        major, minor = requirement
        is_served = major == hookspecs.API_VERSION[0] and minor <= hookspecs.API_VERSION[1]
    except (TypeError, ValueError) as error:
        raise PluginError(
            f"{info.label}: PDFSLUICE_API is {requirement!r}; a pair like (1, 0) is expected"
        ) from error
    if not is_served:
        own = ".".join(map(str, hookspecs.API_VERSION))
        raise PluginError(
            f"{info.label} needs version {major}.{minor} of the hooks; pdfsluice"
            f" {_own_version()} has {own}",
            hint=f"Install a version of {info.distribution}, or of pdfsluice, that fits.",
        )


def _installed(*, third_party: bool) -> Iterator[tuple[PluginInfo, Callable[[], Any]]]:
    """Yield each installed plugin and the function that imports it."""
    own_version = _own_version()
    for module in BUILT_IN:
        name = module.removeprefix("pdfsluice.").removeprefix("plugins.")
        info = PluginInfo(name, module, DISTRIBUTION, own_version)
        yield info, _importer(info)
    for point in _third_party_points() if third_party else ():
        yield _info(point), point.load


def _own_version() -> str:
    from importlib.metadata import version  # noqa: PLC0415 - see above

    return version(DISTRIBUTION)


def _importer(info: PluginInfo) -> Callable[[], Any]:
    return partial(import_module, info.module)


def _third_party_points() -> "Sequence[EntryPoint]":
    return _points_on(tuple(sys.path))


@cache
def _points_on(_path: tuple[str, ...]) -> "Sequence[EntryPoint]":
    """Return the entry points of the distributions on a path, looked for once.

    To read the metadata of two hundred distributions takes 18 ms.
    """
    from importlib.metadata import entry_points  # noqa: PLC0415 - see above

    points = entry_points(group=hookspecs.ENTRY_POINT_GROUP)
    return sorted(points, key=lambda point: (point.dist.name if point.dist else "", point.name))


def _info(point: "EntryPoint") -> PluginInfo:
    if point.dist is None:
        return PluginInfo(point.name, point.module, "(unknown)", "")
    return PluginInfo(point.name, point.module, point.dist.name, point.dist.version)
