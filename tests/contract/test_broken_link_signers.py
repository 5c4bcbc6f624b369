"""The suite of link signers fails for broken parts."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pdfsluice.core import LinkedFile
from pdfsluice.core.testing.contracts import LinkSignerContract
from tests.support.broken import Broken, rules, suites

SECRET = "a secret"


def signature(path: str, expires: str) -> str:
    return hashlib.sha256(f"{path} {expires} {SECRET}".encode()).hexdigest()


class Right:
    """A signer that is right, but for what a subclass breaks."""

    async def link(self, file: LinkedFile) -> str | None:
        return f"https://cdn/{self.path(file)}?{self.query(file)}"

    def path(self, file: LinkedFile) -> str:
        return file.path

    def query(self, file: LinkedFile) -> str:
        expires = str(int(file.expires_at.timestamp()))
        return f"expires={expires}&token={signature(file.path, expires)}"


class Raw(Right):
    """Writes the name as it is."""

    def query(self, file: LinkedFile) -> str:
        return f"{super().query(file)}&name={file.filename}"


class Telling(Right):
    def query(self, file: LinkedFile) -> str:
        return f"{super().query(file)}&secret={SECRET.replace(' ', '%20')}"


class Remembering(Right):
    """Keeps the file that it works for in an attribute."""

    file: LinkedFile

    async def link(self, file: LinkedFile) -> str | None:
        self.file = file
        await asyncio.sleep(0)
        return f"https://cdn/{self.path(self.file)}?{self.query(self.file)}"


class Eternal(Right):
    def query(self, file: LinkedFile) -> str:
        return f"expires=4000000000&token={signature(file.path, '4000000000')}"


class Stubborn(Right):
    async def link(self, file: LinkedFile) -> str | None:
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            return None
        return await super().link(file)


class Misled(Right):
    def path(self, file: LinkedFile) -> str:
        return f"other/{file.path}"


def cdn(*, ends: bool = True, checks: bool = True) -> Callable[[], Callable[[str], Awaitable[Any]]]:
    """Return what makes the function that requests a link."""

    async def fetched(url: str) -> tuple[int, bytes]:
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        (expires,), (token,) = query["expires"], query["token"]
        if checks and token != signature(parts.path[1:], expires):
            return 403, b""
        if ends and int(expires) < time.time():
            return 410, b""
        return 200, LinkSignerContract.content

    return lambda: fetched


def row(rule: str, signer: object, only: dict[str, Any] | None = None, **checks: bool) -> Broken:
    fixtures = {
        "signer": lambda: signer,
        "secrets": lambda: [SECRET.replace(" ", "%20")],
        "fetch": cdn(**checks),
    }
    return Broken(LinkSignerContract, rule, fixtures, only=only or {})


ROWS = [
    row("test_a_link_is_an_absolute_address", Raw(), {"name": "umlauts"}),
    row("test_no_secret_is_part_of_it", Telling()),
    row("test_each_file_has_its_own", Remembering()),
    row("test_its_end_is_signed", Eternal()),
    row("test_making_it_can_be_cancelled", Stubborn()),
    row("test_it_leads_to_the_file", Misled()),
    row("test_after_its_end_it_is_refused", Right(), ends=False),
    row("test_a_changed_link_is_refused", Right(), checks=False),
]

globals().update(suites(ROWS, __name__))


def test_each_rule_has_a_signer_that_breaks_it() -> None:
    assert {row.rule for row in ROWS} == rules(LinkSignerContract)
