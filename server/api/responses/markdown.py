"""Pages as Markdown, as they are shown."""

from typing import Self

from pydantic import Field

from pdfsluice.core.documents.markdown import MarkdownPages

from .views import View


class MarkdownPageView(View):
    """A page of a document as Markdown."""

    page: int
    markdown: str
    structured: bool = Field(
        description="Whether tables and headings are marked. Otherwise `markdown` is the stored"
        " text."
    )
    note: str = Field(description="Why they are not, in a sentence.")
    source: str = Field(description="Where the text comes from: `text`, `ocr` or `none`.")


class MarkdownView(View):
    """Some pages of a document as Markdown, in their order."""

    document_id: int
    pages: list[MarkdownPageView]
    next: int | None = Field(description="The `first` of the pages that follow; null at the end.")

    @classmethod
    def of(cls, document_id: int, pages: MarkdownPages) -> Self:
        """Describe pages of a document."""
        views = [
            MarkdownPageView(
                page=each.number,
                markdown=each.markdown,
                structured=each.structured,
                note=each.note,
                source=each.source.value,
            )
            for each in pages.pages
        ]
        return cls(document_id=document_id, pages=views, next=pages.next)
