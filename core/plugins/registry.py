"""All parts that plugins registered, checked for conflicts and ordered."""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pdfsluice.core.errors import PluginError
from pdfsluice.core.models.findings import Explanation

from .checks import check_spec
from .extras import ExtraMissing
from .kinds import KINDS
from .manager import PluginManager
from .parts import Part, PluginInfo, singular
from .ports.context import PluginContext

if TYPE_CHECKING:  # a process that runs parts of one kind loads the ports of that kind alone
    from .ports.access import AuthenticatorSpec
    from .ports.checksums import ChecksumSpec
    from .ports.documents import (
        ImporterSpec,
        IndexSpec,
        PageRendererSpec,
        TextExtractorSpec,
    )
    from .ports.links import LinkSignerSpec
    from .ports.policy import PolicySpec
    from .ports.ranking import RerankerSpec
    from .ports.recognition import TextRecognizerSpec
    from .ports.sinks import EventSinkSpec
    from .ports.stages import ChunkStageSpec, CompletionStageSpec, GateSpec
    from .ports.stores import CatalogueSpec, SessionStoreSpec, UploadStoreSpec
    from .ports.streams import StreamStageSpec

logger = logging.getLogger(__name__)


class Named(Protocol):
    """Any descriptor."""

    @property
    def name(self) -> str:
        """Unique within its kind."""
        ...


SpecT = TypeVar("SpecT", bound=Named)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """The parts, in the order in which they act."""

    authenticators: "tuple[AuthenticatorSpec, ...]" = ()
    gates: "tuple[GateSpec, ...]" = ()
    checksums: "tuple[ChecksumSpec, ...]" = ()
    chunk_stages: "tuple[ChunkStageSpec, ...]" = ()
    stream_stages: "tuple[StreamStageSpec, ...]" = ()
    completion_stages: "tuple[CompletionStageSpec, ...]" = ()
    upload_stores: "tuple[UploadStoreSpec, ...]" = ()
    session_stores: "tuple[SessionStoreSpec, ...]" = ()
    catalogues: "tuple[CatalogueSpec, ...]" = ()
    event_sinks: "tuple[EventSinkSpec, ...]" = ()
    policies: "tuple[PolicySpec, ...]" = ()
    importers: "tuple[ImporterSpec, ...]" = ()
    text_extractors: "tuple[TextExtractorSpec, ...]" = ()
    page_renderers: "tuple[PageRendererSpec, ...]" = ()
    text_recognizers: "tuple[TextRecognizerSpec, ...]" = ()
    indexes: "tuple[IndexSpec, ...]" = ()
    rerankers: "tuple[RerankerSpec, ...]" = ()
    link_signers: "tuple[LinkSignerSpec, ...]" = ()
    parts: tuple[Part, ...] = ()

    @classmethod
    def build(
        cls,
        manager: PluginManager,
        context: PluginContext,
        *,
        disable: Iterable[str] = (),
        kinds: Collection[str] | None = None,
    ) -> "Registry":
        """Call the registering hooks once.

        Args:
            disable: Names of parts to leave out, plain or as ``kind:name``.
            kinds: The kinds of parts to register; all if not given.

        Raises:
            PluginError: A hook failed, two parts have the same name, or the order has a cycle.
        """
        left_out = frozenset(disable)
        unknown = left_out - manager.left_out
        ordered: dict[str, tuple[Any, ...]] = {}
        parts: list[Part] = []
        for kind in KINDS:
            if kinds is not None and kind not in kinds:
                continue
            registered = manager.collect(
                f"pdfsluice_register_{kind}", KINDS[kind].descriptor, context
            )
            for info, spec in registered:
                check_spec(kind, spec, info)
            names = [left_out & {spec.name, f"{kind}:{spec.name}"} for _, spec in registered]
            unknown = unknown.difference(*names)
            enabled = [each for each, named in zip(registered, names, strict=True) if not named]
            owners = _without_conflicts(kind, enabled)
            ordered[kind] = _in_order(kind, [(part.plugin, spec) for part, spec in owners])
            by_name = {part.name: part for part, _ in owners}
            parts.extend(by_name[spec.name] for spec in ordered[kind])
        if unknown and kinds is None:
            logger.warning("nothing to disable is called %s", ", ".join(sorted(unknown)))
        return cls(**ordered, parts=tuple(parts))

    def label(self, kind: str, name: str) -> str:
        """Return a part with its distribution, such as ``index 'acme' of acme-search``."""
        for part in self.parts:
            if part.kind == kind and part.name == name:
                return part.label
        return f"{singular(kind)} {name!r}"

    @property
    def explanations(self) -> Mapping[str, Explanation]:
        """The explanations of finding kinds, from all registered stages."""
        explanations: dict[str, Explanation] = {}
        for stream_stage in self.stream_stages:
            explanations |= stream_stage.explanations
        for completion_stage in self.completion_stages:
            explanations |= completion_stage.explanations
        return explanations


