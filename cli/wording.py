"""Messages about parameters, in the words of the settings."""

import typer
from pydantic import ValidationError

from pdfsluice.config.wording import described


def in_our_words(error: typer.BadParameter, cause: BaseException) -> typer.BadParameter:
    """Return the error with the message that a setting of such a value would have."""
    if isinstance(cause, ValidationError):
        error.message = described("it", cause.errors()[0])
    return error
