"""Typing errors: words that the language does not know, and the known words that are near.

Near is one letter dropped, added, changed, or swapped with its neighbour; two of these in a long word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product
from math import prod

from LIMISLib.language import box_sentences, box_wording, numbers, segment_sentences, words
from LIMISLib.language.phrases import all_words
from LIMISLib.language.structures import name_words

_MOST_WAYS = 12  # to put a sentence right that are tried
_SIDES = ("left", "right")
_NEVER_MEANT = frozenset(("mate",))  # "the heart rate" is no address
_SHORTEST, _LONG = 4, 8  # letters: shorter words are not guessed at; long ones may have two errors

_SHORT = 5  # letters: a word of so few is easily another word


@dataclass(frozen=True)
class Corrected:
    """Words put right, how many were changed, the errors in the worst of them, and whether one may be another word."""

    words: tuple[str, ...]
    changed: int
    errors: int
    is_doubtful: bool = False


def corrections(said: list[str]) -> list[Corrected]:
    """The ways to put unknown words right; none if there are none, one has no known word near, or there are too many.

    >>> [found.words for found in corrections(["segmnet", "the", "pancraes"])]
    [('segment', 'the', 'pancreas')]
    """
    choices: list[tuple[str, ...]] = []
    errors = 0
    for word in said:
        if word in vocabulary() or any(character.isdigit() for character in word):
            choices.append((word,))
            continue
        near, needed = _nearest(word)
        choices.append(near)
        errors = max(errors, needed)
    ways = prod(len(near) for near in choices)
    if not 0 < ways <= _MOST_WAYS or not errors:
        return []
    found = [tuple(words) for words in product(*choices)]
    return [_corrected(said, words, errors) for words in found]


def _corrected(said: list[str], words: tuple[str, ...], errors: int) -> Corrected:
    """The words put right; a short word with another letter ("wine" for "fine"), or alone, may be meant as it is, as
    may one that becomes a side ("bright", "cleft").
    """
    changed = [(one, other) for one, other in zip(said, words, strict=True) if one != other]
    is_doubtful = any(
        sorted(one) != sorted(other)
        and (
            (len(one) <= _SHORT and (len(said) == 1 or len(one) == len(other)))
            or (other in _SIDES and set(one) != set(other) and len(one) >= len(other))
        )
        for one, other in changed
    )
    return Corrected(words, len(changed), errors, is_doubtful)


@cache
def vocabulary() -> frozenset[str]:
    """All words that sentences of the language are made of."""
    written = (source.WORDS for source in (box_sentences, box_wording, numbers, segment_sentences, words))
    return frozenset().union(*written, all_words(), name_words())


def _nearest(word: str) -> tuple[tuple[str, ...], int]:
    """The known words that are nearest, and by how many errors."""
    if len(word) < _SHORTEST:
        return (), 0
    for errors in (1, 2) if len(word) >= _LONG else (1,):
        near = {known for part in _shortened(word, errors) for known in _by_part(errors).get(part, ())}
        near = {known for known in near if _distance(word, known) <= errors}
        if near:
            return tuple(sorted(near)), errors
    return (), 0


@cache
def _by_part(errors: int) -> Mapping[str, frozenset[str]]:
    """Known words by what is left of them without up to `errors` letters."""
    parts: dict[str, set[str]] = {}
    for word in vocabulary() - _NEVER_MEANT:
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
