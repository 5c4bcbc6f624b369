"""A wrong plugin stops the start with a sentence that its author understands."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel

from pdfsluice.config import Settings
from pdfsluice.core import (
    AuthenticatorSpec,
    CatalogueSpec,
    ChunkStageSpec,
    CommandSpec,
    EventSinkSpec,
    GateSpec,
    ImporterSpec,
    OptionsSpec,
    PluginContext,
    PluginError,
    PolicySpec,
    StreamStageSpec,
    TextExtractorSpec,
    closing,
    hookimpl,
)
from pdfsluice.core.plugins.kinds import KINDS
from pdfsluice.core.plugins.manager import PluginManager
from pdfsluice.core.plugins.parts import PluginInfo
from pdfsluice.core.plugins.registry import Registry
from tests.support.parts import part_of

ACME = PluginInfo("acme", "acme_plugin", "acme-dist", "1.2")
CONTEXT = PluginContext(
    data_dir=Path(),
    upload_dir=Path(),
    state_dir=Path(),
    settings=Settings.model_validate({"data_dir": "/nowhere"}),
    section=lambda _: BaseModel(),
    publish=lambda _: None,
)
GATE = part_of(KINDS["gates"].protocol)


def built(kind: str, hook: Callable[[Any], Any], *, marked: bool = True) -> Registry:
    module = ModuleType("acme_plugin")

    def with_context(context: PluginContext) -> Any:
        return hook(context)

    setattr(
        module, f"pdfsluice_register_{kind}", (hookimpl if marked else lambda f: f)(with_context)
    )
    manager = PluginManager()
    manager.register(module, ACME)
    return Registry.build(manager, CONTEXT)


class Half:
    async def run(self, context: object) -> None:
        """Do nothing."""


class Sync:
    def handle(self, event: object) -> None:
        """Do nothing."""


class Few:
    async def handle(self) -> None:
        """Do nothing."""


class AsyncPolicy:
    async def decide(self, finding: object, session: object) -> None:
        """Do nothing."""

    def keeps_rejected(self) -> bool:
        return False


class Undecorated:
    async def admit(self, session: object, chunk: object) -> AsyncIterator[None]:
        yield


class Awaited:
    async def pages(self, path: object, *, first: int = 1) -> list[object]:
        return []


class Unenforced:
    async def authenticate(self, credentials: object) -> None:
        """Do nothing."""


async def not_a_context() -> AsyncIterator[None]:
    yield


@asynccontextmanager
async def wants_more(one: object) -> AsyncIterator[Any]:
    yield one


def of(spec: Any, **given: Any) -> Callable[[Any], Any]:
    return lambda _: [spec(**{"name": "ocr", **given})]


OPEN = Unenforced()
WRONG: list[tuple[str, str, Callable[[Any], Any], str]] = [
    ("a missing method", "importers", of(ImporterSpec, importer=Half()), "no method 'forget'"),
    ("no methods", "gates", of(GateSpec, gate=object()), "no method 'admit'"),
    ("a class", "importers", of(ImporterSpec, importer=Half), "class Half; an object"),
    ("None", "importers", of(ImporterSpec, importer=None), "no method 'run'"),
    ("sync for async", "event_sinks", of(EventSinkSpec, sink=Sync()), "'handle' has to be an"),
    ("async for sync", "policies", of(PolicySpec, policy=AsyncPolicy()), "'decide' is an 'async"),
    ("no context", "gates", of(GateSpec, gate=Undecorated()), "@asynccontextmanager"),
    ("no iterator", "text_extractors", of(TextExtractorSpec, extractor=Awaited()), "with 'yield'"),
    ("arity", "event_sinks", of(EventSinkSpec, sink=Few()), r"handle\(event\) is expected"),
    ("no attribute", "authenticators", of(AuthenticatorSpec, authenticator=OPEN), "enforce"),
    ("empty name", "gates", of(GateSpec, gate=GATE, name=""), "a name has letters"),
    ("odd name", "gates", of(GateSpec, gate=GATE, name="my gate/1"), "a name has letters"),
    ("no name", "gates", of(GateSpec, gate=GATE, name=None), "a name has letters"),
    ("before itself", "gates", of(GateSpec, gate=GATE, before=("ocr",)), "the part itself"),
    ("after itself", "gates", of(GateSpec, gate=GATE, after=("ocr",)), "the part itself"),
    ("after a string", "gates", of(GateSpec, gate=GATE, after="digest"), "tuple of names"),
    ("after numbers", "gates", of(GateSpec, gate=GATE, after=(1,)), "tuple of names"),
    ("nothing", "gates", of(GateSpec), "either 'gate' or 'open'"),
    ("both", "gates", of(GateSpec, gate=GATE, open=closing(lambda: GATE)), "either 'gate' or"),
    ("no way", "authenticators", of(AuthenticatorSpec), "'open' or 'open_with'"),
    ("two ways", "authenticators", of(AuthenticatorSpec, open=OPEN, open_with=OPEN), "give either"),
    ("open_with wants less", "authenticators", of(AuthenticatorSpec, open_with=closing), "2 arg"),
    ("open is no function", "gates", of(GateSpec, open=GATE), "a function is expected"),
    ("open is undecorated", "catalogues", of(CatalogueSpec, open=not_a_context), "@asynccontextm"),
    ("open wants more", "catalogues", of(CatalogueSpec, open=wants_more), "take no arguments"),
    ("open takes nothing", "stream_stages", of(StreamStageSpec, open=lambda: None), "1 argument"),
    ("open is async", "stream_stages", of(StreamStageSpec, open=asyncio.sleep), "a plain function"),
    ("one spec", "gates", lambda _: GateSpec(name="x", gate=GATE), "one GateSpec; a list"),
    ("a string", "gates", lambda _: "gate", "returned str; a list"),
    ("a number", "gates", lambda _: 7, "returned int; a list"),
    ("another spec", "gates", of(ChunkStageSpec, stage=GATE), "GateSpec is expected"),
    ("a class of specs", "gates", lambda _: [GateSpec], "GateSpec is expected"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "hook", "words"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG]
)
def test_it_names_what_is_wrong(kind: str, hook: Callable[[Any], Any], words: str) -> None:
    with pytest.raises(PluginError, match=words) as caught:
        built(kind, hook)
    assert "acme-dist" in caught.value.message


def test_an_async_hook_is_refused() -> None:
    async def hook(context: object) -> list[object]:
        return []

    with pytest.raises(PluginError, match=r"acme-dist.*gates is an 'async def'"):
        built("gates", hook)


def test_a_hook_without_its_mark_is_refused() -> None:
    with pytest.raises(PluginError, match=r"acme-dist.*register_gates is not marked") as caught:
        built("gates", lambda _: [], marked=False)
    assert "@hookimpl" in caught.value.hint


def test_a_section_of_another_plugin_is_refused() -> None:
    def plugin() -> ModuleType:
        module = ModuleType("any")
        hook = hookimpl(lambda: [OptionsSpec(name="text", model=BaseModel)])
        module.pdfsluice_register_options = hook  # type: ignore[attr-defined]
        return module

    manager = PluginManager()
    manager.register(plugin(), PluginInfo("importers", "m", "pdfsluice", "1.0"))
    manager.register(plugin(), ACME)
    with pytest.raises(PluginError, match=r"acme-dist.*'text' .*of pdfsluice 1\.0, too"):
        manager.options()


def test_an_order_that_names_nothing_warns(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        built("gates", of(GateSpec, gate=GATE, after=("unheard-of",)))
    assert "acme-dist" in caplog.text
    assert "'unheard-of', which nothing registers" in caplog.text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "count all"}, "a name has letters"),
        ({"name": ""}, "a name has letters"),
        ({"target": "acme_count"}, "'module:attribute' is expected"),
        ({"target": "acme_count:"}, "'module:attribute' is expected"),
        ({"target": print}, "'module:attribute' is expected"),
        ({"needs": "catalogue"}, "a set of these is expected: Need.SETTINGS"),
        ({"needs": {"database"}}, "a set of these is expected"),
    ],
    ids=["spaces", "empty", "module", "attribute", "function", "string", "unknown"],
)
def test_a_command_that_cannot_work_is_refused(changes: dict[str, Any], words: str) -> None:
    values = {"name": "count", "help": "Count.", "target": "acme_count:count", **changes}
    module = ModuleType("acme_plugin")
    hook = hookimpl(lambda: [CommandSpec(**values)])
    module.pdfsluice_register_commands = hook  # type: ignore[attr-defined]
    manager = PluginManager()
    manager.register(module, ACME)
    with pytest.raises(PluginError, match=r"acme-dist.*command") as caught:
        manager.commands()
    assert words in caught.value.message


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_with_every_method_is_accepted(kind: str) -> None:
    holder = KINDS[kind]
    part = part_of(holder.protocol)
    held = part if holder.shape is None else lambda *_: part
    assert getattr(built(kind, of(holder.descriptor, **{holder.field: held})), kind)
