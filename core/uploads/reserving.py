"""The space that an upload reserves while its size is not known."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress

from pdfsluice.core.errors import PdfsluiceError
from pdfsluice.core.models.sessions import ChunkIntent

from .lifecycle import OPEN
from .open_upload.upload import OpenUpload


def reserved(upload: OpenUpload, chunk: ChunkIntent) -> AbstractAsyncContextManager[None]:
    """Return a context in which the space up to the end of a body is reserved.

    The size of most uploads is known; then all of it was reserved when the upload was opened.
    """
    if upload.session.total_size is not None:
        return nullcontext()
    return _reserved(upload, chunk)


@asynccontextmanager
async def _reserved(upload: OpenUpload, chunk: ChunkIntent) -> AsyncIterator[None]:
    """Let the reservation of an upload grow to the end of a body.

    It is entered before the range is claimed: growing is a unit, and a unit may wait for the
    requests that have claims. A body of unknown length reserves the most that it may have, and
    gives back what it did not need.

    Raises:
        QuotaExceeded: The account may not reserve so much.
    """

    async def grow() -> None:
        session = upload.session
        if session.total_size is None and session.state in OPEN and chunk.end > session.reserved:
            await upload.change(reserved=chunk.end)

    async def shrink() -> None:
        session = upload.session
        is_open = session.total_size is None and session.state in OPEN
        if is_open and not upload.receiving and upload.position < session.reserved:
            await upload.change(reserved=upload.position)

    await upload.as_unit(grow)
    try:
        yield
    finally:
        if chunk.length is None:
            with suppress(PdfsluiceError):  # it then reserves too much until its size is known
                await upload.as_unit(shrink)
