"""What every link signer must do."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from pdfsluice.core import LinkedFile, LinkSigner

from .asynchronous import AsyncContract
from .files import cancelled_after, in_time

_LIFETIME = timedelta(minutes=5)
_ADDRESS = re.compile(r"https?://[!-~]+", re.ASCII)
_NAMES = {
    "plain": "report.pdf",
    "spaces": "annual report (final).pdf",
    "quotes": "\"quoted\" & 'so' #1 100%.pdf",
    "umlauts": "Prüfbericht.pdf",
    "emoji": "\N{SNOWMAN}.pdf",
    "long": f"{'x' * 250}.pdf",
}
_SUCCESS = 200
_REFUSALS = range(400, 500)


class LinkSignerContract(AsyncContract):
    """The tests of a link signer.

    Override ``signer`` and ``secrets``; and ``fetch``, if links can be checked.
    """

    @pytest.fixture
    def signer(self) -> LinkSigner:
        """A signer that makes a link to each file."""
        raise NotImplementedError("override the fixture 'signer'")

    @pytest.fixture
    def secrets(self) -> Sequence[str]:
        """Texts that may not be part of a link, such as the key."""
        raise NotImplementedError("override the fixture 'secrets'")

    @pytest.fixture
    def fetch(self) -> Callable[[str], Awaitable[tuple[int, bytes]]]:
        """A function that requests an address and returns the status and the body."""
        pytest.skip("nothing here checks the links")

    @pytest.fixture
    def file(self) -> LinkedFile:
        """A file; if ``fetch`` is overridden, one that is there, with this ``content``."""
        return self.example()

    content = b"%PDF-1.7 what is behind the link"

    @classmethod
    def example(cls) -> LinkedFile:
        """Return a new file, which nothing has stored yet."""
        return LinkedFile(
            blob_id=str(uuid4()),
            filename="report.pdf",
            content_type="application/pdf",
            content_disposition="attachment; filename=\"report.pdf\"; filename*=UTF-8''report.pdf",
            size=len(cls.content),
            sha256="0" * 64,
            expires_at=datetime.now(UTC) + _LIFETIME,
        )

    @pytest.mark.parametrize("name", _NAMES)
    async def test_a_link_is_an_absolute_address(
        self, signer: LinkSigner, file: LinkedFile, name: str
    ) -> None:
        url = await _link(signer, replace(file, filename=_NAMES[name]))
        assert _ADDRESS.fullmatch(url), "it has http(s) and printable ASCII alone"
        parts = urlsplit(url)
        assert parts.hostname
        assert not parts.fragment
        assert parts.username is None

    async def test_no_secret_is_part_of_it(
        self, signer: LinkSigner, file: LinkedFile, secrets: Sequence[str]
    ) -> None:
        url = await _link(signer, file)
        assert secrets
        assert all(secret and secret not in url for secret in secrets)

    async def test_each_file_has_its_own(self, signer: LinkSigner, file: LinkedFile) -> None:
        """Also if the links are made at the same time."""
        files = [replace(file, blob_id=str(uuid4())) for _ in range(5)]
        together = await asyncio.gather(*(_link(signer, each) for each in files))
        assert len({urlsplit(url).path for url in together}) == len(files)
        alone = [await _link(signer, each) for each in files]
        assert [urlsplit(url).path for url in alone] == [urlsplit(url).path for url in together]

    async def test_its_end_is_signed(self, signer: LinkSigner, file: LinkedFile) -> None:
        later = replace(file, expires_at=file.expires_at + timedelta(hours=1))
        assert await _link(signer, file) != await _link(signer, later)

    async def test_making_it_can_be_cancelled(self, signer: LinkSigner, file: LinkedFile) -> None:
        for turns in (0, 1, 5):
            await cancelled_after(turns, signer.link(file))
        assert await _link(signer, file)

    async def test_it_leads_to_the_file(
        self,
        signer: LinkSigner,
        file: LinkedFile,
        fetch: Callable[[str], Awaitable[tuple[int, bytes]]],
    ) -> None:
        url = await _link(signer, file)
        assert await fetch(url) == (_SUCCESS, self.content)

    async def test_after_its_end_it_is_refused(
        self,
        signer: LinkSigner,
        file: LinkedFile,
        fetch: Callable[[str], Awaitable[tuple[int, bytes]]],
    ) -> None:
        ended = replace(file, expires_at=datetime.now(UTC) - timedelta(minutes=1))
        url = await in_time(signer.link(ended))
        if url is None:  # which is as good
            return
        status, body = await fetch(url)
        assert status in _REFUSALS
        assert self.content not in body

    async def test_a_changed_link_is_refused(
        self,
        signer: LinkSigner,
        file: LinkedFile,
        fetch: Callable[[str], Awaitable[tuple[int, bytes]]],
    ) -> None:
        """The path, the end and the signature belong together."""
        first = await _link(signer, file)
        other = await _link(signer, replace(file, blob_id=str(uuid4())))
        mixed = urlsplit(first)._replace(query=urlsplit(other).query).geturl()
        status, body = await fetch(mixed)
        assert status in _REFUSALS
        assert self.content not in body


async def _link(signer: LinkSigner, file: LinkedFile) -> str:
    url = await in_time(signer.link(file))
    assert isinstance(url, str), "it makes a link to each file"
    return url
