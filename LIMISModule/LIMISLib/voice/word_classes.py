"""Words and phrases that stand for each other in spoken sentences: structures, numbers, sides, windows, planes.

The language model knows classes instead of their members, so that what is said of one structure, or of one number, is
expected of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from LIMISLib.commands import GRID_CELLS
from LIMISLib.language.phrases import table
from LIMISLib.voice.spoken_numbers import ordinal, spelled
from LIMISLib.voice.spoken_structures import is_latin, structure_phrases

_HEADINGS = ("anterior", "posterior", "superior", "inferior")
_MOST_RIBS, _ROWS = 12, 4
_EVERYDAY = 50.0  # times as likely as a Latin name
_DIGIT, _ROUND = 5.0, 2.5  # times as likely as any other number up to 99


@cache
def word_classes() -> Mapping[str, Mapping[str, float]]:
    """Each class's phrases with their likelihood, which add up to 1.

    >>> round(word_classes()["side"]["left"], 2), "left kidney" in word_classes()["single"]
    (0.5, False)
    >>> word_classes()["number"]["five"] > word_classes()["number"]["forty two"]
    True
    """
    single, paired = structure_phrases()
    classes: Mapping[str, Mapping[str, float]] = {
        "single": _named(single),
        "paired": _named(paired),
        "letter": _alike("ctl"),
        "region": _alike(("cervical", "thoracic", "lumbar")),
        "ordinal": _alike(map(ordinal, range(1, _MOST_RIBS + 1))),
        "digit": _alike(map(spelled, range(1, 10))),
        "number": {spelled(number): _how_common(number) for number in range(1, 100)},
        "cell": _alike(map(spelled, range(1, GRID_CELLS + 1))),
        "row": _alike(map(spelled, range(1, _ROWS + 1))),
        "place": _alike(map(ordinal, range(1, _ROWS + 1))),
        "unit": {"pixels": 4.0, "millimeters": 4.0, "pixel": 1.0, "millimeter": 1.0},
        "side": _alike(("left", "right")),
        "heading": _alike(form for heading in _HEADINGS for form in (heading, f"{heading}ly")),
        "organ": _alike(table("window", "presets")),
        "plane": _alike(("axial", "coronal", "sagittal", "transverse")),
        "label": _alike(("foreground", "background")),
    }
    return {name: _as_shares(phrases) for name, phrases in classes.items()}


def _named(phrases: Iterable[str]) -> dict[str, float]:
    return {phrase: 1.0 if is_latin(phrase) else _EVERYDAY for phrase in phrases}


def _alike(phrases: Iterable[str]) -> dict[str, float]:
    return dict.fromkeys(phrases, 1.0)


def _how_common(number: int) -> float:
    if number < 10:
        return _DIGIT
    return _ROUND if number < 20 or number % 10 == 0 else 1.0


def _as_shares(phrases: Mapping[str, float]) -> dict[str, float]:
    total = sum(phrases.values())
    return {phrase: weight / total for phrase, weight in phrases.items()}
