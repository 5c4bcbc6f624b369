"""Validation errors, in words that do not depend on the validation library."""

from collections.abc import Mapping
from typing import Any

_PREDICATES: Mapping[str, str] = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "byte_size": "must be a size such as 512 KiB, 8 MiB or 1 GB",
    "byte_size_unit": "must be a size such as 512 KiB, 8 MiB or 1 GB",
    "bytes_type": "must be bytes",
    "date_from_datetime_parsing": "must be a date such as 2026-01-31",
    "date_parsing": "must be a date such as 2026-01-31",
    "date_type": "must be a date such as 2026-01-31",
    "datetime_from_date_parsing": "must be a time such as 2026-01-31T12:00:00Z or a date",
    "datetime_parsing": "must be a time such as 2026-01-31T12:00:00Z or a date",
    "datetime_type": "must be a time such as 2026-01-31T12:00:00Z or a date",
    "dict_type": "must be a table",
    "enum": "must be {expected}",
    "extra_forbidden": "is not known",
    "finite_number": "must be a finite number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "frozen_set_type": "must be a list",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "is too large",
    "int_type": "must be a whole number",
    "json_invalid": "is not JSON: {error}",
    "json_type": "must be JSON",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "list_type": "must be a list",
    "literal_error": "must be {expected}",
    "missing": "is missing",
    "model_attributes_type": "must be an object",
    "model_type": "must be an object",
    "multiple_of": "must be a multiple of {multiple_of}",
    "none_required": "must be null",
    "path_type": "must be a path",
    "set_type": "must be a list",
    "string_pattern_mismatch": "does not have the expected form",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must have {min_length} or more characters",
    "string_type": "must be text",
    "string_unicode": "must be valid Unicode text",
    "timezone_aware": "must have a time zone, as 2026-01-31T12:00:00Z has",
    "too_long": "must have at most {max_length} entries",
    "too_short": "must have {min_length} or more entries",
    "time_delta_parsing": "must be a duration such as 30s, 15m, 24h or 7d",
    "time_delta_type": "must be a duration such as 30s, 15m, 24h or 7d",
    "tuple_type": "must be a list",
    "url_parsing": "must be a URL",
    "url_scheme": "must be a URL that begins with {expected_schemes}",
    "uuid_parsing": "must be a UUID",
}
_OWN_WORDS = ("Value error, ", "Assertion failed, ")


def predicate(problem: Mapping[str, Any]) -> str:
    """Return what is wrong with a value, to be read after the name of the value.

    Args:
        problem: An entry of :meth:`pydantic.ValidationError.errors`.
    """
    template = _PREDICATES.get(problem["type"])
    if template is not None:
        try:
            return template.format_map(problem.get("ctx", {}))
        except KeyError:
            pass
    message = str(problem["msg"])
    for prefix in _OWN_WORDS:
        message = message.removeprefix(prefix)
    return message


def described(name: str, problem: Mapping[str, Any]) -> str:
    """Return a name, or ``it``, and what is wrong with its value as one clause."""
    words = predicate(problem)
    if not name:
        return words
    if words.startswith(("must ", "is ", "does ", "has ")):
        return f"{name} {words}"
    return words if name == "it" else f"{name}: {words}"
