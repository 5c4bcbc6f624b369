"""The surroundings in which a reader of the documentation types what stands there."""

import os
import sys
from pathlib import Path

DATA = Path(".local/share/pdfsluice")
"""Where the server keeps everything by default, in the home directory."""


def environment(home: Path, base_url: str) -> dict[str, str]:
    """Return a reader's environment: the program on the path, and the address."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("STREAMING_", "PDFSLUICE_", "XDG_"))
    }
    path = os.pathsep.join([str(home / "bin"), str(Path(sys.executable).parent), kept["PATH"]])
    return {
        **kept,
        "HOME": str(home),
        "PATH": path,
        "PDFSLUICE_SERVER": base_url,
        "NO_COLOR": "1",
        "COLUMNS": "200",
    }
