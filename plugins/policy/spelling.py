"""Warns of rules that may never match because their kind is misspelt."""

import logging
from collections.abc import Iterable
from difflib import get_close_matches

from pdfsluice.core import FindingKind

from .rule import ANY_KIND

logger = logging.getLogger(__name__)


def warn_of_unknown_kinds(kinds: Iterable[str]) -> None:
    """Warn of each kind in a rule that no built-in stage reports."""
    for kind in dict.fromkeys(kinds):
        if kind in {ANY_KIND, *FindingKind}:
            continue
        close = get_close_matches(kind.lower(), list(FindingKind), n=1)
        logger.warning(
            "a rule of [plugins.policy] has the kind %r, which no built-in stage reports; unless"
            " a plugin does, the rule decides nothing. %s",
            kind,
            f"Is {str(close[0])!r} meant?" if close else f"Known are: {', '.join(FindingKind)}.",
        )
