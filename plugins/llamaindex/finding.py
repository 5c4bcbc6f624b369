"""Finds passages: exact matches first, then by words and by meaning together."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from .confidence import is_answered
from .expressions import AllOf, Alternatives, AnyOf, Expression, Phrase
from .marking import Marker, Wanted
from .names import DocumentNames, Named
from .queries import Query
from .rankings import RANK_OFFSET, Hit, Nearness, Neighbours, Rankings, among, fuse
from .reader import FEW_DOCUMENTS, PassageReader
from .stored import Slot, StoredPassage

_FURTHER = 0.01  # of its score keeps a passage of a page that has a better one
_READ_BATCH = 32  # passages
_MIN_WORDS = 3  # of a query that count, whatever their number of matches
DEFAULT_MAX_MATCHES = 20_000
DEFAULT_MAX_WEIGHED = 200_000
_MAX_FREQUENCIES = 20_000
_MAX_GROWTH = 1.1  # of the passages, until frequencies are read again
_MAX_RARE = 0.02  # share of the passages that have a word
_MIN_TYPO_LENGTH = 5
_MIN_BEGINNING, _MAX_BEGUN = 4, 1000
"""Least length of a word that is a beginning though it occurs in passages of others, and how many
may have it: all passages with a word that begins so are read."""
_MAX_CANDIDATES = 5000


class Finder:
    """The ranking of the passages that a reader returns.

    Args:
        reader: The passages.
        max_matches: How many passages the words of a query lead to; its rarest may lead to more.
        max_weighed: How many passages have a word that counts for their order.
    """

    def __init__(
        self,
        reader: PassageReader,
        *,
        max_matches: int = DEFAULT_MAX_MATCHES,
        max_weighed: int = DEFAULT_MAX_WEIGHED,
    ) -> None:
        self._reader = reader
        self._max_matches = max_matches
        self._max_weighed = max_weighed
        self._frequencies: dict[str, int] = {}
        self._counted = 0  # passages when they were read
        self._names = DocumentNames(reader, self._is_rare)

    def languages(self) -> Sequence[str]:
        """Return the languages of all passages, the commonest first."""
        return self._reader.languages()

    def named_by(self, query: Query, *, owner: str | None) -> Named:
        """Return the documents that a query names."""
        return self._names.named_by(query, owner=owner)

    def by_query(
        self,
        query: Query,
        *,
        owner: str | None,
        limit: int,
        named: Named | None = None,
        documents: Sequence[int] | None = None,
    ) -> Rankings:
        """Return the passages with words of a query, in tiers and by BM25.

        Args:
            query: The query.
            owner: Whose passages; ``None`` for those of all owners.
            limit: Length of each list.
            named: The documents that the query names, as :meth:`named_by` returns them.
            documents: The documents to look in; ``None`` for all.
        """
        self._forget_old_frequencies()
        named = self.named_by(query, owner=owner) if named is None else named
        groups = [self._known(group) for group in query.groups]
        by_groups = partial(
            self._by_groups, query, named, owner=owner, limit=limit, documents=documents
        )
        rankings = by_groups(groups)
        is_narrow = owner is not None or documents is not None
        if groups and is_narrow and not rankings.has_words and self._reader.document_count(owner):
            last = groups[-1]  # it occurs, but nowhere in what is searched
            if len(last.terms[0]) >= _MIN_BEGINNING and self._frequency(last) <= _MAX_BEGUN:
                return by_groups([*groups[:-1], self._begun(last)])
        return rankings

    def _by_groups(
        self,
        query: Query,
        named: Named,
        groups: Sequence[Alternatives],
        *,
        owner: str | None,
        limit: int,
        documents: Sequence[int] | None,
    ) -> Rankings:
        tiers = [self._matching(tier, owner, limit, documents) for tier in _tiers(query, groups)]
        rankings = Rankings(
            tiers=tiers,
            documents=named.weights,
            wanted=Wanted.of((*groups, *_marked_phrases(query))),
            groups=groups,
        )
        if any(len(tier) >= limit for tier in tiers):  # nothing below it would be shown
            return rankings
        rankings.words.append(self._by_words(groups, owner, limit, documents))
        chosen = among(named.chosen, documents)
        if chosen:
            rest = [
                group
                for group, words in zip(groups, query.groups, strict=True)
                if not set(words) & named.words
            ]
            rankings.words.append(self._by_words(rest, owner, limit, chosen))
        return rankings

    def _forget_old_frequencies(self) -> None:
        """Read frequencies again once there are many more passages, or fewer."""
        count = self._reader.count()
        if not self._counted / _MAX_GROWTH <= count <= self._counted * _MAX_GROWTH:
            self._frequencies.clear()
            self._counted = count

    def _begun(self, word: Alternatives) -> Alternatives:
        """Return the words that begin with a word, if there are any."""
        beginning = Alternatives(word.terms[:1], is_beginning=True)
        return beginning if self._reader.occurs(beginning) else word

    def _is_rare(self, word: str) -> bool:
        return self._frequency(Alternatives((word,))) <= _MAX_RARE * self._reader.count()

    def _matching(
        self,
        wanted: Expression,
        owner: str | None,
        limit: int,
        documents: Sequence[int] | None,
    ) -> list[int]:
        if not wanted:
            return []
        return self._reader.matching(wanted, owner=owner, limit=limit, documents=documents)

    def _by_words(
        self,
        groups: Sequence[Alternatives],
        owner: str | None,
        limit: int,
        documents: Sequence[int] | None,
    ) -> list[int]:
        """Return passages with rare words; if there are few, with common ones.

        In a few documents all words are looked up: the rare ones lead to few of their passages.
        """
        is_narrow = documents is not None and len(documents) <= FEW_DOCUMENTS
        wanted = AnyOf(tuple(groups)) if is_narrow else self._divided(groups)
        numbers = self._matching(wanted, owner, limit, documents)
        if len(numbers) < limit and wanted.others:
            further = self._matching(AnyOf(wanted.others), owner, limit, documents)
            numbers = list(dict.fromkeys([*numbers, *further]))[:limit]
        return numbers

    def _divided(self, groups: Sequence[Alternatives]) -> AnyOf:
        """Return the words that lead to passages, and those that order them alone.

        The commonest words of a query cost most and distinguish least. BM25 gives no weight to
        a word that half of the passages have.
        """
        max_weighed = min(self._max_weighed, self._reader.count() // 2)
        parts: list[Alternatives] = []
        others: list[Alternatives] = []
        matches = 0
        for group in sorted(groups, key=self._frequency):
            frequency = self._frequency(group)
            matches += frequency
            is_first = matches == frequency  # of those that any passage has
            if is_first or matches <= self._max_matches:
                parts.append(group)
            elif len(parts) + len(others) < _MIN_WORDS and frequency < max_weighed:
                others.append(group)
        return AnyOf(tuple(parts), tuple(others))

    def _frequency(self, word: Alternatives) -> int:
        """Return the number of passages with one of several alternatives.

        The count may be a little old.
        """
        return sum(map(self._frequency_of, word.terms))

    def _frequency_of(self, term: str) -> int:
        if term not in self._frequencies:
            if len(self._frequencies) >= _MAX_FREQUENCIES:
                self._frequencies.clear()
            self._frequencies[term] = self._reader.frequency(term)
        return self._frequencies[term]

    def _known(self, group: tuple[str, ...]) -> Alternatives:
        """Return the alternatives of a word; of one that occurs nowhere, what it may mean."""
        word = Alternatives(group)
        if self._reader.occurs(word):
            return word
        beginning = self._begun(word)
        if beginning.is_beginning:
            return beginning
        correction = self._corrected(group[0])
        return Alternatives((correction,)) if correction else word

    def _corrected(self, word: str) -> str:
        """Return the commonest word that differs in one letter, or two exchanged ones.

        Most begin with the same two letters; only if there is none, one letter is enough: to
        read all words with it takes ten times as long.
        """
        if len(word) < _MIN_TYPO_LENGTH or not word.isalpha():
            return ""
        return self._nearest_from(word, word[:2]) or self._nearest_from(word, word[:1])

    def _nearest_from(self, word: str, start: str) -> str:
        best, most = "", 0
        lengths = range(len(word) - 1, len(word) + 2)
        for term, count in self._reader.terms_from(start, lengths=lengths, limit=_MAX_CANDIDATES):
            if count > most and is_near(word, term):
                best, most = term, count
        return best

    def by_vector(
        self,
        vector: Sequence[float],
        model: str,
        *,
        owner: str | None,
        limit: int,
        slot: Slot = "main",
        nearness: Nearness | None = None,
        documents: Sequence[int] | None = None,
    ) -> Neighbours:
        """Return the passages nearest to a vector.

        There are none if another model made the stored vectors.

        Args:
            vector: The vector of the query.
            model: Identity of the model that made it.
            owner: Whose passages; ``None`` for those of all owners.
            limit: Length of the list.
            slot: Which of the two models it is.
            nearness: What the cosines of the model mean, if that is known.
            documents: The documents to look in; ``None`` for all.
        """
        if self._reader.model(slot) != f"{model}/{len(vector)}":
            return Neighbours()
        pairs = self._reader.nearest(vector, slot, owner=owner, limit=limit, documents=documents)
        if nearness is None:
            return Neighbours([number for number, _ in pairs])
        related = [number for number, similarity in pairs if similarity >= nearness.related]
        answers = any(similarity >= nearness.answering for _, similarity in pairs)
        return Neighbours(related, answers=answers)

    def is_answered(self, rankings: Rankings, neighbours: Iterable[Neighbours]) -> bool:
        """Return whether the query has an answer among the passages that were found."""
        return is_answered(self._reader, rankings, neighbours, self._frequency)

    def hits(self, rankings: Rankings, *, limit: int) -> list[Hit]:
        """Return the best passages; the same text of a document only once.

        Further passages of a page come after the best ones of other pages.
        """
        scores = self._scores(rankings)
        by_words = {number for ranking in (*rankings.words, *rankings.tiers) for number in ranking}
        first: list[Hit] = []
        further: list[Hit] = []
        texts: set[tuple[int, str]] = set()
        pages: set[tuple[int, int]] = set()
        for number, passage in self._best_first(scores):
            if (passage.document, passage.text) in texts:
                continue
            texts.add((passage.document, passage.text))
            match = "words" if number in by_words else "meaning"
            place = (passage.document, passage.page)
            hit = Hit(*place, passage.text, passage.language, scores[number], match)
            if place in pages:
                further.append(replace(hit, score=hit.score * _FURTHER))
                continue
            pages.add(place)
            first.append(hit)
            if len(first) == limit:
                break
        best = sorted([*first, *further], key=lambda hit: -hit.score)[:limit]
        marker = Marker(rankings.wanted)
        return [replace(hit, marks=marker.marks_in(hit.text, hit.language)) for hit in best]

    def _best_first(self, scores: Mapping[int, float]) -> Iterator[tuple[int, StoredPassage]]:
        numbers = sorted(scores, key=lambda number: (-scores[number], number))
        for start in range(0, len(numbers), _READ_BATCH):
            some = numbers[start : start + _READ_BATCH]
            passages = self._reader.passages(some)
            yield from ((number, passages[number]) for number in some if number in passages)

    def _scores(self, rankings: Rankings) -> dict[int, float]:
        """Return the score of each passage.

        Those that are in no head of a list follow all others: the first hits are the same,
        however many are wanted.
        """
        scores = self._fused(rankings.head)
        if rankings.is_deep:
            deeper = self._fused(rankings)
            rest = {number: score for number, score in deeper.items() if number not in scores}
            factor = _FURTHER * min(scores.values()) / (2 * max(rest.values(), default=1.0))
            scores |= {number: score * factor for number, score in rest.items()}
        return scores

    def _fused(self, rankings: Rankings) -> dict[int, float]:
        """Return scores of which a tier is worth more than all below it."""
        scores = fuse([*rankings.words, *rankings.meaning])
        ranks: dict[int, float] = {}
        for level, tier in enumerate(reversed(rankings.tiers), 1):
            for rank, number in enumerate(tier, 1):
                ranks[number] = level + 1 / (RANK_OFFSET + rank)
        named = self._weights({*scores, *ranks}, rankings.documents)
        for number in scores:
            scores[number] *= (1 + named.get(number, 0.0)) / 2
        for number, score in ranks.items():
            level = int(score)
            share = (score - level) * (1 + named.get(number, 0.0)) / 2
            scores[number] = max(scores.get(number, 0.0), level + share)
        return scores

    def _weights(
        self, numbers: Collection[int], documents: Mapping[int, float]
    ) -> dict[int, float]:
        """Return how well the documents of passages are named."""
        if not documents:
            return {}
        return {
            number: documents.get(document, 0.0)
            for number, document in self._reader.documents_of(numbers).items()
        }


def _tiers(query: Query, groups: Sequence[Alternatives]) -> list[AllOf]:
    """Return expressions, the strictest first; each tier stands before the next."""
    tiers = [AllOf(tuple(map(Phrase, query.phrases)))]
    if len(query.words) > 1:
        tiers.append(AllOf((Phrase(query.words, is_quoted=False),)))
    if groups:
        tiers.append(AllOf(tuple(groups)))
    return tiers


def _marked_phrases(query: Query) -> Iterator[Phrase]:
    """Yield the words of phrases, of which common ones stand anywhere."""
    for phrase in query.phrases:
        yield Phrase(tuple(word for word in phrase if word not in query.common) or phrase)


def is_near(one: str, two: str) -> bool:
    """Return whether two words differ by one edit or by two exchanged letters."""
    if one == two or abs(len(one) - len(two)) > 1:
        return False
    start = 0
    while start < min(len(one), len(two)) and one[start] == two[start]:
        start += 1
    rest_one, rest_two = one[start:], two[start:]
    return (
        rest_one[1:] == rest_two[1:]
        or rest_one[1:] == rest_two
        or rest_one == rest_two[1:]
        or (rest_one[:2] == rest_two[:2][::-1] and rest_one[2:] == rest_two[2:])
    )
