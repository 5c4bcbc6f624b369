"""The disk space that text must leave free."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from pdfsluice.core import StorageFull

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """The free space of the disk on which text is stored.

    Attributes:
        folder: A folder on the disk.
        min_free: Bytes that stay free.
    """

    folder: Path
    min_free: int

    def require(self) -> None:
        """Refuse to fill the disk any further.

        Raises:
            StorageFull: Less space is free than has to stay free.
        """
        free = shutil.disk_usage(self.folder).free
        if free < self.min_free:
            raise StorageFull(
                f"The disk has {free // _MIB} MiB left; {self.min_free // _MIB} MiB stay free.",
                hint="Free disk space, or lower min_free_space.",
            )
