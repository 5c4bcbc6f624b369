"""The built-in authenticator, gates, policy and sinks pass their contracts."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pdfsluice.core import Authenticator, Credentials, EventSink, Gate, Policy, Scope
from pdfsluice.core.testing.contracts import (
    AuthenticatorContract,
    EventSinkContract,
    GateContract,
    PolicyContract,
)
from pdfsluice.plugins.api_keys.authenticator import ApiKeyAuthenticator
from pdfsluice.plugins.api_keys.file import KeyFile
from pdfsluice.plugins.api_keys.keys import adding, new_key, revoking
from pdfsluice.plugins.backpressure.concurrency import ConcurrencyGate
from pdfsluice.plugins.backpressure.resources import DiskGate, MemoryGate
from pdfsluice.plugins.policy.options import PolicyOptions
from pdfsluice.plugins.policy.policy import RulesPolicy
from pdfsluice.plugins.policy.presets import PRESETS
from pdfsluice.plugins.progress_log.sink import ProgressLog


class TestApiKeys(AuthenticatorContract):
    @pytest.fixture
    async def keys(self, tmp_path: Path) -> tuple[KeyFile, str, str]:
        stored, key = new_key("ann", [Scope.READ], datetime.now(UTC))
        _, other = new_key("bob", [Scope.READ], datetime.now(UTC))
        file = KeyFile(tmp_path / "keys.json")
        await file.change(adding(stored))
        return file, key, other

    @pytest.fixture
    async def authenticator(self, keys: tuple[KeyFile, str, str]) -> Authenticator:
        authenticator = ApiKeyAuthenticator(keys[0], max_age=0)
        await authenticator.refresh()
        return authenticator

    @pytest.fixture
    def valid(self, keys: tuple[KeyFile, str, str]) -> Credentials:
        return Credentials(headers={"x-api-key": keys[1]}, query={}, remote="::1")

    @pytest.fixture
    def wrong(self, keys: tuple[KeyFile, str, str]) -> Credentials:
        return Credentials(headers={"x-api-key": keys[2]}, query={}, remote="::1")

    @pytest.fixture
    def withdraw(self, keys: tuple[KeyFile, str, str]) -> Callable[[], Awaitable[None]]:
        async def revoke() -> None:
            await keys[0].change(revoking("ann", datetime.now(UTC)))

        return revoke


class TestMemoryGate(GateContract):
    @pytest.fixture
    def gate(self) -> Gate:
        return MemoryGate(limit_mb=100, publish=lambda _: None, resident=lambda: 10)


class TestDiskGate(GateContract):
    @pytest.fixture
    def gate(self, tmp_path: Path) -> Gate:
        return DiskGate(tmp_path, min_free=1, publish=lambda _: None, free=lambda: 10**12)


class TestConcurrencyGate(GateContract):
    @pytest.fixture
    def gate(self) -> Gate:
        return ConcurrencyGate(1, patience=1.0)


@pytest.mark.parametrize("preset", sorted(PRESETS))
class TestPolicy(PolicyContract):
    @pytest.fixture
    def policy(self, preset: str) -> Policy:
        return RulesPolicy(PolicyOptions.model_validate({"preset": preset}))


class TestProgressLog(EventSinkContract):
    @pytest.fixture
    def sink(self) -> EventSink:
        return ProgressLog()
