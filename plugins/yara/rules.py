"""Compiles a folder of YARA rules; only imported where YARA-X is to run."""

from pathlib import Path

import yara_x

SUFFIXES = frozenset({".yar", ".yara"})


class RulesError(Exception):
    """A file with rules cannot be read or compiled."""


def compile_folder(folder: Path) -> yara_x.Rules:
    """Compile all rules below a folder, each file in a namespace of its own.

    Includes are off: every file of the folder is compiled anyway.

    Raises:
        RulesError: There is no rule, or one of them is wrong; the message names the file.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise RulesError(f"there are no *.yar or *.yara files in {folder}")
    compiler = yara_x.Compiler()
    compiler.enable_includes(False)
    for path in files:
        compiler.new_namespace(str(path.relative_to(folder)))
        try:
            compiler.add_source(path.read_text(encoding="utf-8"), origin=str(path))
        except (yara_x.CompileError, OSError, UnicodeDecodeError) as error:
            raise RulesError(f"{path}: {error}") from error
    return compiler.build()
