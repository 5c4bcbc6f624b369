"""Which documents a search or a list is about, by what is known of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFilter:
    """Conditions on documents; all of them must hold.

    Attributes:
        documents: Ids; ``None`` for any.
        title: Part of the title or of the file's name, in any case.
        tags: Tags that the document must have, all of them, in any case.
        uploaded_from: Earliest time of the upload.
        uploaded_before: Time before which it was uploaded.
        metadata: Names of fields, each with a part of the value, in any case.
    """

    documents: Collection[int] | None = None
    title: str = ""
    tags: Collection[str] = ()
    uploaded_from: datetime | None = None
    uploaded_before: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Return whether there is a condition."""
        return self != DocumentFilter()

    def accepts(
        self,
        *,
        title: str,
        filename: str,
        tags: Collection[str],
        created_at: datetime,
        metadata: Mapping[str, str],
    ) -> bool:
        """Return whether all conditions but that on ids hold."""
        return (
            self.is_named(title, filename)
            and self.is_tagged(tags)
            and (self.uploaded_from is None or created_at >= self.uploaded_from)
            and (self.uploaded_before is None or created_at < self.uploaded_before)
            and self.is_described(metadata)
        )

    def is_named(self, title: str, filename: str) -> bool:
        """Return whether the condition on the title holds."""
        part = self.title.casefold()
        return part in title.casefold() or part in filename.casefold()

    def is_tagged(self, tags: Collection[str]) -> bool:
        """Return whether the condition on tags holds."""
        return {tag.casefold() for tag in self.tags} <= {tag.casefold() for tag in tags}

    def is_described(self, metadata: Mapping[str, str]) -> bool:
        """Return whether the condition on metadata holds."""
        if not self.metadata:
            return True
        values = {name.casefold(): str(value).casefold() for name, value in metadata.items()}
        return all(
            (value := values.get(name.casefold())) is not None and part.casefold() in value
            for name, part in self.metadata.items()
        )
