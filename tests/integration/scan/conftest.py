"""A scanner with the built-in stages and policies, as ``pdfsluice scan`` has."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pdfsluice.core.events.hub import EventHub
from pdfsluice.core.models.findings import Decision
from pdfsluice.core.plugins.loading import load_all
from pdfsluice.core.plugins.registry import choose
from pdfsluice.core.runtime.registry import build_registry
from pdfsluice.core.scanning.inspection import Inspection, Inspector


@dataclass
class Scanner:
    """Inspects files with a policy, as ``pdfsluice scan`` does."""

    folder: Path
    runner: asyncio.Runner
    inspectors: Mapping[str, Inspector]

    def scan(self, content: bytes, policy: str = "standard") -> Inspection:
        path = self.folder / "file.pdf"
        path.write_bytes(content)
        return self.runner.run(self.inspectors[policy].inspect(path))

    def decision(self, content: bytes, policy: str = "standard") -> Decision:
        decision = self.scan(content, policy).decision
        assert decision is not None
        return decision


def inspector(preset: str) -> AbstractAsyncContextManager[Inspector]:
    manager, loaded = load_all()
    rules = loaded.sections["policy"].model_copy(update={"preset": preset})
    loaded = replace(loaded, sections={**loaded.sections, "policy": rules})
    registry = build_registry(loaded, manager, EventHub())
    policy = choose("policies", registry.policies, loaded.settings.policy).policy
    return Inspector(registry, policy, chunk_size=1 << 16)


@pytest.fixture(scope="module")
def scanner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scanner]:
    with asyncio.Runner() as runner:
        managers = {preset: inspector(preset) for preset in ("standard", "strict")}
        opened = {name: runner.run(each.__aenter__()) for name, each in managers.items()}
        yield Scanner(tmp_path_factory.mktemp("scan"), runner, opened)
        for each in managers.values():
            runner.run(each.__aexit__(None, None, None))
