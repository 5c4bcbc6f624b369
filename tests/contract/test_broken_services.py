"""The contract suites of services fail for broken parts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Annotated, Any

import pytest
import typer

from pdfsluice.cli.testing import CommandContract
from pdfsluice.core import (
    AuthenticationError,
    CommandSpec,
    Credentials,
    Decision,
    Document,
    Event,
    Finding,
    FindingKind,
    FindingsReported,
    Match,
    Need,
    PageText,
    Passage,
    Principal,
    Progress,
    Session,
    SessionState,
    UploadStatus,
)
from pdfsluice.core.testing import MemoryIndex
from pdfsluice.core.testing.contracts import (
    AuthenticatorContract,
    EventSinkContract,
    IndexContract,
    PolicyContract,
)
from tests.support.broken import Broken, rules, suites


class FirstPageOnly(MemoryIndex):
    async def search(self, query: str, **changes: Any) -> Sequence[Passage]:
        return [replace(hit, page=1) for hit in await super().search(query, **changes)]


class Unsorted(MemoryIndex):
    async def search(self, query: str, *, top_k: int, **changes: Any) -> Sequence[Passage]:
        return list(reversed(await super().search(query, top_k=100, **changes)))


class Ownerless(MemoryIndex):
    async def search(self, query: str, *, owner: str | None, **changes: Any) -> Sequence[Passage]:
        return await super().search(query, owner=None, **changes)


class Unconfined(MemoryIndex):
    """Takes an empty list for no list."""

    async def search(
        self, query: str, *, documents: Sequence[int] | None = None, **changes: Any
    ) -> Sequence[Passage]:
        return await super().search(query, documents=documents or None, **changes)


class Indifferent(MemoryIndex):
    """Finds by words when it is asked for meanings."""

    async def search(
        self, query: str, *, match: Match | None = None, **changes: Any
    ) -> Sequence[Passage]:
        return await super().search(query, **changes)


class Appending(MemoryIndex):
    async def add(
        self, document: Document, pages: AsyncIterator[PageText], progress: Progress
    ) -> int:
        _, earlier = self._pages.get(document.id, ("", []))
        count = await super().add(document, pages, progress)
        self._pages[document.id][1].extend(earlier)
        return count


class Unremoving(MemoryIndex):
    async def remove(self, document_id: int) -> None:
        pass


class Banning(MemoryIndex):
    """Never finds a document again that was removed."""

    def __init__(self) -> None:
        super().__init__()
        self._banned: set[int] = set()

    async def remove(self, document_id: int) -> None:
        self._banned.add(document_id)

    async def search(self, query: str, **changes: Any) -> Sequence[Passage]:
        hits = await super().search(query, **changes)
        return [hit for hit in hits if hit.document_id not in self._banned] or [
            Passage(-1, 1, "", 0.0)
        ]


class Forgotten(MemoryIndex):
    async def is_empty(self) -> bool:
        return True


class Uncounted(MemoryIndex):
    async def add(
        self, document: Document, pages: AsyncIterator[PageText], progress: Progress
    ) -> int:
        await super().add(document, pages, progress)
        return 0


class InPercent(MemoryIndex):
    async def add(
        self, document: Document, pages: AsyncIterator[PageText], progress: Progress
    ) -> int:
        count = await super().add(document, pages, progress)
        progress(100, "done")
        return count


class Forgiving(MemoryIndex):
    """Takes pages that break off for all pages."""

    async def add(
        self, document: Document, pages: AsyncIterator[PageText], progress: Progress
    ) -> int:
        async def whole() -> AsyncIterator[PageText]:
            try:
                async for page in pages:
                    yield page
            except ConnectionError:
                return

        return await super().add(document, whole(), progress)


class Mixed(MemoryIndex):
    """Keeps the document that it adds in an attribute."""

    async def add(
        self, document: Document, pages: AsyncIterator[PageText], progress: Progress
    ) -> int:
        self._document = document
        await asyncio.sleep(0)
        return await super().add(self._document, pages, progress)


class Picky(MemoryIndex):
    async def search(self, query: str, **changes: Any) -> Sequence[Passage]:
        assert query.isascii(), "not ASCII"
        return await super().search(query, **changes)


INDEXES = [
    Broken(IndexContract, rule, {"index": index}, only=only)
    for rule, index, only in (
        ("test_words_are_found_with_their_page", FirstPageOnly, {}),
        ("test_the_best_come_first_and_no_more_than_asked_for", Unsorted, {}),
        ("test_owners_see_only_what_is_theirs", Ownerless, {}),
        ("test_a_search_is_confined_to_the_documents_named", Unconfined, {}),
        ("test_what_is_found_by_words_alone_has_them", Indifferent, {}),
        ("test_a_document_added_again_is_replaced", Appending, {}),
        ("test_what_is_removed_is_not_found", Unremoving, {}),
        ("test_a_removed_document_can_be_added_again", Banning, {}),
        ("test_it_is_empty_while_it_has_no_passage", Forgotten, {}),
        ("test_passages_are_counted", Uncounted, {}),
        ("test_progress_can_be_shown", InPercent, {}),
        ("test_pages_that_break_off_are_an_error", Forgiving, {}),
        ("test_documents_added_at_the_same_time_do_not_mix", Mixed, {}),
        ("test_no_query_is_an_error", Picky, {"name": "other-scripts"}),
    )
]


INDEXES.append(
    Broken(
        IndexContract,
        "test_documents_are_found_after_opening_again",
        {"reopen": lambda: lambda: nullcontext(MemoryIndex())},
    )
)


def fine(name: Annotated[str, typer.Option(help="Whom to greet.")] = "you") -> None:
    """Greet."""
    typer.echo(f"Hello {name}")


async def unneeded() -> None:
    """Never run, because nothing awaits it."""


def undescribed(name: str = "you") -> None:
    typer.echo(f"Hello {name}")


def failing() -> None:
    """Fail."""
    raise typer.Exit(1)


def command(target: Any, **changes: Any) -> dict[str, Callable[[], Any]]:
    spec = CommandSpec(name="greet", help="Greet.", target=f"{__name__}:{target}")
    return {"spec": lambda: replace(spec, **changes), "calls": lambda: [[]]}


COMMANDS = [
    Broken(CommandContract, rule, fixtures)
    for rule, fixtures in (
        ("test_its_name_can_be_typed", command("fine", name="Greet Me")),
        ("test_its_help_fits_the_list_of_commands", command("fine", help="Greet.\nThen end.")),
        ("test_its_target_fits_its_needs", command("unneeded")),
        ("test_its_target_fits_its_needs", command("fine", needs=frozenset({Need.INDEX}))),
        ("test_its_options_are_described", command("undescribed")),
        ("test_it_runs", command("failing")),
    )
]


VALID = Credentials(headers={"x-api-key": "right"}, query={}, remote="::1")
WRONG = Credentials(headers={"x-api-key": "wrong"}, query={}, remote="::1")


class Keys:
    """An authenticator that is right, but for what a subclass breaks."""

    enforced = True
    void = False

    async def authenticate(self, credentials: Credentials) -> Principal | None:
        key = credentials.headers.get("x-api-key", "").strip()
        if not key:
            return None
        if key != "right" or self.void:
            raise AuthenticationError("The key is wrong.")
        return self.principal()

    def principal(self) -> Principal:
        return Principal(id="key:ann", name="ann", scopes=frozenset())


class Counting(Keys):
    count = 0

    def principal(self) -> Principal:
        self.count += 1
        return Principal(id=f"key:{self.count}", name="ann", scopes=frozenset())


class Tolerant(Keys):
    async def authenticate(self, credentials: Credentials) -> Principal | None:
        try:
            return await super().authenticate(credentials)
        except AuthenticationError:
            return None


class Greedy(Keys):
    async def authenticate(self, credentials: Credentials) -> Principal | None:
        if "x-api-key" not in credentials.headers:
            raise pytest.fail.Exception("no key")
        return await super().authenticate(credentials)


class Decoding(Keys):
    async def authenticate(self, credentials: Credentials) -> Principal | None:
        credentials.headers.get("authorization", "").encode("ascii")
        return await super().authenticate(credentials)


class Open(Keys):
    enforced = False


class Eternal(Keys):
    """Asks for the state of keys at its first call alone."""

    @property
    def void(self) -> bool:
        return False

    @void.setter
    def void(self, _value: bool) -> None:
        pass


def keys(kind: type[Keys]) -> dict[str, Callable[[], Any]]:
    authenticator = kind()

    async def revoke() -> None:
        authenticator.void = True

    def withdraw() -> Callable[[], Awaitable[None]]:
        return revoke

    return {
        "authenticator": lambda: authenticator,
        "valid": lambda: VALID,
        "wrong": lambda: WRONG,
        "withdraw": withdraw,
    }


AUTHENTICATORS = [
    Broken(AuthenticatorContract, rule, keys(kind), only=only)
    for rule, kind, only in (
        ("test_valid_credentials_have_one_principal", Counting, {}),
        ("test_wrong_credentials_are_refused", Tolerant, {}),
        ("test_others_are_left_to_the_next_authenticator", Greedy, {}),
        ("test_no_header_is_a_defect", Decoding, {"name": "not-base64"}),
        ("test_withdrawn_credentials_are_refused", Eternal, {}),
        ("test_it_is_enforced", Open, {}),
    )
]


class Fickle:
    """Decides otherwise while an upload is validated."""

    def decide(self, finding: Finding, session: Session) -> Decision:
        validating = session.state is SessionState.VALIDATING
        return None if validating else Decision.NOTE  # type: ignore[return-value]

    def keeps_rejected(self) -> bool:
        return "yes"  # type: ignore[return-value]


POLICIES = [
    Broken(
        PolicyContract,
        "test_every_finding_has_one_decision",
        {"policy": Fickle},
        only={"kind": FindingKind.JAVASCRIPT},
    ),
    Broken(PolicyContract, "test_it_keeps_rejected_files_or_not", {"policy": Fickle}),
]


class Completions:
    """Knows one state of an upload."""

    async def handle(self, event: Event) -> None:
        if isinstance(event, UploadStatus):
            assert event.status == "completed"


class KnownEvents:
    async def handle(self, event: Event) -> None:
        assert isinstance(event, UploadStatus | FindingsReported)


SINKS = [
    Broken(EventSinkContract, rule, {"sink": sink})
    for rule, sink in (
        ("test_ends_and_findings_of_uploads_are_taken", Completions),
        ("test_events_of_other_kinds_are_taken", KnownEvents),
    )
]

ROWS = [*INDEXES, *COMMANDS, *AUTHENTICATORS, *POLICIES, *SINKS]
globals().update(suites(ROWS, __name__))


@pytest.mark.parametrize("contract", sorted({row.contract for row in ROWS}, key=str))
def test_each_rule_is_broken_by_a_part(contract: type) -> None:
    assert {row.rule for row in ROWS if row.contract is contract} == rules(contract)
