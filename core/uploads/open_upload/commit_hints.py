"""The hint that an extent was committed, which has all that its row has.

So the holder of the upload reads nothing. Like every hint it may be lost, and it may arrive after
the extent was dropped: the regular comparison with the rows mends both.
"""

from pdfsluice.core.models.sessions import Extent
from pdfsluice.core.plugins.ports.cluster import Hint, HintKind


def commit_hint(session_id: str, extent: Extent) -> Hint:
    """Return the hint that an extent of an upload was committed."""
    text = f"{extent.fingerprint} {extent.place}"
    return Hint(HintKind.COMMITTED, session_id, extent.start, extent.end, text)


def hinted_extent(hint: Hint) -> Extent | None:
    """Return the extent that a hint is about; ``None`` if it has none."""
    fingerprint, _, place = hint.text.partition(" ")
    if not fingerprint or not 0 <= hint.start < hint.end:
        return None
    return Extent(hint.start, hint.end, fingerprint, place)
