"""Files that their clients encrypted: nothing but their size and digest is known."""

from dataclasses import replace
from pathlib import Path

from pdfsluice.core.errors import ContentRejected, ProtocolError
from pdfsluice.core.models.findings import (
    ENCRYPTED_BY_CLIENT,
    Finding,
    FindingKind,
    Severity,
    StageReport,
    Unscanned,
)
from pdfsluice.core.models.sessions import Session
from pdfsluice.core.plugins.ports.policy import Policy
from pdfsluice.core.uploads.lifecycle import describe
from pdfsluice.core.uploads.open_upload.judging import judge

from .duplicates import sha256_of

AGE = "age"
_STAGE = "encryption"
_AGE_HEADER = b"age-encryption.org/v1\n"  # age-encryption.org/v1, header
_FINDING = Finding(
    kind=FindingKind.CLIENT_ENCRYPTED,
    severity=Severity.MEDIUM,
    stage=_STAGE,
    message="The client encrypted the file; this server can neither scan nor read it.",
    advice="Accept such files only from people whom you trust.",
)
_UNSCANNED = Unscanned(
    stage=_STAGE,
    reason=ENCRYPTED_BY_CLIENT,
    message="The whole file is encrypted for its recipients. This server has no key.",
)


def checked_encryption(name: str) -> str:
    """Return the name of an encryption; empty if there is none.

    Raises:
        ProtocolError: The server does not know it.
    """
    if name not in {"", AGE}:
        raise ProtocolError("encryption is not 'age'", hint="Encrypt the file with age.")
    return name


def admit(session: Session, policy: Policy) -> Session:
    """Return a new session with what is known of its content before a byte is sent.

    Raises:
        ContentRejected: The file is encrypted, and the policy refuses such files.
    """
    if not session.encryption:
        return session
    decision = judge(policy, session, [_FINDING])
    if decision.refuses:
        raise ContentRejected(
            "this server accepts no files that it cannot scan; nothing was sent",
            hint="Upload the file without encryption, or ask the operator for a rule that"
            f" accepts {FindingKind.CLIENT_ENCRYPTED.value!r}.",
            details={"decision": decision.name.lower(), "findings": [describe(_FINDING)]},
        )
    return replace(session, findings=(_FINDING,), unscanned=(_UNSCANNED,), decision=decision)


def inspect(path: Path) -> StageReport:
    """Return the report on an encrypted file: its digest and nothing else.

    Raises:
        ProtocolError: It is not encrypted, so that it would evade the stages.
    """
    with path.open("rb") as file:
        header = file.read(len(_AGE_HEADER))
    if header != _AGE_HEADER:
        raise ProtocolError(
            "the file was announced as encrypted with age, and is not",
            hint="Encrypt it with age, or upload it without 'encryption'.",
        )
    return StageReport(
        findings=(_FINDING,), unscanned=(_UNSCANNED,), facts={"sha256": sha256_of(path)}
    )
