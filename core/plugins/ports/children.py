"""The access that a part needs in the processes in which it runs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildAccess:
    """The access of a child process beyond its pipes and the file that it works on.

    The kernel confines children as far as it supports that. By default they read the system,
    the program and the stored files, and nothing else.

    Attributes:
        readable: Further files and folders that it may read.
        writable: Folders in which it may create, change and remove files.
        network: Whether it may open sockets.
        programs: Whether it may start other programs.
        everything: Whether it may read all that the server can; for a child that runs code
            chosen by the operator and no parser.
    """

    readable: Sequence[str] = ()
    writable: Sequence[str] = ()
    network: bool = False
    programs: bool = False
    everything: bool = False

    @classmethod
    def union(cls, several: Iterable["ChildAccess"]) -> Self:
        """Return the access of a process in which several parts run."""
        parts = tuple(several)
        return cls(
            readable=tuple(path for part in parts for path in part.readable),
            writable=tuple(path for part in parts for path in part.writable),
            network=any(part.network for part in parts),
            programs=any(part.programs for part in parts),
            everything=any(part.everything for part in parts),
        )


NO_ACCESS = ChildAccess()
"""Access to the file that the process works on, and nothing else."""
