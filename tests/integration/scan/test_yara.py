"""YARA-X for real: rules from a folder, in a limited child."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pdfsluice.core.errors import PluginError
from pdfsluice.core.models.findings import FindingKind, Severity, StageReport
from pdfsluice.core.plugins.opening import open_parts
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.plugins.ports.stages import CompletionStageSpec
from pdfsluice.core.plugins.registry import Registry
from pdfsluice.plugins import yara
from pdfsluice.plugins.yara.options import YaraOptions
from tests.support.active_pdfs import completion_context

pytest.importorskip("yara_x", reason="the extra 'yara' is not installed")

GOOD = """
rule bait {
    meta: severity = "critical" description = "A bait.\\n"
    strings: $a = "bait for yara"
    condition: $a
}
private rule helper { condition: true }
rule odd { strings: $b = { 6F 64 64 } condition: helper and $b }
"""
SLOW = "rule slow { condition: for all i in (0..100000000000) : (uint8(i % 10) != 300) }"

Register = Callable[..., Awaitable[CompletionStageSpec | None]]


@pytest.fixture
async def register() -> AsyncIterator[Register]:
    async with AsyncExitStack() as stack:

        async def run(**options: Any) -> CompletionStageSpec | None:
            section = YaraOptions.model_validate(options)
            context = SimpleNamespace(options=lambda name, model: section)
            found = yara.pdfsluice_register_completion_stages(cast("PluginContext", context))
            opened = open_parts(Registry(completion_stages=tuple(found)))
            registry = await stack.enter_async_context(opened)
            return registry.completion_stages[-1] if found else None

        yield run


def folder(tmp_path: Path, **files: str) -> Path:
    rules = tmp_path / "rules" / "below"
    rules.mkdir(parents=True)
    for name, text in files.items():
        (rules / f"{name}.yar").write_text(text)
    return rules.parent


async def scan(spec: CompletionStageSpec | None, path: Path) -> StageReport:
    assert spec is not None
    return await spec.stage.inspect(completion_context(path))


async def test_a_match_is_a_finding(register: Register, tmp_path: Path) -> None:
    spec = await register(rules=folder(tmp_path, good=GOOD))
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.7 here is bait for yara")
    (tmp_path / "odd.pdf").write_bytes(b"%PDF-1.7 an odd thing")
    (tmp_path / "fine.pdf").write_bytes(b"%PDF-1.7 nothing")
    (found,) = (await scan(spec, tmp_path / "bad.pdf")).findings
    assert (found.kind, found.severity) == (FindingKind.MALWARE, Severity.CRITICAL)
    assert found.message == "The YARA rule bait matches: A bait."
    assert found.offset == 17
    (found,) = (await scan(spec, tmp_path / "odd.pdf")).findings
    assert (found.excerpt, found.severity) == ("odd", Severity.HIGH)
    assert found.details == {"namespace": "below/good.yar"}
    assert await scan(spec, tmp_path / "fine.pdf") == StageReport()


async def test_nothing_is_registered_without_rules(register: Register) -> None:
    assert await register() is None


async def test_a_wrong_rule_stops_start_up_and_is_named(register: Register, tmp_path: Path) -> None:
    wrong = folder(tmp_path, good=GOOD, wrong="rule wrong { condition: $nothing }")
    with pytest.raises(PluginError, match=r"wrong\.yar"):
        await register(rules=wrong)


async def test_a_folder_without_rules_stops_start_up(register: Register, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"no \*\.yar"):
        await register(rules=tmp_path)


async def test_includes_do_not_leave_the_folder(register: Register, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    with pytest.raises(PluginError, match="include"):
        await register(rules=folder(tmp_path, evil='include "../../secret"'))


async def test_what_is_too_large_is_unscanned(register: Register, tmp_path: Path) -> None:
    spec = await register(rules=folder(tmp_path, good=GOOD), max_file_size="1 MiB")
    (tmp_path / "f.pdf").write_bytes(b"bait for yara" + bytes(1 << 20))
    report = await scan(spec, tmp_path / "f.pdf")
    assert not report.findings
    assert [item.reason for item in report.unscanned] == ["limit"]


async def test_a_rule_that_takes_too_long_is_reported(register: Register, tmp_path: Path) -> None:
    spec = await register(rules=folder(tmp_path, slow=SLOW), wall_seconds=1)
    (tmp_path / "f.pdf").write_bytes(b"%PDF-1.7 0123456789")
    report = await scan(spec, tmp_path / "f.pdf")
    assert [(item.stage, item.reason) for item in report.unscanned] == [("yara", "limit")]
