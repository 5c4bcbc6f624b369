"""Accounts as rows: their limits, and what they use."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from pdfsluice.core import DEFAULT_ACCOUNT, QuotaAccount, QuotaLimits, QuotaUsage

from .prepared import AnyRow, Prepared
from .schema import quotas

COUNTED = ("stored_bytes", "reserved_bytes", "metadata_bytes", "open_uploads", "documents")
"""What is counted until it is deleted, not for a day."""
_LIMITS = tuple(asdict(QuotaLimits()))
_GET = Prepared(select(quotas).where(quotas.c.account == bindparam("name")))
ALL = select(quotas).order_by(quotas.c.account)


def ensure(connection: Connection, name: str) -> None:
    """Make sure that an account has a row."""
    insert: Callable[..., Any] = (
        postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    )
    connection.execute(insert(quotas).on_conflict_do_nothing(), {"account": name})


def read_account(connection: Connection, name: str, today: int) -> QuotaAccount:
    """Return an account; one without a row has no limits of its own."""
    row = _GET.run(connection, {"name": name}).one_or_none()
    fallback = _GET.run(connection, {"name": DEFAULT_ACCOUNT}).one_or_none()
    default = QuotaLimits() if fallback is None else limits_of(fallback)
    if row is not None:
        return read_row(row, default, today)
    return QuotaAccount(name=name, own=QuotaLimits(), limits=default, usage=QuotaUsage())


def read_row(row: AnyRow, default: QuotaLimits, today: int) -> QuotaAccount:
    """Return the account of a row."""
    own = limits_of(row)
    usage = QuotaUsage(
        **{column: getattr(row, column) for column in COUNTED},
        uploads_today=row.uploads_today if row.day == today else 0,
        ocr_pages_today=row.ocr_pages_today if row.ocr_day == today else 0,
    )
    return QuotaAccount(name=row.account, own=own, limits=own.or_else(default), usage=usage)


def limits_of(row: AnyRow) -> QuotaLimits:
    """Return the limits in a row."""
    return QuotaLimits(**{name: getattr(row, f"max_{name}") for name in _LIMITS})
