"""Where the keys are kept: in the session store, or in a file if it keeps none."""

import logging
from pathlib import Path

from pdfsluice.core import HasKeys, KeyStore, SessionStore

from .file import KeyFile
from .keys import merging

logger = logging.getLogger(__name__)

_FILE = "keys.json"


async def stored_keys(
    sessions: SessionStore, data_dir: Path, *, retire_file: bool = False
) -> KeyStore:
    """Return where the keys are kept, with those of an earlier release's file.

    Args:
        sessions: The session store of the settings.
        data_dir: The folder in which the file is, or was.
        retire_file: Whether the file gets another name, so that it is read once only. A
            command leaves it: a server of the earlier release may still read it.

    Raises:
        StorageFailed: The file, or the session store, cannot be read or changed.
    """
    file = KeyFile(data_dir / _FILE)
    if not isinstance(sessions, HasKeys):
        return file
    keys = await file.keys()
    if keys:
        added = await sessions.keys.change(merging(keys))
        logger.info("%d API keys of %s were added to the session store", len(added), _FILE)
    if retire_file:
        file.retire()
    return sessions.keys
