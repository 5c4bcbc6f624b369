"""How the user can run this program again: what hints and closing words print."""

import os
import shlex
import shutil
import sys
from pathlib import Path

_NAME = "pdfsluice"


def program() -> str:
    """Return the words that run this program in the user's shell and folder.

    That is its name if the shell finds it, otherwise the path of the script of this installation.
    """
    script = Path(sys.executable).with_name(_NAME)
    if shutil.which(_NAME) is not None or not script.exists():
        return _NAME
    relative = os.path.relpath(script)
    return shlex.quote(str(script) if relative.startswith(os.pardir) else relative)


def command(*words: str) -> str:
    """Return a command line of this program, quoted for a shell."""
    return f"{program()} {shlex.join(words)}"


def typed(text: str) -> str:
    """Return words of the command line as text, whatever encoding the locale names.

    In a POSIX locale without UTF-8, Python keeps other bytes as surrogates, which are no text.
    """
    return os.fsencode(text).decode(errors="replace") if has_surrogates(text) else text


def has_surrogates(text: str) -> bool:
    """Return whether some bytes of the text could not be decoded."""
    return any("\udc80" <= letter <= "\udcff" for letter in text)
