"""Writes the parts of hand-written pages that are generated from the code.

Such a part stands between two HTML comments with its name. ``python docs/diagrams.py``
writes it; a test checks that it is current.
"""

import ast
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from pdfsluice import core
from pdfsluice.core.models.sessions import SessionState
from pdfsluice.core.uploads.lifecycle import ENDED, TRANSITIONS

EXPLANATION = Path(__file__).parent / "explanation"


def upload_states() -> str:
    """Draw the transition table of an upload's states (mermaid)."""
    changes = [
        f"    {state} --> {target}"
        for state in SessionState
        for target in SessionState
        if target in TRANSITIONS[state]
    ]
    ends = [f"    {state} --> [*]" for state in ENDED]
    begin = f"    [*] --> {SessionState.CREATED}"
    return "\n".join(["```mermaid", "stateDiagram-v2", begin, *changes, *ends, "```"])


def public_names() -> str:
    """Return the public interface of plugins as a table, by the subject of its modules."""
    tree = ast.parse(Path(core.__file__).read_text(encoding="utf-8"))
    imports = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level and node.names[0].name in core.__all__
    ]
    rows = []
    for node in imports:
        subject = (import_module(f"{core.__name__}.{node.module}").__doc__ or "").splitlines()[0]
        names = ", ".join(f"`{alias.name}`" for alias in node.names)
        rows.append(f"| {subject.rstrip('.')} | {names} |")
    return "\n".join(["| subject | names |", "|---|---|", *sorted(rows)])


PARTS: Mapping[tuple[str, str], Callable[[], str]] = {
    ("architecture.md", "upload-states"): upload_states,
    ("stability.md", "public-names"): public_names,
}
"""Page and name of each generated part."""


def replaced(text: str, name: str, part: str) -> str:
    """Return a page with a generated part in its place.

    Raises:
        ValueError: The page has no place for it.
    """
    begin, end = f"<!-- {name}: generated -->", f"<!-- {name}: end -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"the page has no place for {name}")
    return f"{before}{begin}\n{part}\n{end}{after}"


def write() -> None:
    """Write all generated parts."""
    for (page, name), part in PARTS.items():
        path = EXPLANATION / page
        text = replaced(path.read_text(encoding="utf-8"), name, part())
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
