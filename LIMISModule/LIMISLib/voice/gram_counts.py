"""How often each word, pair and triple of words is said, of sentences with choices, without saying them all."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import product

Gram = tuple[str, ...]
Choices = Mapping[str, Mapping[Gram, float]]

_LONGEST = 3
_BEFORE = ""  # stands before a sentence's start


def counted(sentences: Mapping[Gram, float], choices: Choices) -> list[dict[Gram, float]]:
    """Counts of single words, pairs and triples, at their number (of 0 there are none); sentences begin and end.

    A word of `choices` stands for any of its ways, each of one word at least, as often as its share.

    >>> counts = counted({("stop", "{it}"): 2.0}, {"{it}": {("it",): 0.75, ("the", "run"): 0.25}})
    >>> counts[2]["stop", "it"], counts[3]["<s>", "stop", "the"], counts[3]["the", "run", "</s>"]
    (1.5, 0.5, 0.5)
    """
    counts: list[dict[Gram, float]] = [defaultdict(float) for _ in range(_LONGEST + 1)]
    for window, weight in _windows(sentences).items():
        if choices.keys().isdisjoint(window):  # as most are, and this is quicker
            for length in (1, 2, 3)[: 2 + (window[0] != _BEFORE)]:
                counts[length][window[-length:]] += weight
            continue
        for before, way, share in _ways(window, choices):
            said = (*before, *way)
            for end in range(len(before) + 1, len(said) + 1):
                for length in range(1, min(end, _LONGEST) + 1):
                    counts[length][said[end - length : end]] += weight * share
    return counts


def _windows(sentences: Mapping[Gram, float]) -> Mapping[Gram, float]:
    """How often three things stand side by side, each a word or a choice; together they hold every triple of words."""
    by_weight: dict[float, Counter[Gram]] = defaultdict(Counter)
    for said, weight in sentences.items():
        things = (_BEFORE, "<s>", *said, "</s>")
        by_weight[weight].update(zip(things, things[1:], things[2:], strict=False))
    windows: dict[Gram, float] = defaultdict(float)
    for weight, found in by_weight.items():
        for window, times in found.items():
            windows[window] += weight * times
    return windows


def _ways(window: Gram, choices: Choices) -> Iterator[tuple[Gram, Gram, float]]:
    """Up to two words that can stand before the last of the three, a way to say it, and how likely both are."""
    ways = [tuple(choices[thing].items()) if thing in choices else (((thing,), 1.0),) for thing in window]
    before: dict[Gram, float] = defaultdict(float)
    for (first, one), (second, other) in product(*ways[:2]):
        before[tuple(word for word in (*first, *second)[1 - _LONGEST :] if word != _BEFORE)] += one * other
    for (words, share), (way, likely) in product(before.items(), ways[2]):
        yield words, way, share * likely
