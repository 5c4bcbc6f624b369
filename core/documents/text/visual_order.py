"""Right-to-left text that a file stores as it is drawn, turned into reading order.

A page draws glyphs at positions; reading order has to be inferred. This is the inverse of the
Unicode bidirectional algorithm (UAX #9) for one line, simplified: one base direction, runs of
left-to-right letters and of digits inside it.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
"""Any character of a script that is written from right to left."""

_LEFT, _RIGHT, _NUMBER, _MARK, _NEUTRAL = "L", "R", "N", "M", "-"
_CLASSES = {"L": _LEFT, "R": _RIGHT, "AL": _RIGHT, "EN": _NUMBER, "AN": _NUMBER, "NSM": _MARK}
_IN_NUMBERS = frozenset(".,:/-+%\u066a\u066b\u066c'\u2019°$€£")
_MIRRORED = str.maketrans("()[]{}<>«»\u2039\u203a", ")(][}{><»«\u203a\u2039")


@dataclass(frozen=True, slots=True)
class VisualCluster:
    """What is drawn at one place of a line.

    Attributes:
        text: Its characters, in reading order.
        is_mirrored: Whether a bracket in it is stored as it looks: in right-to-left runs it is
            exchanged then.
    """

    text: str
    is_mirrored: bool = True


def logical_order(visual: str) -> str:
    """Return a line that is stored from left to right in reading order."""
    return reading_order([VisualCluster(cluster) for cluster in _clusters(visual)])


def reading_order(line: Sequence[VisualCluster], *, right_to_left: bool = True) -> str:
    """Return the text of a line in reading order.

    Args:
        line: What is drawn, from left to right.
        right_to_left: The direction of lines that begin and end with different ones.
    """
    clusters = [cluster.text for cluster in line]
    kinds = [_kind(cluster) for cluster in clusters]
    strong = [kind for kind in kinds if kind in {_LEFT, _RIGHT}]
    base = _RIGHT if right_to_left else _LEFT
    if strong and strong[0] == strong[-1]:
        base = strong[0]
    levels = _levels(kinds, clusters, base)
    clusters = [
        cluster.text.translate(_MIRRORED)
        if level == _RIGHT and cluster.is_mirrored
        else cluster.text
        for cluster, level in zip(line, levels, strict=True)
    ]
    runs = _runs(levels)
    if base == _RIGHT:
        runs.reverse()
    return "".join(
        "".join(clusters[start:end][::-1] if level == _RIGHT else clusters[start:end])
        for level, start, end in runs
    )


def _clusters(text: str) -> list[str]:
    """Group combining marks with the character that they follow."""
    clusters: list[str] = []
    for character in text:
        if clusters and unicodedata.combining(character):
            clusters[-1] += character
        else:
            clusters.append(character)
    return clusters


def _kind(cluster: str) -> str:
    return _CLASSES.get(unicodedata.bidirectional(cluster[0]), _NEUTRAL)


def _levels(kinds: list[str], clusters: list[str], base: str) -> list[str]:
    """Return the direction of each cluster; neutrals take the neighbours' or the base."""
    levels = list(kinds)
    last = len(kinds) - 1
    for index, kind in enumerate(kinds):
        inside = 0 < index < last and clusters[index] in _IN_NUMBERS
        if kind == _NEUTRAL and inside and kinds[index - 1] == kinds[index + 1] == _NUMBER:
            levels[index] = _NUMBER
    for index, level in enumerate(levels):  # a sign next to a number belongs to it
        if level == _NEUTRAL and clusters[index] in "%٪$€£":
            neighbours = levels[max(0, index - 1)], levels[min(last, index + 1)]
            levels[index] = _NUMBER if _NUMBER in neighbours else level
            if levels[index] != levels[max(0, index - 1)] and _follows_arabic(clusters, index):
                levels[index] = _RIGHT
    levels = [_LEFT if level == _NUMBER else level for level in levels]
    start = 0
    while start <= last:
        if levels[start] not in {_NEUTRAL, _MARK}:
            start += 1
            continue
        end = start
        while end <= last and levels[end] in {_NEUTRAL, _MARK}:
            end += 1
        before = levels[start - 1] if start else base
        after = levels[end] if end <= last else base
        levels[start:end] = [before if before == after else base] * (end - start)
        start = end
    return levels


def _follows_arabic(clusters: list[str], index: int) -> bool:
    """Return whether the letter before a number is Arabic (UAX #9, W2 and W5)."""
    for cluster in clusters[index + 1 :]:
        letter = unicodedata.bidirectional(cluster[0])
        if letter in {"L", "R", "AL"}:
            return letter == "AL"
    return False


def _runs(levels: list[str]) -> list[tuple[str, int, int]]:
    runs: list[tuple[str, int, int]] = []
    start = 0
    for index in range(1, len(levels) + 1):
        if index == len(levels) or levels[index] != levels[start]:
            runs.append((levels[start], start, index))
            start = index
    return runs