def choose(
    kind: str,
    specs: Sequence[SpecT],
    name: str,
    *,
    missing: Mapping[str, ExtraMissing] = MappingProxyType({}),
) -> SpecT:
    """Return the part that a setting names.

    Args:
        kind: What is chosen: ``session_stores``, ...
        specs: The registered parts of that kind.
        name: The name in the settings.
        missing: Plugins that register no parts, see :attr:`.PluginManager.missing`.

    Raises:
        PluginError: No plugin registered a part of that name.
        ExtraMissing: The plugin of that name lacks its libraries.
    """
    for spec in specs:
        if spec.name == name:
            return spec
    if name in missing:
        raise missing[name]
    names = ", ".join(sorted(spec.name for spec in specs)) or "none"
    raise PluginError(
        f"no plugin registered {name!r} among the {kind.replace('_', ' ')}",
        hint=f"Registered are: {names}. Install the plugin, or change the setting."
        + "".join(f" Plugin {plugin!r}: {each.message}." for plugin, each in missing.items()),
    )


def _without_conflicts(
    kind: str, specs: Sequence[tuple[PluginInfo, SpecT]]
) -> Sequence[tuple[Part, SpecT]]:
    """Replace built-in parts by those of third parties; refuse all other conflicts."""
    winners: dict[str, tuple[Part, SpecT]] = {}
    for info, spec in specs:
        earlier = winners.get(spec.name)
        if earlier is None:
            winners[spec.name] = (Part(kind, spec.name, info), spec)
            continue
        other = earlier[0].plugin
        if not other.built_in or info.built_in:
            raise PluginError(
                f"{kind.replace('_', ' ')}: {spec.name!r} is registered by {other.distribution}"
                f" and by {info.distribution}",
                hint="Uninstall one of the two, or name its plugin in the setting 'disable'.",
            )
        logger.info("%s of %s replaces the built-in one", spec.name, info.distribution)
        winners[spec.name] = (Part(kind, spec.name, info, replaces=other), spec)
    return tuple(winners.values())


def _in_order(kind: str, entries: Sequence[tuple[PluginInfo, SpecT]]) -> tuple[SpecT, ...]:
    """Sort by ``before`` and ``after``; names of absent parts are ignored.

    Otherwise the order of registration stays: a part comes directly before the first that
    names it, and not merely somewhere before it.
    """
    specs = {spec.name: spec for _, spec in entries}
    for info, spec in entries:
        order = (*getattr(spec, "before", ()), *getattr(spec, "after", ()))
        if not info.built_in and (absent := [name for name in order if name not in specs]):
            logger.warning(
                "%s: %s %r is to be before or after %s, which nothing registers",
                info.label,
                singular(kind),
                spec.name,
                ", ".join(map(repr, absent)),
            )
    owners = {spec.name: info.distribution for info, spec in entries}
    earlier: dict[str, list[str]] = {name: [] for name in specs}
    for name, spec in specs.items():
        earlier[name] += (each for each in getattr(spec, "after", ()) if each in specs)
        for later in getattr(spec, "before", ()):
            if later in specs:
                earlier[later].append(name)
    try:
        TopologicalSorter(earlier).prepare()
    except CycleError as error:
        ring = " -> ".join(f"{name} ({owners[name]})" for name in error.args[1])
        raise PluginError(
            f"{kind.replace('_', ' ')}: the order is contradictory: {ring}",
            hint="Correct 'before' and 'after' in one of these distributions.",
        ) from error
    ordered: dict[str, SpecT] = {}
    for name in specs:
        _append(name, specs, earlier, ordered)
    return tuple(ordered.values())


def _append(
    name: str,
    specs: Mapping[str, SpecT],
    earlier: Mapping[str, Sequence[str]],
    ordered: dict[str, SpecT],
) -> None:
    """Append a part to an order, after those that have to come before it."""
    if name not in ordered:
        for each in earlier[name]:
            _append(each, specs, earlier, ordered)
        ordered[name] = specs[name]
