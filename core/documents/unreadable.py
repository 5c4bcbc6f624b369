"""Says why a document cannot be read, in the words of whoever knows best."""

from pdfsluice.core.errors import DocumentUnreadable, StageFailed
from pdfsluice.core.models import Document

LOCKED = "the document opens only with a password"
_PASSWORD = "password"  # noqa: S105 - the reason that stages give for what they could not look into


def unreadable(document: Document, what: str, failure: StageFailed) -> DocumentUnreadable:
    """Return the error for a document that every plugin failed to read.

    A document that was found to be locked when it arrived is told to be so: libraries that
    fail over the missing password often name something else.

    Args:
        document: The document.
        what: What cannot be done, as the beginning of a sentence.
        failure: Why, as the plugin says that is asked first.
    """
    if any(part.reason == _PASSWORD for part in document.unscanned):
        return DocumentUnreadable(
            f"{what}: {LOCKED}.",
            hint="Upload a copy without a password.",
            details=failure.details,
        )
    return DocumentUnreadable(failure.message, hint=failure.hint, details=failure.details)
