"""How people say commands: the templates of `data/spoken_sentences.txt`, and what can stand in their slots.

They teach the recogniser which words follow which; what a sentence means is for `parse` alone to say.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path

_FILE = Path(__file__).parents[1] / "data" / "spoken_sentences.txt"
_SLOT = re.compile(r"\{(\w+)\}")

# What a slot can be, with its likelihood; [name] is any phrase of that word class. Other slots are word classes.
_SLOTS: Mapping[str, Mapping[str, float]] = {
    "structure": {
        "[single]": 0.36,
        "[side] [paired]": 0.4,
        "[paired] on the [side]": 0.04,
        "[side] [ordinal] rib": 0.04,
        "[ordinal] [side] rib": 0.02,
        "[ordinal] rib on the [side]": 0.02,
        "[side] rib [number]": 0.02,
        "[letter] [number]": 0.06,
        "[ordinal] [region] vertebra": 0.02,
        "vertebra [letter] [number]": 0.01,
        "[region] vertebra [number]": 0.01,
    },
    "slice": {
        "[number]": 0.6,
        "[digit] hundred and [number]": 0.12,
        "[digit] hundred [number]": 0.06,
        "[digit] hundred": 0.05,
        "a hundred and [number]": 0.02,
        "[digit] [number]": 0.1,
        "[digit] oh [digit]": 0.05,
    },
    "hounsfield": {
        "[number]": 0.3,
        "[digit] hundred": 0.25,
        "[digit] hundred and [number]": 0.15,
        "[digit] hundred [number]": 0.05,
        "[number] hundred": 0.1,
        "[digit] thousand": 0.05,
        "[digit] [number]": 0.05,
        "minus [digit] hundred": 0.05,
    },
    "share": {
        "zero point [digit]": 0.34,
        "zero point [digit] [digit]": 0.1,
        "point [digit]": 0.2,
        "point [digit] [digit]": 0.08,
        "[number] percent": 0.2,
        "point zero [digit]": 0.02,
        "zero point zero [digit]": 0.03,
        "nought point [digit]": 0.03,
    },
    "amount": {"[number]": 0.88, "[digit] point [digit]": 0.08, "[digit] and a half": 0.04},
    "direction": {"[side]": 0.5, "up": 0.25, "down": 0.25},
    "edge": {"[side]": 0.5, "top": 0.25, "bottom": 0.25},
    "step": {"[number]": 0.95, "zero": 0.05},
    "extreme": {"smallest": 0.5, "largest": 0.4, "biggest": 0.1},
}


def templates() -> Mapping[str, tuple[str, ...]]:
    """The templates by intent, as they stand in the file.

    >>> "segment the {structure}" in templates()["segment"]
    True
    """
    found: dict[str, list[str]] = {}
    intent = ""
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            intent = line.strip("[]")
        elif line and not line.startswith("#"):
            found.setdefault(intent, []).append(line)
    return {name: tuple(lines) for name, lines in found.items()}


def sentences() -> Mapping[tuple[str, ...], float]:
    """All that the templates allow, as words and [classes], each with how many templates say so."""
    counted: dict[tuple[str, ...], float] = defaultdict(float)
    for lines in templates().values():
        for line in lines:
            for words, weight in _ways(line):
                counted[words] += weight
    return counted


def words_and_classes(slot: str) -> Mapping[str, float]:
    """What can stand in a slot; only itself where it is a word class.

    >>> words_and_classes("direction")["up"], words_and_classes("plane")
    (0.25, {'[plane]': 1.0})
    """
    return _SLOTS.get(slot, {f"[{slot}]": 1.0})


def _ways(template: str) -> Iterator[tuple[tuple[str, ...], float]]:
    """The template with its slots filled in every way, and how likely each is; they add up to 1."""
    parts = _SLOT.split(template)  # text and names of slots by turns
    choices = [words_and_classes(part) if odd % 2 else {part: 1.0} for odd, part in enumerate(parts)]
    total = 1.0
    for choice in choices:
        total *= sum(choice.values())
    for way in product(*(choice.items() for choice in choices)):
        weight = 1.0
        for _, share in way:
            weight *= share
        yield tuple(" ".join(text for text, _ in way).split()), weight / total
