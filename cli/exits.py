"""The exit codes of the command: part of the public interface."""

from collections.abc import Iterable
from enum import IntEnum


class Exit(IntEnum):
    """How a command ended."""

    OK = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    UNREACHABLE = 4
    AUTHENTICATION = 5
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """The meaning of the code, in a sentence."""
        return _MEANINGS[self]

    @classmethod
    def of_all(cls, exits: Iterable["Exit"]) -> "Exit":
        """Return the code for several files: their common failure, or ``FAILED``."""
        failures = {each for each in exits if each is not cls.OK}
        if not failures:
            return cls.OK
        return failures.pop() if len(failures) == 1 else cls.FAILED


_MEANINGS = {
    Exit.OK: "Everything was done.",
    Exit.FAILED: "Something failed; of several files, they failed in different ways.",
    Exit.USAGE: "The command line or a setting is wrong; nothing was done.",
    Exit.REFUSED: "The server refuses the file because of what is in it.",
    Exit.UNREACHABLE: "The server cannot be reached, or was unavailable for too long.",
    Exit.AUTHENTICATION: "The API key is absent, wrong, revoked or lacks a scope.",
    Exit.INTERRUPTED: "Ctrl-C; an upload that had begun can be resumed.",
}
