"""A search, from the query to the hits.

A plan has what is asked of the models; their vectors and the words then find passages.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pdfsluice.core import Match

from .confidence import NEARNESS
from .finding import Finder
from .languages import ENGLISH, UNKNOWN
from .names import Named
from .queries import Query, parse
from .rankings import HEAD, Neighbours, Rankings, among
from .reader import PassageReader
from .stored import Slot

_DEPTH_FACTOR = 4

Nearest = Callable[[], Neighbours]
NOTHING: dict[str, Any] = {"hits": [], "stages": [], "trouble": ""}
"""The reply of a search that found nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is searched for, as :meth:`pdfsluice.core.Index.search` has it."""

    query: str
    top_k: int
    owner: str | None
    documents: Sequence[int] | None = None
    match: Match | None = None

    @property
    def depth(self) -> int:
        """The length of the lists that are joined."""
        return max(HEAD, self.top_k * _DEPTH_FACTOR)


@dataclass(frozen=True, slots=True)
class Question:
    """A text whose nearest passages are wanted.

    Attributes:
        slot: The model that is asked.
        text: The text.
        documents: The documents to look in; ``None`` for all.
    """

    slot: Slot
    text: str
    documents: Sequence[int] | None


@dataclass(frozen=True, slots=True)
class Plan:
    """A search whose query is understood.

    Attributes:
        search: The search.
        query: Its words.
        named: The documents that it names.
        questions: What is asked of the models.
    """

    search: Search
    query: Query
    named: Named
    questions: Sequence[Question]


class Searcher:
    """A search of what a reader reads.

    Args:
        reader: The passages.
        finder: Ranks them; it remembers how frequent words are.
        knows_english_alone: Whether the model of the slot ``main`` is of use for English only.
    """

    def __init__(self, reader: PassageReader, finder: Finder, *, knows_english_alone: bool) -> None:
        self._reader = reader
        self._finder = finder
        self._knows_english_alone = knows_english_alone

    def plan(self, search: Search, *, asks_elsewhere: bool = False) -> Plan | None:
        """Understand a query; ``None`` if there is nothing to be searched.

        Args:
            search: The search.
            asks_elsewhere: Whether vectors of the slot ``main`` are in another store.
        """
        if not self._reader.count():
            return None
        query = parse(search.query, self._finder.languages())
        if not query.words:  # nothing but punctuation, of which a model makes anything
            return None
        named = self._finder.named_by(query, owner=search.owner)
        if search.match == "words":
            return Plan(search, query, named, ())
        slots = self._slots(query, asks_elsewhere=asks_elsewhere)
        questions = [Question(slot, search.query, search.documents) for slot in slots]
        rest, chosen = named.rest_of(search.query), among(named.chosen, search.documents)
        if chosen and rest and not asks_elsewhere:
            questions += [Question(slot, rest, chosen) for slot in slots]
        return Plan(search, query, named, questions)

    def _slots(self, query: Query, *, asks_elsewhere: bool) -> list[Slot]:
        """Return the models that know the language of a query and have made vectors."""
        slots: list[Slot] = []
        is_english = query.language in {ENGLISH, UNKNOWN}
        has_main = asks_elsewhere or self._reader.model("main") is not None
        if has_main and (is_english or not self._knows_english_alone):
            slots.append("main")
        if query.language != ENGLISH and self._reader.model("other") is not None:
            slots.append("other")
        return slots

    def nearest(
        self, plan: Plan, question: Question, vector: Sequence[float], identity: str
    ) -> Neighbours:
        """Return the passages nearest to a vector.

        Args:
            plan: The search.
            question: What was asked.
            vector: The vector of its text.
            identity: The model that made it.
        """
        is_built_in = self._knows_english_alone or question.slot == "other"
        return self._finder.by_vector(
            vector,
            identity,
            owner=plan.search.owner,
            limit=plan.search.depth,
            slot=question.slot,
            nearness=NEARNESS[question.slot] if is_built_in else None,
            documents=question.documents,
        )

    def find(self, plan: Plan, nearest: Sequence[Nearest]) -> dict[str, Any]:
        """Return hits and the stages of their documents, all of one state of the database.

        Args:
            plan: The search.
            nearest: Return the passages that are near in meaning.
        """
        search = plan.search
        with self._reader.snapshot():
            rankings: Rankings = self._finder.by_query(
                plan.query,
                owner=search.owner,
                limit=search.depth,
                named=plan.named,
                documents=search.documents,
            )
            neighbours = [ranking() for ranking in nearest]
            rankings.meaning = [each.numbers for each in neighbours]
            if search.match == "meaning":
                rankings = replace(rankings, tiers=[], words=[])
            hits = self._finder.hits(rankings, limit=search.top_k)
            stages = self._reader.stages({hit.document for hit in hits})
            if nearest and not self._finder.is_answered(rankings, neighbours):
                # the meaning of other documents is not known yet
                hits = [hit for hit in hits if stages.get(hit.document) != "meaning"]
        return {
            "hits": [
                (hit.document, hit.page, hit.text, hit.score, hit.match, hit.marks) for hit in hits
            ],
            "stages": list(stages.items()),
            "trouble": "",
        }
