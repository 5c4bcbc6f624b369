"""Finds names and first lines of docstrings that the house style excludes."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

MAX_FIRST_LINE = 80
PARTICIPLES = frozenset(
    {"found", "shown", "known", "kept", "told", "seen", "taken", "given", "gone", "got", "begun"}
)
"""Names that state what happened to a value, and not what it is."""

_EXCLUDED = re.compile(
    r"_(?:told|tells?|says?|said|hears?|heard|nobody|somebody|everybody|whoever|anew|beside)(?=_|$)"
    r"|_go(?:es)?_on(?=_|$)|_at_once(?=_|$)|_put_away(?=_|$)|^test_who_"
)
"""Wordings that the house style excludes, in names of tests."""
_PLURALS = frozenset(
    re.findall(
        r"\w+",
        """
        actions addresses bounds bytes chunks clients clocks conditions datagrams deviations
        differences directories
        documents expressions failures files handlers items kinds limits links lists numbers
        objects pages passages pictures ranges rates readings records rectangles regions reports
        requests searches shares status sums this tus totals values vectors versions warnings words
        """,
    )
)
"""Words in -s with which the docstring of a class may begin: no verbs."""
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def long_first_lines(file: Path, tree: ast.Module) -> Iterator[str]:
    """Yield the docstrings whose first line is too long."""
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and (text := ast.get_docstring(node)):
            first = text.splitlines()[0]
            if len(first) > MAX_FIRST_LINE:
                yield f"{file}:{node.body[0].lineno}: {len(first)} characters: {first}"


def wrong_moods(file: Path, tree: ast.Module) -> Iterator[str]:
    """Yield docstrings of classes that begin with a verb, of functions with no imperative."""
    for node in ast.walk(tree):
        if not isinstance(node, _DOCUMENTED[1:]) or not (text := ast.get_docstring(node)):
            continue
        word = text.split()[0].lower().rstrip(".,;:")
        if isinstance(node, ast.ClassDef):
            wrong = word.isalpha() and word.endswith("s") and word not in _PLURALS
        else:
            wrong = word == "whether" and "property" not in map(_last_name, node.decorator_list)
        if wrong:
            yield f"{file}:{node.body[0].lineno}: {text.splitlines()[0]}"


def _last_name(decorator: ast.expr) -> str:
    return ast.unparse(decorator).rpartition(".")[2].removeprefix("cached_")


def participles(file: Path, tree: ast.Module) -> Iterator[str]:
    """Yield the parameters and variables of functions whose name is a participle."""
    for function in _outer_functions(tree):
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                name = node.id
            elif isinstance(node, ast.arg):
                name = node.arg
            else:
                continue
            if name in PARTICIPLES:
                yield f"{file}:{node.lineno}: {name}"


def _outer_functions(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _FUNCTIONS):
            yield child
        else:
            yield from _outer_functions(child)


def excluded_test_names(tree: ast.Module) -> list[str]:
    """Return the names of tests whose wording the house style excludes."""
    return [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and _EXCLUDED.search(node.name)
    ]
