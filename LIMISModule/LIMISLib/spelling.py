"""Typing errors: words that the language does not know, put right where one known word alone is near.

Near is one letter dropped, added, changed, or swapped with its neighbour; two of these in a long word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations

from LIMISLib import box_sentences, numbers, segment_sentences, words
from LIMISLib.phrases import all_words
from LIMISLib.structures import name_words

_SHORTEST, _LONG = 4, 8  # letters: shorter words are not guessed at; long ones may have two errors


@dataclass(frozen=True)
class Corrected:
    """Words put right, how many were changed, and the errors in the worst of them."""

    words: tuple[str, ...]
    changed: int
    errors: int


def corrected(said: list[str]) -> Corrected | None:
    """The words with unknown ones put right; none if nothing is changed, or one has no single word that is near.

    >>> corrected(["segmnet", "the", "pancraes"]).words
    ('segment', 'the', 'pancreas')
    """
    found, errors = [], 0
    for word in said:
        if word in vocabulary() or any(character.isdigit() for character in word):
            found.append(word)
            continue
        near = _nearest(word)
        if near is None:
            return None
        found.append(near[0])
        errors = max(errors, near[1])
    changed = sum(one != other for one, other in zip(said, found, strict=True))
    return Corrected(tuple(found), changed, errors) if changed else None


@cache
def vocabulary() -> frozenset[str]:
    """All words that sentences of the language are made of."""
    written = (source.WORDS for source in (box_sentences, numbers, segment_sentences, words))
    return frozenset().union(*written, all_words(), name_words())


def _nearest(word: str) -> tuple[str, int] | None:
    """The one known word that is nearest, and by how many errors."""
    if len(word) < _SHORTEST:
        return None
    for errors in (1, 2) if len(word) >= _LONG else (1,):
        near = {known for part in _shortened(word, errors) for known in _by_part(errors).get(part, ())}
        near = {known for known in near if _distance(word, known) <= errors}
        if near:
            return (near.pop(), errors) if len(near) == 1 else None
    return None


@cache
def _by_part(errors: int) -> Mapping[str, frozenset[str]]:
    """Known words by what is left of them without up to `errors` letters."""
    parts: dict[str, set[str]] = {}
    for word in vocabulary():
        if len(word) >= _SHORTEST:
            for part in _shortened(word, errors):
                parts.setdefault(part, set()).add(word)
    return {part: frozenset(known) for part, known in parts.items()}


def _shortened(word: str, errors: int) -> Iterable[str]:
    """The word without any `errors` of its letters, or fewer."""
    return {
        "".join(word[place] for place in kept)
        for length in range(max(1, len(word) - errors), len(word) + 1)
        for kept in combinations(range(len(word)), length)
    }


def _distance(one: str, other: str) -> int:
    """Letters dropped, added, changed or swapped with a neighbour between two words (optimal string alignment).

    >>> _distance("livre", "liver"), _distance("kidny", "kidney"), _distance("spleen", "splenn")
    (1, 1, 1)
    """
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        two_before, before, row = before, row, [i, *[0] * len(other)]
        for j, own in enumerate(other, start=1):
            row[j] = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != own))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == own:
                row[j] = min(row[j], two_before[j - 2] + 1)
    return row[-1]
