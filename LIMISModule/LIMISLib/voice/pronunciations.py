"""How words are pronounced: the decoder's own dictionary, and `data/pronunciations.dict` for what it lacks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path

_FILE = Path(__file__).parents[1] / "data" / "pronunciations.dict"
_VOWELS = frozenset(("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"))
_SHORT = 3  # phones of a word that keeps its end: "the", "key"
_SCOTTISH_ENDS = {"IY": "EY", "ER": "AH"}
_SCOTTISH_VOWELS = {"AE": "AA", "AA": "AO", "OW": "AO", "EY": "EH", "ER": "EH R", "AW": "AH UW", "UH": "UW"}
_BRITISH_VOWELS = {"AE": "AA", "AA": "AO"}  # in American phones: a fronter "a" in "that", a rounded "o" in "box"
_MOST_WAYS = 5  # of a phrase


def own_pronunciations() -> Mapping[str, tuple[str, ...]]:
    """Pronunciations by word of what we add, in the phones of the CMU dictionary.

    >>> own_pronunciations()["iliac"]
    ('IH L IY AE K',)
    """
    return _read(_FILE)


def pronunciations(words: Collection[str], dictionary: Path) -> dict[str, tuple[str, ...]]:
    """Those of the words that are known, in alphabetical order: American ones first, then English and Scottish ones."""
    general = _read(dictionary, frozenset(words))
    both = {word: (*general.get(word, ()), *own_pronunciations().get(word, ())) for word in sorted(words)}
    return {
        word: tuple(dict.fromkeys((*ways, *map(british, ways), *map(scottish, ways[:1]))))
        for word, ways in both.items()
        if ways
    }


def phrase_pronunciations(phrase: str, known: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """How a phrase of several words is pronounced: in America, in England, or with another way for one of its words.

    >>> phrase_pronunciations("the box", {"the": ("DH AH", "DH IY"), "box": ("B AA K S",)})
    ('DH AH B AA K S', 'DH AH B AO K S', 'DH IY B AA K S')
    """
    ways = [known[word] for word in phrase.split()]
    first = [way[0] for way in ways]
    american = " ".join(first)
    others = (" ".join([*first[:at], other, *first[at + 1 :]]) for at, way in enumerate(ways) for other in way[1:])
    return tuple(dict.fromkeys((american, british(american), scottish(american), *others)))[:_MOST_WAYS]


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


def scottish(phones: str) -> str:
    """An American pronunciation as it is in Scotland: every "r" is said, vowels do not glide, "y" ends like "day".

    >>> scottish("S AE JH IH T AH L"), scottish("L IH V ER"), scottish("P L EY N")
    ('S AA JH IH T AH L', 'L IH V AH', 'P L EH N')
    """
    said = phones.split()
    end = _SCOTTISH_ENDS.get(said[-1]) if len(said) > _SHORT else None
    said = [
        phone if (phone, after) == ("AA", "R") else _SCOTTISH_VOWELS.get(phone, phone)
        for phone, after in pairwise([*said, ""])
    ]
    return " ".join([*said[:-1], end or said[-1]])


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
def _read(path: Path, only: frozenset[str] | None = None) -> Mapping[str, tuple[str, ...]]:
    """Pronunciations by word: of all words, or of these only."""
    found: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        entry, _, phones = line.partition(" ")
        word = entry.partition("(")[0]
        if only is None or word in only:
            found.setdefault(word, []).append(phones)
    return {word: tuple(ways) for word, ways in found.items()}
