"""The completion stage ``hidden-text``, which runs before a document is accepted."""

from typing import Final

from pdfsluice.core import (
    CompletionContext,
    Finding,
    FindingKind,
    Severity,
    StageFailed,
    StageReport,
)
from pdfsluice.core.documents.text.hidden_text import finding_of

from .extractor import PdfiumText
from .options import PdfiumOptions

STAGE: Final = "hidden-text"
EXAMPLE: Final = Finding(
    kind=FindingKind.HIDDEN_TEXT, severity=Severity.MEDIUM, stage=STAGE, message=""
)
"""A finding of the stage, which the policy is asked about before the stage is called."""

_LOCKED = "password"


class HiddenTextStage:
    """A stage that reads pages as the import does and reports invisible text."""

    def __init__(self, options: PdfiumOptions) -> None:
        self._reader = PdfiumText(options)

    async def inspect(self, context: CompletionContext) -> StageReport:
        """Return the finding; a file that cannot be read to its end is ``unread``.

        A file with a password is not looked through: its text is not imported either.
        """
        if any(part.reason == _LOCKED for part in context.session.unscanned):
            return StageReport()
        hidden: dict[int, str] = {}
        findings: list[Finding] = []
        try:
            async for page in self._reader.pages(context.path):
                if page.hidden:
                    hidden[page.number] = page.hidden
        except StageFailed as failure:
            findings.append(_unread(failure))
        if finding := finding_of(hidden, stage=STAGE):
            findings.append(finding)
        return StageReport(findings=tuple(findings))

    async def close(self) -> None:
        """End the child processes."""
        await self._reader.close()


def _unread(failure: StageFailed) -> Finding:
    return Finding(
        kind=FindingKind.UNREAD,
        severity=Severity.HIGH,
        stage=STAGE,
        message=f"It is not known whether the file has hidden text. {failure.message}",
        advice="Let the sender make the file again.",
    )
