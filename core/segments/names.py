"""The names of objects. Only ids that the server itself makes become part of one.

========================= ==========================================================
``uploads/ID/START-NONCE`` a committed range of an upload; the name is never used again
``uploads/ID/SLOT.direct`` bytes that a client has sent itself and that do not count yet
``documents/xx/ID.pdf``    a document; ``xx`` are the first two digits of its id
``derived/ID/NAME``        what was made from a document, such as the picture of a page
``identity``               the identity of the store
``servers/FOLDER``         a server's folder of local copies that was used with the store
========================= ==========================================================
"""

import re
from uuid import uuid4

from pdfsluice.core.errors import NotFound

UPLOADS = "uploads"
DOCUMENTS = "documents"
DERIVED = "derived"
IDENTITY = "identity"
SERVERS = "servers"
_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_UUID = re.compile(_ID, re.ASCII)
_SEGMENT = re.compile(rf"{UPLOADS}/({_ID})/[0-9]+-[0-9a-f]{{32}}", re.ASCII)
_DIRECT = re.compile(rf"{UPLOADS}/({_ID})/[0-9]+\.direct", re.ASCII)
_DOCUMENT = re.compile(rf"{DOCUMENTS}/[0-9a-f]{{2}}/({_ID})\.pdf", re.ASCII)
_DERIVED_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,99}", re.ASCII)
_DERIVED = re.compile(rf"{DERIVED}/({_ID})/{_DERIVED_NAME.pattern}", re.ASCII)


def checked_id(blob_id: str) -> str:
    """Return an id that the server made.

    Raises:
        NotFound: It is none, so there is no blob of this id.
    """
    if not _UUID.fullmatch(blob_id):
        raise NotFound(f"The storage holds no bytes of {blob_id!a}.")
    return blob_id


def checked_place(place: str) -> str:
    """Return the name of a segment.

    Raises:
        NotFound: It is none.
    """
    if not _SEGMENT.fullmatch(place):
        raise NotFound(f"The storage holds no bytes at {place!a}.")
    return place


def segments_of(blob_id: str) -> str:
    """Return the folder of the segments of an upload."""
    return f"{UPLOADS}/{checked_id(blob_id)}"


def new_segment(blob_id: str, start: int) -> str:
    """Return a new name for the bytes of an upload from an offset on."""
    return f"{segments_of(blob_id)}/{start}-{uuid4().hex}"


def direct(blob_id: str, slot: int) -> str:
    """Return the name of what waits in a slot of an upload."""
    return f"{segments_of(blob_id)}/{slot}.direct"


def document(blob_id: str) -> str:
    """Return the name of a document."""
    return f"{DOCUMENTS}/{checked_id(blob_id)[:2]}/{blob_id}.pdf"


def derived_of(blob_id: str) -> str:
    """Return the folder of what was derived from a document."""
    return f"{DERIVED}/{checked_id(blob_id)}"


def derived(blob_id: str, name: str) -> str:
    """Return the name of something that was derived from a document.

    Raises:
        NotFound: Nothing has such a name.
    """
    if not _DERIVED_NAME.fullmatch(name):
        raise NotFound(f"The storage holds nothing with the name {name!a}.")
    return f"{derived_of(blob_id)}/{name}"


def id_of_segment(name: str) -> str | None:
    """Return the id of the upload that an object belongs to; ``None`` for others."""
    match = _SEGMENT.fullmatch(name) or _DIRECT.fullmatch(name)
    return match[1] if match else None


def id_of_document(name: str) -> str | None:
    """Return the id of the document that an object belongs to; ``None`` for others."""
    match = _DOCUMENT.fullmatch(name) or _DERIVED.fullmatch(name)
    return match[1] if match else None
