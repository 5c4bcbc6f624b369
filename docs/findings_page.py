"""Writes the reference page of findings, from the explanations of the scanner."""

from collections.abc import Mapping

from pdfsluice.plugins.pdf.explanations import EXPLANATIONS
from pdfsluice.plugins.pdf.streaming.codes import LIMITS, PROBLEMS, UNSCANNED


def findings_page(notice: str) -> str:
    """List every kind of finding, and every code of a damaged file."""
    lines = [
        "# Findings",
        notice,
        (
            "What the built-in stages report. `pdfsluice scan --explain KIND` shows the same;"
            " [Scanning while the file arrives](../explanation/scanning.md) describes how they are"
            " found, and [the policy](../explanation/policy.md) decides what follows from them."
        ),
        "",
        "The severity is the usual one; what runs an action by itself makes it graver.",
    ]
    for kind, explanation in EXPLANATIONS.items():
        lines += [
            "",
            f"## `{kind}`",
            "",
            f"**{explanation.title}** (usually {explanation.severity}). {explanation.meaning}",
            "",
            f"*What to do:* {explanation.advice}",
        ]
    lines += ["", "## Codes of `malformed`", "", "| `details.code` | meaning |", "|---|---|"]
    lines += [f"| `{code}` | {meaning} |" for code, meaning in PROBLEMS.items()]
    lines += ["", "## Codes of `resource_limit`", "", "| `details.code` | meaning |", "|---|---|"]
    lines += [f"| `{code}` | {meaning} |" for code, meaning in LIMITS.items()]
    lines += ["", "## Reasons of `unscanned`", "", "While the file arrives:", ""]
    lines += ["| `reason` | meaning |", "|---|---|"]
    lines += [f"| `{code}` | {meaning} |" for code, meaning in UNSCANNED.items()]
    lines += ["", "From the deep pass, ClamAV and YARA, whose message has the details:", ""]
    lines += ["| `reason` | meaning |", "|---|---|"]
    lines += [f"| `{code}` | {meaning} |" for code, meaning in _UNSCANNED_AS_A_WHOLE.items()]
    return "\n".join(lines) + "\n"


_UNSCANNED_AS_A_WHOLE: Mapping[str, str] = {
    "password": "The file cannot be opened without its password",
    "unknown-encryption": "The file is encrypted in an unknown way",
    "malformed": "The file is too damaged to be opened",
    "unreadable": "A part of the file, such as an attachment, cannot be decoded",
    "object-stream": "An object stream cannot be read, and what is in it was not checked",
    "impossible-number": "An object has a number that none can have",
    "nested-document": "An attached PDF was not checked",
    "limit": "There is more than the limits allow to check, or it takes longer",
    "crashed": "The process that checked the file crashed",
    "interrupted": "The connection to the virus scanner broke",
    "unavailable": "The virus scanner did not answer, and `when_down` is `fail-open`",
}
