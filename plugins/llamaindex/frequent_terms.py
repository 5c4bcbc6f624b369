"""How often frequent terms stand in each passage, stored outside of FTS5.

FTS5 reads the whole list of a term whenever it ranks passages by it. For terms that many
passages have, their numbers are stored here as well, in a form of which a search reads in a
millisecond what takes FTS5 fifty (:mod:`.word_ranking`). Each transaction that publishes
passages adds one row of ``recent_counts``; when these have enough passages, they become a row
of ``term_counts`` for each term. A number of a passage is never used again, so that rows are
never changed: those of passages that are gone remain, and are not looked at.

A term becomes frequent when a sample of the passages has it often enough. Its passages so far
are read from the word index, a few terms in each transaction, so that none takes long.
"""

import time
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import apsw

from .languages import UNKNOWN
from .term_numbers import HEADING_SHIFT, LENGTH, MAX_IN_HEADING, MAX_IN_TEXT
from .terms import analyse

NUMBERS_OF = f"""
SELECT doc, min({MAX_IN_TEXT}, sum(CASE col WHEN 'exact' THEN 1 WHEN 'stems' THEN 10
    WHEN 'title' THEN 5 ELSE 0 END)) | (min({MAX_IN_HEADING},
    sum(col = 'heading')) << {HEADING_SHIFT})
FROM temp.instances WHERE term = ? GROUP BY doc ORDER BY doc
"""  # noqa: S608
LAST = """
SELECT coalesce((SELECT last FROM recent_counts ORDER BY first DESC LIMIT 1),
    (SELECT max(last) FROM term_counts WHERE code = ?), 0)
"""
"""The statement for the last passage that was counted; its argument is ``LENGTH``."""
_MAX_NUMBER = 0xFFFF
_MAX_ROW = 4096  # passages
_NONE_YET = 0
TABLES = """
CREATE TABLE IF NOT EXISTS frequent_terms(
    code INTEGER PRIMARY KEY AUTOINCREMENT, term TEXT NOT NULL UNIQUE,
    is_counted INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS recent_counts(
    first INTEGER PRIMARY KEY, last INTEGER NOT NULL, counts BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS term_counts(
    code INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, counts BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS term_counts_by_code ON term_counts(code, last);
"""
TEMPORARY = """
CREATE VIRTUAL TABLE IF NOT EXISTS temp.instances USING fts5vocab('main', 'words', 'instance');
"""

