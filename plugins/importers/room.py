"""The disk space that text must leave free."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from pdfsluice.core import StorageFull

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Room:
    """The disk on which text is stored.

    Attributes:
        folder: A folder on it.
        least: Bytes that stay free.
    """

    folder: Path
    least: int

    def require(self) -> None:
        """Refuse to fill the disk any further.

        Raises:
            StorageFull: There is less left than has to stay free.
        """
        free = shutil.disk_usage(self.folder).free
        if free < self.least:
            raise StorageFull(
                f"The disk has {free // _MIB} MiB left; {self.least // _MIB} MiB stay free.",
                hint="Make room, or lower min_free_space.",
            )
