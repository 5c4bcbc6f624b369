"""What a child can reach besides its pipes, and how the kernel enforces that.

The bounds of time and memory belong to ``processes``; this package knows Linux and degrades
to nothing on other systems.
"""

from .applying import Protection, confine, hide_memory, protection
from .folders import file_folders, reading_only

__all__ = [
    "Protection",
    "confine",
    "file_folders",
    "hide_memory",
    "protection",
    "reading_only",
]
