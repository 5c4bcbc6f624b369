"""Code blocks of the documentation, as a reader would copy them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
ADDRESS = "http://localhost:8000"
"""The server's, on every page."""
_PROMPT = "$ "


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: The page, relative to the repository.
        line: Number of its first line.
        language: The word after the fence.
    """

    page: str
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        return f"{self.page}:{self.line}"


def blocks(page: Path, *languages: str) -> list[Block]:
    """Return the blocks of a page that are in one of the languages."""
    return [block for block in _fences(page) if block.language in languages]


@cache
def _fences(page: Path) -> list[Block]:
    tokens = MarkdownIt("commonmark").disable("inline").parse(page.read_text(encoding="utf-8"))
    name = page.relative_to(ROOT).as_posix()
    return [
        Block(name, (token.map or [0])[0] + 1, token.info.strip(), token.content)
        for token in tokens
        if token.type == "fence"
    ]


def pages_with(*languages: str) -> list[str]:
    """Return the pages that have blocks in one of the languages.

    Every process of the tests calls this when it collects them, so pages are not parsed.
    """
    fence = re.compile(rf"^ *```({'|'.join(languages)})$", re.MULTILINE)
    return [
        page.relative_to(ROOT).as_posix()
        for page in PAGES
        if fence.search(page.read_text(encoding="utf-8"))
    ]


def is_a_file(block: Block) -> bool:
    """Whether the block is the content of a file that its first line names."""
    return block.text.startswith("# ") and block.text.splitlines()[0].endswith(".py")


def write_files(page: Path, folder: Path) -> None:
    """Write the Python files of a page; a block without a name continues the last."""
    text, file = "", folder
    for block in blocks(page, "python"):
        if is_a_file(block):
            text, file = "", folder / block.text.splitlines()[0].removeprefix("# ")
        text = f"{text}\n\n{block.text}" if text else block.text
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)


def commands(page: str) -> list[str]:
    """Return the shell commands of a page in their order, without comments and output."""
    found: list[str] = []
    for block in blocks(ROOT / page, "sh", "console"):
        lines = _typed(block) if block.language == "console" else block.text.splitlines()
        found.extend(_joined(lines))
    return found


def _typed(block: Block) -> Iterator[str]:
    """Yield the commands after prompts; all else is their output."""
    goes_on = False
    for line in block.text.splitlines():
        if goes_on or line.startswith(_PROMPT):
            yield line if goes_on else line.removeprefix(_PROMPT)
            goes_on = line.endswith("\\")


def _joined(lines: Iterator[str] | list[str]) -> Iterator[str]:
    """Yield whole commands; one continues after a backslash, a pipe or an open quote."""
    command = ""
    for line in lines:
        command += line
        if re.search(r"(\\|\||&&)$", line) or command.count("'") % 2:
            command += "\n"
            continue
        if command.strip() and not command.startswith("#"):
            yield command
        command = ""
