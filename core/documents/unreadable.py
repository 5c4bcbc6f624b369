"""The error for an unreadable document, with the most precise reason known."""

from pdfsluice.core.errors import DocumentUnreadable, StageFailed
from pdfsluice.core.models.documents import Document

LOCKED = "the document opens only with a password"
_PASSWORD = "password"  # noqa: S105 - the reason that stages give for what they could not look into


def unreadable(document: Document, what: str, failure: StageFailed) -> DocumentUnreadable:
    """Return the error for a document that every plugin failed to read.

    If the stages found the document locked when it arrived, that is the reason: libraries
    that fail without the password often name something else.

    Args:
        document: The document.
        what: What cannot be done, as the beginning of a sentence.
        failure: The failure of the plugin that was tried first.
    """
    if any(part.reason == _PASSWORD for part in document.unscanned):
        return DocumentUnreadable(
            f"{what}: {LOCKED}.",
            hint="Upload a copy without a password.",
            details=failure.details,
        )
    return DocumentUnreadable(failure.message, hint=failure.hint, details=failure.details)
