"""Finds wording that the house style excludes, in every text that a person reads.

``python -m tests.support.prose core/uploads docs`` lists the lines of those folders or files.
"""

import io
import re
import subprocess
import sys
import tokenize
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPTS = {".js", ".mjs", ".ts"}
PAGES = {".html", ".svg"}
_WORDS = 3
"""A string literal with fewer words is data, not prose."""


PATTERNS: Mapping[str, re.Pattern[str]] = {
    "R1": re.compile(
        r"\b(?:whoever|whomever|nobody|somebody|anybody|everybody)\b"
        r"|(?<!people )(?<!person )(?<!those )(?<!anyone )(?<!everyone )(?<!readers )(?<!users )"
        r"(?<!operators )(?<!authors )\bwho\b(?! may\b)",
        re.IGNORECASE,
    ),
    "R2": re.compile(
        r"\banew\b|\bat once\b|\bby and by\b|\bbeside\b"
        r"|\bbehind\b(?! (?:(?:a|an|the|your|another|one|such a) )?"
        r"(?:reverse |TLS |HTTP |caching |load.)?(?:prox|nginx|balancer|haproxy))"
        r"|\b(?:go|goes|going|went|gone) on\b"
        r"|(?:^|[.;:] |\()Where [^.;:?]*, (?!where|and|if|for|in)"
        r"|[^?]\bwhere (?:there (?:is|are|was|were) (?:no|none)|it (?:is|does|can|was|has) )"
        r"|\b(?:empty|else) where\b|\bbelongs? into\b",
        re.IGNORECASE,
    ),
    "R3": re.compile(
        r"\b(?:tell|tells|telling|told|say|says|saying|said|hear|hears|hearing|heard"
        r"|speak|speaks|speaking|spoke|spoken|knock|knocks|knocking|knocked)\b"
        r"|\b(?:put|puts|putting) away\b"
        r"|\b(?:let|lets|letting) (?:go|in)\b|\b(?:let|lets|letting) \w+ (?:go|in)\b"
        r"|\b(?:take|takes|taken|took) (?:\w+ )?for (?!granted)(?:an?|the|that|those|its?)\b",
        re.IGNORECASE,
    ),
}
OLD_CONSTANT = re.compile(
    r"_?(?:MOST|LONGEST|SHORTEST|LEAST|FEWEST|BIGGEST|LARGEST|SMALLEST|KEPT|FORGOTTEN|OFTEN)_\w+"
    r"|_?PATIENCE|_?\w+_(?:PAUSE|AT_ONCE)"
)


_SCRIPT_TEXT = re.compile(r"""/\*.*?\*/|(?<!:)//[^\n]*|"[^"\n]*"|'[^'\n]*'|`[^`]*`""", re.DOTALL)
_TEXT = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
_BETWEEN = {tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
_OPENING = re.compile(r"[A-Za-z]{0,2}(?:\"{3}|'{3}|\"|'|)")
_ASSIGNED = re.compile(r"\s*([A-Z_]{2,})\b(?:: [^=]+)? = ")
_PAGE_TEXT = re.compile(r">([^<]+)<")


@dataclass(frozen=True, slots=True)
class Offence:
    """A place whose wording a rule excludes.

    Attributes:
        place: File and line.
        rule: The rule of the house style.
        words: What was found.
        text: The line that holds it.
    """

    place: str
    rule: str
    words: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.rule} {self.words!r} in: {self.text}"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of prose and its number in the file."""

    number: int
    text: str


Block = Sequence[Line]
"""Lines that are read together: a docstring, a paragraph, comments on lines that follow."""


def offences(files: Sequence[Path]) -> Iterator[Offence]:
    """Yield every excluded wording in the prose of files of the project."""
    for file in files:
        name = file.relative_to(ROOT).as_posix()
        for block in _prose(file):
            for line, rule, words in excluded(block):
                yield Offence(f"{name}:{line.number}", rule, words, line.text[:100])
        for number, constant in _constants(file):
            if OLD_CONSTANT.fullmatch(constant):
                yield Offence(f"{name}:{number}", "R7", constant, constant)


