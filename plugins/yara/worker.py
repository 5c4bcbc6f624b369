"""The child process with the compiled rules; it scans one file per request."""

import argparse
import functools
import math
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yara_x

from pdfsluice.core import path_from_text, serve

from .rules import RulesError, compile_folder

MAX_MATCHES = 16
"""Matches of one pattern that are looked for; one is enough to know."""


def main() -> None:
    """Check the rules with ``--check``, or serve scans until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    try:
        rules = compile_folder(arguments.folder)
    except RulesError as error:
        sys.exit(str(error))
    if not arguments.check:
        serve(handler(rules, arguments.seconds))


def handler(
    rules: yara_x.Rules, seconds: float
) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    """Return the function that answers a request: it scans the file ``path``."""
    scanner = yara_x.Scanner(rules)
    scanner.set_timeout(math.ceil(seconds))
    scanner.max_matches_per_pattern(MAX_MATCHES)
    return functools.partial(_scan, scanner)


def _scan(scanner: yara_x.Scanner, request: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        results = scanner.scan_file(str(path_from_text(request["path"])))
    except yara_x.TimeoutError:
        return {"timeout": True, "rules": []}
    return {"timeout": False, "rules": [_matched(rule) for rule in results.matching_rules]}


def _matched(rule: yara_x.Rule) -> Mapping[str, Any]:
    offsets = [match.offset for pattern in rule.patterns for match in pattern.matches]
    metadata = {key: _text(value) for key, value in rule.metadata}
    return {
        "name": rule.identifier,
        "namespace": rule.namespace,
        "offset": min(offsets, default=None),
        "severity": metadata.get("severity", "").lower(),
        "description": metadata.get("description", ""),
    }


def _text(value: object) -> str:
    """Return a value of metadata; a text with escapes comes as bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


if __name__ == "__main__":
    main()
