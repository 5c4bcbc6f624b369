"""What a client announces about an upload that is open already."""

from datetime import datetime

from pdfsluice.core.errors import OffsetConflict, ProtocolError
from pdfsluice.core.models.sessions import Session

from .lifecycle import OPEN
from .open_upload.upload import OpenUpload


async def settle_size(upload: OpenUpload, total: int) -> Session:
    """Set a size that was deferred.

    Raises:
        ProtocolError: Another size was set before.
        OffsetConflict: More bytes are committed, or on their way.
    """

    async def change() -> Session:
        if upload.session.total_size == total:
            return upload.session
        if upload.session.total_size is not None:
            raise ProtocolError(
                f"the size is {upload.session.total_size} bytes and cannot change to {total}"
            )
        if upload.position > total:
            raise OffsetConflict(
                f"the upload has {upload.position} bytes already; its size cannot be {total}",
                hint="Announce the size of the whole file.",
                details={"offset": upload.position, "file_size": total},
            )
        upload.limit_size(total)  # before the row, or a commit could slip past it
        try:
            await upload.change(total_size=total, reserved=total)
        except BaseException:
            upload.limit_size(None)
            raise
        return upload.session

    return await upload.as_unit(change)


async def note_client(upload: OpenUpload, client_id: str, now: datetime) -> Session:
    """Note which client resumed the upload, if it is open."""

    async def change() -> Session:
        if upload.session.state in OPEN:
            upload.meter.interrupt()
            current_client = client_id or upload.session.client_id
            await upload.change(client_id=current_client, updated_at=now)
        return upload.session

    return await upload.as_unit(change)


async def announce_digest(upload: OpenUpload, digest: str) -> Session:
    """Announce the digest of the file, unless there is one or the upload has ended."""

    async def change() -> Session:
        if upload.session.expected_digest is None and upload.session.state in OPEN:
            await upload.change(expected_digest=digest)
        return upload.session

    return await upload.as_unit(change)
