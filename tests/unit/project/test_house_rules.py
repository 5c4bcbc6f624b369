"""Rules that hold for every file of the project."""

import ast
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
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
Rule = Callable[[Path, ast.Module], Iterable[str]]
MODULES = {".py", ".js", ".mjs"}
CODE = {"benchmarks", "cli", "client", "config", "core", "plugins", "server"}
VAGUE = {"util", "utils", "helper", "helpers", "misc", "common"}
UNWANTED: Mapping[str, re.Pattern[str]] = {
    "work left over": re.compile(r"\b(?:TODO|FIXME|XXX)\b"),
    "a path of somebody's machine": re.compile(
        r"""(?:^|[\s"'`(=:])(?:file://)?/(?:work|root|Users|home/(?!pdfsluice\b)\w+|tmp/\w+)/"""
    ),
    "where packages are fetched from": re.compile(
        r"index-url[ =]|registry\s*=\s*[\"']?https?:|registry\.npmjs|pypi\.org/simple"
        r"|files\.pythonhosted"
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


@pytest.fixture(scope="module")
def breaches(tracked: list[Path]) -> Mapping[str, list[str]]:
    """What breaks the rules over Python modules, each of which is parsed once."""
    lists: dict[str, list[str]] = {rule: [] for rule in RULES}
    for file in tracked:
        if file.suffix == ".py":
            name = file.relative_to(ROOT)
            tree = ast.parse(file.read_text())
            for rule, broken in RULES.items():
                lists[rule].extend(broken(name, tree))
    return lists


def offenders(files: list[Path], wrong: Callable[[Path], bool]) -> list[str]:
    return [file.relative_to(ROOT).as_posix() for file in files if wrong(file)]


def test_no_module_is_long(tracked: list[Path]) -> None:
    def long(file: Path) -> bool:
        return file.suffix in MODULES and file.read_text().count("\n") > MAX_LINES

    assert offenders(tracked, long) == []


def test_every_module_is_named_for_what_it_holds(tracked: list[Path]) -> None:
    assert offenders(tracked, lambda file: file.stem in VAGUE or file.parent.name in VAGUE) == []


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


def without_docstring(file: Path, tree: ast.Module) -> Iterator[str]:
    if ast.get_docstring(tree) is None:
        yield str(file)


def short_package_docstring(file: Path, tree: ast.Module) -> Iterator[str]:
    """Yield a package that does not state what belongs in it and what does not."""
    if file.name != "__init__.py" or {"tests", "benchmarks"} & set(file.parts):
        return
    if len(SENTENCE_END.findall(ast.get_docstring(tree) or "")) < MIN_SENTENCES:
        yield str(file)


def of_code(rule: Rule) -> Rule:
    return lambda file, tree: rule(file, tree) if file.parts[0] in CODE else ()


def of_tests(file: Path, tree: ast.Module) -> Iterable[str]:
    return excluded_test_names(tree) if "tests" in file.parts else ()


RULES: Mapping[str, Rule] = {
    "every module has a docstring": without_docstring,
    "every package states what belongs in it": short_package_docstring,
    "the first line of a docstring is short": of_code(long_first_lines),
    "docstrings begin with an imperative or a noun": of_code(wrong_moods),
    "variables are named by nouns": of_code(participles),
    "tests are named in plain words": of_tests,
}


@pytest.mark.parametrize("rule", RULES)
def test_no_module_breaks_the_rule(rule: str, breaches: Mapping[str, list[str]]) -> None:
    assert breaches[rule] == []


def test_the_rules_for_modules_find_what_they_are_for() -> None:
    text = f'def f(given):\n    """{"x" * 81}"""\n    known = [kept for kept in given]\n'
    tree = ast.parse(text)
    assert len(list(long_first_lines(Path("f.py"), tree))) == 1
    assert len(list(participles(Path("f.py"), tree))) == 3
    assert list(without_docstring(Path("f.py"), tree)) == ["f.py"]
    assert list(short_package_docstring(Path("core/a/__init__.py"), tree)) == ["core/a/__init__.py"]
    assert excluded_test_names(ast.parse("def test_a_reason_is_told(): ...")) == [
        "test_a_reason_is_told"
    ]
    text = 'class A:\n    """Reads."""\n    def f(self):\n        """Whether."""\n'
    assert len(list(wrong_moods(Path("f.py"), ast.parse(text)))) == 2
