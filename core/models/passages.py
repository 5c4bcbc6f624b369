"""The passages that an index finds."""

from dataclasses import dataclass
from typing import Literal

Match = Literal["words", "meaning"]
"""By what a search finds passages."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One hit of a search.

    Attributes:
        document_id: The document that contains it.
        page: 1-based page number.
        text: The passage.
        score: Greater is better; comparable within one answer only.
        match: Whether ``words`` or ``meaning`` matched, if the index reports it.
        stage: What is indexed of the document: ``reading`` (some pages), ``words``, ``meaning``.
        marks: Ranges of ``text`` that match words of the query, ascending.
    """

    document_id: int
    page: int
    text: str
    score: float
    match: str = ""
    stage: str = ""
    marks: tuple[tuple[int, int], ...] = ()
