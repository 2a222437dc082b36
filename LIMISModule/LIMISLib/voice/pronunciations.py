"""How words are pronounced: the decoder's own dictionary, and `data/pronunciations.dict` for what it lacks."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path

_FILE = Path(__file__).parents[1] / "data" / "pronunciations.dict"
_VOWELS = frozenset(("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"))
_BRITISH_VOWELS = {"AE": "AA", "AA": "AO"}  # in American phones: a fronter "a" in "that", a rounded "o" in "box"
_ALTERNATIVE = re.compile(r"\(\d+\)$")


def own_pronunciations() -> Mapping[str, tuple[str, ...]]:
    """Pronunciations by word of what we add, in the phones of the CMU dictionary.

    >>> own_pronunciations()["iliac"]
    ('IH L IY AE K',)
    """
    return _read(_FILE)


def pronunciations(words: Collection[str], dictionary: Path) -> dict[str, tuple[str, ...]]:
    """Those of the words that are known, in alphabetical order: American ones first, then British ones."""
    general = _read(dictionary)
    both = {word: (*general.get(word, ()), *own_pronunciations().get(word, ())) for word in sorted(words)}
    return {word: tuple(dict.fromkeys((*ways, *map(british, ways)))) for word, ways in both.items() if ways}


def british(phones: str) -> str:
    """An American pronunciation as it is in England: no "r" but before vowels, other vowels in "that" and "box".

    >>> british("L AA R JH ER"), british("B AA K S"), british("R IH B")
    ('L AA JH AH', 'B AO K S', 'R IH B')
    """
    said: list[str] = []
    for phone, after in pairwise([*phones.split(), ""]):
        before_vowel = after in _VOWELS
        if phone == "ER":
            said += ["AH", "R"] if before_vowel else ["AH"]
        elif phone == "AA" and after == "R":
            said.append(phone)
        elif phone != "R" or before_vowel or not said or said[-1] not in _VOWELS:
            said.append(_BRITISH_VOWELS.get(phone, phone))
    return " ".join(said)


def dictionary_text(known: Mapping[str, tuple[str, ...]]) -> str:
    """The pronunciations in the decoder's format.

    >>> print(dictionary_text({"the": ("DH AH", "DH IY")}), end="")
    the DH AH
    the(2) DH IY
    """
    lines = [
        f"{word}{f'({number})' if number > 1 else ''} {phones}"
        for word, ways in known.items()
        for number, phones in enumerate(ways, start=1)
    ]
    return "\n".join(lines) + "\n"


@cache
def _read(path: Path) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        word, _, phones = line.partition(" ")
        found.setdefault(_ALTERNATIVE.sub("", word), []).append(phones)
    return {word: tuple(ways) for word, ways in found.items()}