def excluded(block: Block) -> Iterator[tuple[Line, str, str]]:
    """Yield line, rule and words of each excluded wording."""
    starts, text = [], ""
    for line in block:
        starts.append(len(text))
        text += line.text.strip() + " "
    for rule, pattern in PATTERNS.items():
        for match in pattern.finditer(text):
            yield block[bisect_right(starts, match.start()) - 1], rule, match[0].strip()


def tracked() -> list[Path]:
    """Return the files under version control."""
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def _prose(file: Path) -> Iterator[Block]:
    if file.name in {"LICENSE", "package-lock.json"} or file == Path(__file__):
        return
    if file.suffix == ".py":
        yield from _python(file)
    elif file.suffix == ".md":
        yield from _paragraphs(_markdown(file.read_text()))
    elif file.suffix in SCRIPTS:
        yield from _script(file.read_text())
    elif file.suffix in PAGES:
        yield from _page(file.read_text())
    elif file.name == "Makefile" or file.suffix in {".toml", ".sh"}:
        yield from _paragraphs(_comments(file.read_text()))


def _paragraphs(lines: Iterable[Line]) -> Iterator[Block]:
    """Group lines that follow one another without an empty one."""
    block: list[Line] = []
    for line in lines:
        if block and (line.number != block[-1].number + 1 or not line.text.strip()):
            yield block
            block = []
        block.append(line)
    yield block


def _lines(text: str, first: int) -> Block:
    return [Line(first + n, _without_code(line)) for n, line in enumerate(text.splitlines())]


def _python(file: Path) -> Iterator[Block]:
    """Yield comments, docstrings and, except in tests, all other text."""
    messages_count = file.relative_to(ROOT).parts[0] != "tests"
    comments: list[Line] = []
    strings: list[Line] = []
    statement_begins = True
    for token in tokenize.generate_tokens(io.StringIO(file.read_text()).readline):
        if token.type == tokenize.COMMENT:
            comments.append(Line(token.start[0], _without_code(token.string.lstrip("# "))))
        elif token.type in _TEXT and (statement_begins or messages_count):
            opening = _OPENING.match(token.string)
            if opening and "b" not in opening[0].lower():
                strings.extend(_lines(token.string[opening.end() :].rstrip("\"'"), token.start[0]))
        if token.type not in {tokenize.COMMENT, tokenize.NL}:
            statement_begins = token.type in _BETWEEN
    yield from _paragraphs(comments)
    for block in _paragraphs(strings):
        if sum(len(line.text.split()) for line in block) >= _WORDS:
            yield block


def _constants(file: Path) -> Iterator[tuple[int, str]]:
    if file.suffix == ".py":
        for number, line in enumerate(file.read_text().splitlines(), 1):
            match = _ASSIGNED.match(line)
            if match:
                yield number, match[1]


def _markdown(text: str) -> Iterator[Line]:
    fence = ""
    for number, line in enumerate(text.splitlines(), 1):
        mark = re.match(r"\s*(```+|~~~+)", line)
        if mark and (not fence or mark[1] == fence):
            fence = "" if fence else mark[1]
        elif not fence:
            yield Line(number, _without_code(line))


def _without_code(line: str) -> str:
    return re.sub(r"`[^`]*`", "``", line)


def _script(text: str) -> Iterator[Block]:
    for match in _SCRIPT_TEXT.finditer(text):
        if match[0].startswith("/") or len(match[0].split()) >= _WORDS:
            yield _lines(match[0], text.count("\n", 0, match.start()) + 1)


def _page(text: str) -> Iterator[Block]:
    for match in _PAGE_TEXT.finditer(text):
        yield _lines(match[1], text.count("\n", 0, match.start()) + 1)


def _comments(text: str) -> Iterator[Line]:
    for number, line in enumerate(text.splitlines(), 1):
        _, mark, comment = line.partition("#")
        if mark:
            yield Line(number, comment.strip("# "))


def main(places: Sequence[str]) -> int:
    """Print the offences in some folders or files; return 1 if there are any."""
    wanted = [ROOT / place for place in places] or [ROOT]
    files = [file for file in tracked() if any(place in {file, *file.parents} for place in wanted)]
    found = list(offences(files))
    for offence in found:
        print(offence)
    print(f"{len(found)} in {len({offence.place.partition(':')[0] for offence in found})} files")
    return min(len(found), 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
