"""Finding, naming, ordering and refusing plugins."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from pdfsluice.config import Settings
from pdfsluice.core import API_VERSION, closing
from pdfsluice.core.errors import PluginError
from pdfsluice.core.plugins.hookspecs import hookimpl
from pdfsluice.core.plugins.manager import PluginManager
from pdfsluice.core.plugins.opening import open_parts
from pdfsluice.core.plugins.parts import PluginInfo
from pdfsluice.core.plugins.ports.context import OptionsSpec, PluginContext
from pdfsluice.core.plugins.ports.stages import ChunkStage, ChunkStageSpec
from pdfsluice.core.plugins.registry import Registry, choose
from tests.support.parts import part_of

CONTEXT = PluginContext(
    data_dir=Path("/nowhere"),
    upload_dir=Path("/nowhere"),
    state_dir=Path("/nowhere"),
    settings=Settings.model_validate({"data_dir": "/nowhere"}),
    section=lambda _: BaseModel(),
    publish=lambda _: None,
)
STAGE: Any = part_of(ChunkStage)


class Plugin:
    """Registers the given chunk stages."""

    def __init__(self, *specs: Any) -> None:
        self.specs = specs

    @hookimpl
    def pdfsluice_register_chunk_stages(self, context: PluginContext) -> list[Any]:
        del context
        return list(self.specs)


def spec(name: str, *, before: tuple[str, ...] = (), after: tuple[str, ...] = ()) -> ChunkStageSpec:
    return ChunkStageSpec(name=name, stage=STAGE, before=before, after=after)


def info(name: str, distribution: str = "pdfsluice") -> PluginInfo:
    return PluginInfo(name, f"module_{name}", distribution, "1.0")


def registry(*plugins: tuple[PluginInfo, object], disable: tuple[str, ...] = ()) -> Registry:
    manager = PluginManager()
    for about, plugin in plugins:
        manager.register(plugin, about)
    return Registry.build(manager, CONTEXT, disable=disable)


def names(built: Registry) -> list[str]:
    return [stage.name for stage in built.chunk_stages]


def test_stages_stand_in_the_order_they_ask_for() -> None:
    built = registry(
        (info("a"), Plugin(spec("last", after=("middle", "absent")), spec("middle"))),
        (info("b", "other"), Plugin(spec("first", before=("middle",)))),
    )
    assert names(built) == ["first", "middle", "last"]
    assert [part.plugin.distribution for part in built.parts] == ["other", "pdfsluice", "pdfsluice"]


def test_a_contradictory_order_names_the_distributions() -> None:
    with pytest.raises(PluginError, match=r"contradictory.*left-dist|contradictory.*right-dist"):
        registry(
            (info("a", "left-dist"), Plugin(spec("x", before=("y",)))),
            (info("b", "right-dist"), Plugin(spec("y", before=("x",)))),
        )


def test_a_third_party_replaces_a_built_in_part_of_the_same_name() -> None:
    theirs = spec("checksum")
    built = registry(
        (info("checksum"), Plugin(spec("checksum"))),
        (info("better", "better-dist"), Plugin(theirs)),
    )
    assert built.chunk_stages == (theirs,)
    (part,) = built.parts
    assert part.replaces is not None
    assert part.replaces.name == "checksum"


def test_two_third_parties_cannot_have_the_same_part() -> None:
    with pytest.raises(PluginError, match="one-dist and by two-dist"):
        registry(
            (info("a", "one-dist"), Plugin(spec("x"))), (info("b", "two-dist"), Plugin(spec("x")))
        )


@pytest.mark.parametrize("name", ["x", "chunk_stages:x"])
def test_parts_are_disabled_by_name(name: str) -> None:
    assert names(registry((info("a"), Plugin(spec("x"), spec("y"))), disable=(name,))) == ["y"]


def test_an_error_in_a_hook_names_the_plugin_and_its_distribution() -> None:
    class Broken:
        @hookimpl
        def pdfsluice_register_chunk_stages(self) -> list[Any]:
            raise ZeroDivisionError("oh no")

    with pytest.raises(PluginError, match=r"'broken' of bad-dist 1\.0 failed .* oh no"):
        registry((info("broken", "bad-dist"), Broken()))


def test_a_hook_must_return_descriptors() -> None:
    with pytest.raises(PluginError, match=r"bad-dist returned str .* ChunkStageSpec is expected"):
        registry((info("broken", "bad-dist"), Plugin("checksum")))


def test_a_hook_that_does_not_exist_is_refused() -> None:
    class Confused:
        @hookimpl
        def pdfsluice_register_magic(self) -> list[Any]:
            return []

    with pytest.raises(PluginError, match="pdfsluice_register_magic"):
        PluginManager().register(Confused(), info("confused", "odd-dist"))


def test_two_plugins_of_one_name_are_refused() -> None:
    manager = PluginManager()
    manager.register(Plugin(), info("same", "one-dist"))
    with pytest.raises(PluginError, match="of one-dist and of two-dist"):
        manager.register(Plugin(), info("same", "two-dist"))


def test_an_unregistered_choice_is_answered_with_the_registered_ones() -> None:
    with pytest.raises(PluginError) as caught:
        choose("chunk_stages", [spec("x"), spec("y")], "z")
    assert "'z'" in caught.value.message
    assert "x, y" in caught.value.hint


def test_options_are_collected_with_their_plugin() -> None:
    class WithOptions:
        @hookimpl
        def pdfsluice_register_options(self) -> list[OptionsSpec]:
            return [OptionsSpec(name="mine", model=BaseModel)]

    manager = PluginManager()
    manager.register(WithOptions(), info("mine"))
    ((about, option),) = manager.options()
    assert (about.name, option.name) == ("mine", "mine")


def test_all_built_in_plugins_load_and_build() -> None:
    manager = PluginManager.load(third_party=False)
    assert {plugin.distribution for plugin in manager.plugins} == {"pdfsluice"}
    assert len(manager.plugins) == len({plugin.name for plugin in manager.plugins})


def test_a_plugin_is_left_out_by_name() -> None:
    manager = PluginManager.load(disable=["digest"], third_party=False)
    assert "digest" not in {plugin.name for plugin in manager.plugins}


def test_only_what_is_asked_for_is_loaded() -> None:
    installed = PluginManager.load(third_party=False).plugins
    wanted = [each for each in installed if each.name in {"digest", "pdf"}]
    manager = PluginManager.load_only(wanted)
    assert manager.plugins == tuple(wanted)


def test_what_is_not_installed_cannot_be_loaded() -> None:
    with pytest.raises(PluginError, match="not installed as plugins: absent, gone"):
        PluginManager.load_only([info("gone", "acme"), info("absent", "acme")])


@pytest.mark.parametrize("needed", [(1, 0), API_VERSION])
def test_a_plugin_may_declare_which_hooks_it_needs(needed: tuple[int, int]) -> None:
    plugin = Plugin()
    vars(plugin)["PDFSLUICE_API"] = needed
    PluginManager().register(plugin, info("old"))


@pytest.mark.parametrize("needed", [(0, 9), (2, 0), (1, API_VERSION[1] + 1)])
def test_a_plugin_for_other_hooks_stops_the_start(needed: tuple[int, int]) -> None:
    plugin = Plugin()
    vars(plugin)["PDFSLUICE_API"] = needed
    with pytest.raises(
        PluginError, match=rf"of late-dist 1\.0 needs version {needed[0]}\.{needed[1]}"
    ):
        PluginManager().register(plugin, info("late", "late-dist"))


@pytest.mark.parametrize("needed", ["1.0", 1, None, (1,), ("a", "b", "c")])
def test_an_odd_version_is_named(needed: object) -> None:
    plugin = Plugin()
    vars(plugin)["PDFSLUICE_API"] = needed
    with pytest.raises(PluginError, match=r"of odd-dist .*a pair like"):
        PluginManager().register(plugin, info("odd", "odd-dist"))


async def test_parts_are_opened_in_order_and_closed_in_reverse() -> None:
    told: list[str] = []

    class Held:
        def __init__(self, name: str) -> None:
            self.name = name
            told.append(f"open {name}")

        async def close(self) -> None:
            told.append(f"close {self.name}")

    def held(name: str, **order: Any) -> ChunkStageSpec:
        make: Any = lambda: Held(name)  # noqa: E731
        return ChunkStageSpec(name=name, open=closing(make), **order)

    built = registry((info("a"), Plugin(held("b", after=("a",)), held("a"), spec("plain"))))
    async with open_parts(built) as opened:
        parts: dict[str, Any] = {each.name: each.stage for each in opened.chunk_stages}
        assert (parts["a"].name, parts["b"].name, parts["plain"]) == ("a", "b", STAGE)
        assert sorted(told) == ["open a", "open b"]
    order = [line.removeprefix("open ") for line in told[:2]]
    assert told[2:] == [f"close {name}" for name in reversed(order)]
    assert order.index("a") < order.index("b")
