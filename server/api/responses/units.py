"""The units of a document, as they are shown."""

from typing import Annotated

from pydantic import Field, WithJsonSchema

from .views import View

Unit = Annotated[
    tuple[int, int, str],
    WithJsonSchema(  # not all generators of clients read "prefixItems"
        {
            "type": "array",
            "items": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
            "minItems": 3,
            "maxItems": 3,
        }
    ),
]


class UnitsView(View):
    """What of a document a new version can be compared with.

    Digests are the first 16 bytes of the SHA-256, in hexadecimal.
    """

    document_id: int
    file_size: int
    sha256: str
    block_size: int = Field(description="Bytes of a block; the last one may be shorter.")
    blocks: list[str] = Field(
        description="Digests of the blocks from the beginning of the file; in the first answer."
    )
    units: list[Unit] = Field(
        description="Offset, length and digest of the bodies of streams, by ascending offset."
    )
    next: int | None = Field(description="The ``first`` of the next answer; null at the end.")
