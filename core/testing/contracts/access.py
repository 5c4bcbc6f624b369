"""What every authenticator must do."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from pdfsluice.core import AuthenticationError, Authenticator, Credentials, Principal

from .asynchronous import AsyncContract

RUBBISH = {
    "empty": "",
    "blank": "   ",
    "bearer-alone": "Bearer",
    "three-parts": "Bearer a.b.c",
    "not-base64": "Bearer !.\N{SNOWMAN}.=",
    "bytes": "Bearer \xff\x00\x80",
    "long": "Bearer " + "x" * 100_000,
    "other-scheme": "Negotiate YII=",
}
"""Header values that a client may send, by name."""


class AuthenticatorContract(AsyncContract):
    """The tests of an authenticator.

    Override ``authenticator``, ``valid`` and ``wrong``. Override ``withdraw``, too, if
    credentials can be revoked.
    """

    @pytest.fixture
    def authenticator(self) -> Authenticator:
        """An authenticator that has principals, so that it is enforced."""
        raise NotImplementedError("override the fixture 'authenticator'")

    @pytest.fixture
    def valid(self) -> Credentials:
        """Credentials that belong to a principal."""
        raise NotImplementedError("override the fixture 'valid'")

    @pytest.fixture
    def wrong(self) -> Credentials:
        """Credentials of the same kind that belong to no principal."""
        raise NotImplementedError("override the fixture 'wrong'")

    @pytest.fixture
    def withdraw(self) -> Callable[[], Awaitable[None]]:
        """Make the valid credentials void, as an operator does while the server runs."""
        pytest.skip("these credentials are never withdrawn")

    async def test_valid_credentials_have_one_principal(
        self, authenticator: Authenticator, valid: Credentials
    ) -> None:
        principals = await asyncio.gather(*(authenticator.authenticate(valid) for _ in range(5)))
        assert all(isinstance(each, Principal) and each.id for each in principals)
        assert len({each.id for each in principals if each}) == 1

    async def test_wrong_credentials_are_refused(
        self, authenticator: Authenticator, wrong: Credentials
    ) -> None:
        with pytest.raises(AuthenticationError):
            await authenticator.authenticate(wrong)

    async def test_others_are_left_to_the_next_authenticator(
        self, authenticator: Authenticator
    ) -> None:
        bare = Credentials(headers={}, query={}, remote="127.0.0.1")
        basic = Credentials(headers={"authorization": "Basic YTpi"}, query={}, remote="::1")
        assert await authenticator.authenticate(bare) is None
        assert await authenticator.authenticate(basic) is None

    @pytest.mark.parametrize("name", RUBBISH)
    async def test_no_header_is_a_defect(self, authenticator: Authenticator, name: str) -> None:
        """What cannot be read is wrong, or for another authenticator."""
        for field in ("authorization", "x-api-key", "cookie"):
            credentials = Credentials(headers={field: RUBBISH[name]}, query={}, remote="::1")
            try:
                principal = await authenticator.authenticate(credentials)
            except AuthenticationError:
                continue
            except Exception as error:  # noqa: BLE001 - any other is a defect
                pytest.fail(f"{error!r} is no AuthenticationError")
            assert principal is None

    async def test_withdrawn_credentials_are_refused(
        self,
        authenticator: Authenticator,
        valid: Credentials,
        withdraw: Callable[[], Awaitable[None]],
    ) -> None:
        assert await authenticator.authenticate(valid) is not None
        await withdraw()
        with pytest.raises(AuthenticationError):
            await authenticator.authenticate(valid)

    async def test_it_is_enforced(self, authenticator: Authenticator) -> None:
        assert authenticator.enforced is True
