"""What an upload has cost, and the record that is written when it ends."""

from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What an upload has cost so far; stored with each change of its session.

    Attributes:
        requests: Requests that sent bytes, broken ones included.
        received_bytes: Bytes of their bodies, decoded; repeated bytes count each time.
        resumes: How often bytes came again after a broken request, a request to resume or a
            restart of the server.
        receiving_seconds: Time during which at least one such request was open.
        validating_seconds: Time from the request to complete it to the verdict.
        saved_bytes: Received bytes that did not have to be sent, because chunks were compressed
            or sent as deltas; negative if that made them larger.
    """

    requests: int = 0
    received_bytes: int = 0
    resumes: int = 0
    receiving_seconds: float = 0.0
    validating_seconds: float = 0.0
    saved_bytes: int = 0

    @property
    def sent_bytes(self) -> int:
        """Bytes of the bodies as they were sent."""
        return self.received_bytes - self.saved_bytes

    def __add__(self, other: Self) -> "Measures":
        """Return the measures of both."""
        names = [each.name for each in fields(self)]
        return Measures(**{name: getattr(self, name) + getattr(other, name) for name in names})


class UploadEnd(StrEnum):
    """How an upload ended."""

    COMPLETED = "completed"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRecord:
    """One ended upload; names neither the file nor its content.

    Attributes:
        session_id: The upload.
        account: The account that it counted for.
        protocol: The protocol over which it was opened.
        client: Name and version of the program that opened it; empty if it gave none.
        end: How it ended; ``duplicate`` if its document existed before.
        began_at: When it was opened (UTC).
        ended_at: When it ended (UTC).
        size: Announced size of the file in bytes; 0 if it was never announced.
        committed_bytes: Bytes that were durable at its end.
        resent_bytes: Bytes that were received and are not among the committed ones.
        findings: How many findings there were.
        finding_kinds: Their kinds, sorted.
        measures: What it has cost.
        importing_seconds: Time from its end to the end of its import, waiting included;
            ``None`` until then.
    """

    session_id: str
    account: str
    protocol: str
    client: str
    end: UploadEnd
    began_at: datetime
    ended_at: datetime
    size: int
    committed_bytes: int
    resent_bytes: int
    findings: int = 0
    finding_kinds: tuple[str, ...] = ()
    measures: Measures = field(default_factory=Measures)
    importing_seconds: float | None = None

    def imported(self, at: datetime) -> "UploadRecord":
        """Return the record with the end of its import."""
        seconds = max(0.0, (at - self.ended_at).total_seconds())
        return replace(self, importing_seconds=seconds)