Words = tuple[str, str, str, str]
"""The terms of a passage in each column of the word index, divided by spaces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """When terms are counted, and which.

    Attributes:
        min_passages: With fewer passages no term is counted.
        block: The passages whose numbers become one row for each term.
        sample: The passages of a block whose terms are looked at.
        min_share: The share of a sample that has a frequent term.
        max_terms: How many terms are counted at most.
        seconds: Time for new terms in a transaction, after which no further one is begun.
    """

    min_passages: int = 4096
    block: int = 8192
    sample: int = 256
    min_share: float = 1 / 32
    max_terms: int = 1000
    seconds: float = 0.25


class FrequentTerms:
    """The numbers of frequent terms; its methods are called within a transaction.

    Args:
        connection: The database, which has the tables of the word index.
        counting: When terms are counted.
    """

    def __init__(self, connection: apsw.Connection, counting: Counting) -> None:
        self._db = connection
        self._counting = counting

    def last(self) -> int:
        """Return the highest number of a passage that was counted; 0 before any was."""
        return int(self._db.execute(LAST, (LENGTH,)).get)

    def add(self, first: int, passages: Iterable[Words]) -> None:
        """Count the terms of passages that were just published.

        Args:
            first: The number of the first of them; the others follow.
            passages: Their terms.
        """
        last = self.last()
        if last not in {_NONE_YET, first - 1}:  # another version published without counts
            self._clear()
            last = _NONE_YET
        number = first
        if last:
            rest = iter(passages)
            while rows := list(islice(rest, _MAX_ROW)):
                self._add_row(number, rows)
                number += len(rows)
        elif first < self._counting.min_passages:
            return
        else:
            self._count_lengths()
            self._choose()
        if self._recent() >= self._counting.block:
            self._join_recent()
            self._choose()
        self._count_some()

    def _clear(self) -> None:
        for table in ("recent_counts", "term_counts", "frequent_terms"):
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608

    def _add_row(self, first: int, passages: Sequence[Words]) -> None:
        codes = dict(self._db.execute("SELECT term, code FROM frequent_terms WHERE is_counted"))
        lengths: list[int] = []
        sizes: list[int] = []
        numbers: list[int] = []
        for columns in passages:
            terms = [words.split() for words in columns]
            lengths.append(min(sum(map(len, terms)), _MAX_NUMBER))
            for each in terms:
                frequent = list(filter(None, map(codes.get, each)))
                numbers.extend(frequent)
                sizes.append(len(frequent))
        counts = array("H", lengths + sizes + numbers).tobytes()
        last = first + len(passages) - 1
        self._db.execute("INSERT INTO recent_counts VALUES (?, ?, ?)", (first, last, counts))

    def _recent(self) -> int:
        """Return how many passages the rows have that are not joined yet."""
        first = self._db.execute("SELECT min(first) FROM recent_counts").get
        return 0 if first is None else self.last() - int(first) + 1

    def _join_recent(self) -> None:
        """Turn the rows of recent passages into one for each term."""
        from .counts import joined  # noqa: PLC0415 - loads NumPy, which publishing needs rarely

        rows = list(self._db.execute("SELECT first, last, counts FROM recent_counts"))
        for some in _spans(rows, self._counting.block):
            first, last = some[0][0], some[-1][1]
            self._db.executemany(
                "INSERT INTO term_counts VALUES (?, ?, ?, ?)",
                ((code, first, last, counts) for code, counts in joined(some)),
            )
        self._db.execute("DELETE FROM recent_counts")

    def _choose(self) -> None:
        """Look for frequent terms among the newest passages."""
        newest = int(self._db.execute("SELECT max(id) FROM passages").get)
        step = max(1, self._counting.block // self._counting.sample)
        numbers = range(newest, max(0, newest - self._counting.block), -step)
        having: Counter[str] = Counter()
        count = 0
        for number in numbers:
            for text, language in self._db.execute(
                "SELECT text, language FROM passages WHERE id = ?", (number,)
            ):
                exact, stems = analyse(str(text), str(language) or UNKNOWN)
                having.update({*exact, *stems})
                count += 1
        space = min(self._counting.max_terms - self._terms(), _MAX_NUMBER - self._last_code())
        frequent = [
            (term,)
            for term, passages in having.most_common(self._counting.max_terms)
            if passages >= self._counting.min_share * count
        ]
        self._db.executemany(
            "INSERT OR IGNORE INTO frequent_terms(term) VALUES (?)", frequent[: max(0, space)]
        )

    def _terms(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM frequent_terms").get)

    def _last_code(self) -> int:
        """Return the last code; search processes remember codes, so none is used again."""
        statement = "SELECT seq FROM sqlite_sequence WHERE name = 'frequent_terms'"
        return int(self._db.execute(statement).get or 0)

    def _count_some(self) -> None:
        """Count at least one more term in the passages so far."""
        end = time.thread_time() + self._counting.seconds
        while self._count_next() and time.thread_time() < end:
            pass

    def _count_next(self) -> bool:
        row = self._db.execute(
            "SELECT code, term FROM frequent_terms WHERE NOT is_counted ORDER BY code LIMIT 1"
        ).fetchone()
        if row is None:
            return False
        code, term = row
        self._store(code, list(self._db.execute(NUMBERS_OF, (term,))))
        self._db.execute("UPDATE frequent_terms SET is_counted = 1 WHERE code = ?", (code,))
        return True

    def _count_lengths(self) -> None:
        """Store the lengths of all passages, which FTS5 has as well."""
        rows = self._db.execute("SELECT id, sz FROM words_docsize ORDER BY id")
        self._store(LENGTH, [(number, _total(sizes)) for number, sizes in rows])

    def _store(self, code: int, numbers: Sequence[tuple[int, int]]) -> None:
        """Store the numbers of passages for a term, in rows like those of joined ones."""
        block = self._counting.block
        start = 0
        while start < len(numbers):
            first = numbers[start][0]
            end = bisect_left(numbers, (first + block, 0), start)
            some = numbers[start:end]
            offsets = array("H", [passage - first for passage, _ in some])
            values = array("H", [min(number, _MAX_NUMBER) for _, number in some])
            self._db.execute(
                "INSERT INTO term_counts VALUES (?, ?, ?, ?)",
                (code, first, some[-1][0], (offsets + values).tobytes()),
            )
            start = end


def _total(sizes: bytes) -> int:
    """Return the sum of the numbers of a row of FTS5."""
    return sum(sizes) if sizes.isascii() else sum(varints(sizes))


def varints(data: bytes) -> Iterator[int]:
    """Yield the numbers of a row of FTS5, which have seven bits in each byte."""
    number = 0
    for byte in data:
        number = number << 7 | byte & 0x7F
        if byte < 0x80:  # noqa: PLR2004 - the last byte of a number
            yield number
            number = 0


def _spans(
    rows: Sequence[tuple[int, int, bytes]], block: int
) -> Iterator[Sequence[tuple[int, int, bytes]]]:
    """Yield rows that have as many passages together as a block."""
    some: list[tuple[int, int, bytes]] = []
    for row in rows:
        some.append(row)
        if row[1] - some[0][0] >= block:
            yield some
            some = []
    if some:
        yield some
