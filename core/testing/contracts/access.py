"""What every authenticator must do."""

import asyncio

import pytest

from pdfsluice.core import AuthenticationError, Authenticator, Credentials, Principal


@pytest.mark.asyncio
class AuthenticatorContract:
    """Override ``authenticator``, ``valid`` and ``wrong``."""

    @pytest.fixture
    def authenticator(self) -> Authenticator:
        """An authenticator that is enforced."""
        raise NotImplementedError("override the fixture 'authenticator'")

    @pytest.fixture
    def valid(self) -> Credentials:
        raise NotImplementedError("override the fixture 'valid'")

    @pytest.fixture
    def wrong(self) -> Credentials:
        """Credentials of the same kind that belong to no principal."""
        raise NotImplementedError("override the fixture 'wrong'")

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

    async def test_it_is_enforced(self, authenticator: Authenticator) -> None:
        assert authenticator.enforced is True
