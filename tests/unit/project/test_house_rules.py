"""Rules that hold for every file of the project."""

import ast
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.identifiers import (
    excluded_test_names,
    long_first_lines,
    participles,
    wrong_moods,
)

ROOT = Path(__file__).parents[3]
MAX_LINES = 400
MIN_SENTENCES = 2
SENTENCE_END = re.compile(r"[.!?](?:\s|$)")
MODULES = {".py", ".js", ".mjs"}
CODE = {"benchmarks", "cli", "client", "config", "core", "plugins", "server"}
VAGUE = {"util", "utils", "helper", "helpers", "misc", "common"}
UNWANTED: Mapping[str, re.Pattern[str]] = {
    "work left over": re.compile(r"\b(?:TODO|FIXME|XXX)\b"),
    "a path of somebody's machine": re.compile(
        r"""(?:^|[\s"'`(=:])(?:file://)?/(?:work|root|Users|home/(?!pdfsluice\b)\w+|tmp/\w+)/"""
    ),
    "where packages are fetched from": re.compile(
        r"index-url|registry\s*=\s*[\"']?https?:|registry\.npmjs|pypi\.org/simple|files\.pythonhosted"
    ),
}


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    """All files under version control."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone")
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def offenders(files: list[Path], wrong: Callable[[Path], bool]) -> list[str]:
    return [file.relative_to(ROOT).as_posix() for file in files if wrong(file)]


def test_no_module_is_long(tracked: list[Path]) -> None:
    def long(file: Path) -> bool:
        return file.suffix in MODULES and file.read_text().count("\n") > MAX_LINES

    assert offenders(tracked, long) == []


def test_every_module_is_named_for_what_it_holds(tracked: list[Path]) -> None:
    assert offenders(tracked, lambda file: file.stem in VAGUE or file.parent.name in VAGUE) == []


def test_every_module_has_a_docstring(tracked: list[Path]) -> None:
    def silent(file: Path) -> bool:
        return file.suffix == ".py" and ast.get_docstring(ast.parse(file.read_text())) is None

    assert offenders(tracked, silent) == []


def test_every_package_states_what_belongs_in_it(tracked: list[Path]) -> None:
    def short(file: Path) -> bool:
        if file.name != "__init__.py" or "tests" in file.parts or "benchmarks" in file.parts:
            return False
        docstring = ast.get_docstring(ast.parse(file.read_text())) or ""
        return len(SENTENCE_END.findall(docstring)) < MIN_SENTENCES

    assert offenders(tracked, short) == []


@pytest.mark.parametrize("what", UNWANTED)
def test_no_file_holds(what: str, tracked: list[Path]) -> None:
    assert [
        place
        for file in tracked
        if file != Path(__file__)
        for place in places(file, UNWANTED[what])
    ] == []


def places(file: Path, pattern: re.Pattern[str]) -> Iterator[str]:
    """Yield file, line number and line wherever a text has the pattern."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return  # a picture or a font
    for number, line in enumerate(lines, 1):
        if pattern.search(line):
            yield f"{file.relative_to(ROOT)}:{number}: {line.strip()[:100]}"


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("work left over", "# TODO: later"),
        ("a path of somebody's machine", 'open("/root/notes.txt")'),
        ("a path of somebody's machine", "cd /home/ann/pdfsluice"),
        ("where packages are fetched from", "pip install --index-url http://localhost"),
        ("where packages are fetched from", '"resolved": "https://registry.npmjs.org/ws"'),
    ],
)
def test_the_patterns_find_what_they_are_for(what: str, line: str) -> None:
    assert UNWANTED[what].search(line)


def sources(tracked: list[Path]) -> Iterator[tuple[Path, str]]:
    for file in tracked:
        name = file.relative_to(ROOT)
        if file.suffix == ".py" and name.parts[0] in CODE:
            yield name, file.read_text()


def test_the_first_line_of_a_docstring_is_short(tracked: list[Path]) -> None:
    assert [each for file, text in sources(tracked) for each in long_first_lines(file, text)] == []


def test_docstrings_begin_with_an_imperative_or_a_noun(tracked: list[Path]) -> None:
    assert [each for file, text in sources(tracked) for each in wrong_moods(file, text)] == []


def test_variables_are_named_by_nouns(tracked: list[Path]) -> None:
    assert [each for file, text in sources(tracked) for each in participles(file, text)] == []


def test_tests_are_named_in_plain_words(tracked: list[Path]) -> None:
    tests = [file for file in tracked if file.suffix == ".py" and "tests" in file.parts]
    assert [name for file in tests for name in excluded_test_names(file.read_text())] == []
    assert excluded_test_names("def test_a_reason_is_told(): ...") == ["test_a_reason_is_told"]


def test_the_rules_for_names_and_first_lines_find_what_they_are_for() -> None:
    text = f'def f(given):\n    """{"x" * 81}"""\n    known = [kept for kept in given]\n'
    assert len(list(long_first_lines(Path("f.py"), text))) == 1
    assert len(list(participles(Path("f.py"), text))) == 3
    text = 'class A:\n    """Reads."""\n    def f(self):\n        """Whether."""\n'
    assert len(list(wrong_moods(Path("f.py"), text))) == 2
