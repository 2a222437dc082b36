"""What structures are called when one speaks: every name and synonym that the text parser knows."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import pairwise

from AnatomyGuidedLib.labels import Label, structures

from LIMISLib.language.lexicon import SYNONYMS
from LIMISLib.language.structures import base_name

_PARTS = ("lobe", "atrium", "ventricle", "auricle", "body", "handle", "manubrium", "cavity")
_WHOLES = ("lung", "heart", "sternum", "breastbone", "nose", "thyroid")
_LATIN_WORDS = frozenset(
    (
        *("adrenalis", "anonyma", "arteria", "biliaris", "bucca", "bulbus", "canalis", "carotis", "cartilago"),
        *("cavitas", "cavum", "cholecyst", "cor", "corpus", "coxa", "coxae", "cutis", "encephalon"),
        *("fellea", "femora", "femoris", "gaster", "glandula", "hepar", "humeri", "intestinum", "lien"),
        *("lobus", "mamma", "musculus", "oculus", "pulmo", "prostata", "ren", "scapulae", "spinae"),
        *("splen", "sterni", "truncus", "vena", "ventriculus", "vesica"),
    )
)


def structure_phrases() -> tuple[list[str], list[str]]:
    """Every name and synonym, as it is spoken, of the structures without a side, and of those with one.

    >>> single, paired = structure_phrases()
    >>> "liver" in single, "middle lobe of the lung" in paired
    (True, True)
    """
    sides = {base: {label.side for label in structures() if base_name(label) == base} for base in _bases()}
    single = _phrases(base for base, found in sides.items() if found == {""})
    return single, _phrases(base for base, found in sides.items() if found != {""})


def spoken_phrase(phrase: str) -> str:
    """A phrase of the lexicon as it is spoken, with "of the" between a part and its whole.

    >>> spoken_phrase("upper lobe lung"), spoken_phrase("lung upper lobe")
    ('upper lobe of the lung', 'lung upper lobe')
    """
    words = phrase.split()
    joints = [word in _PARTS and after in _WHOLES for word, after in pairwise(words)]
    return " ".join(f"{word} of the" if joint else word for word, joint in zip(words, [*joints, False], strict=True))


@cache
def _bases() -> tuple[str, ...]:
    """The names without sides, but those of ribs and vertebrae, which are numbered."""
    return tuple(dict.fromkeys(base_name(label) for label in structures() if not _is_numbered(label)))


def _is_numbered(label: Label) -> bool:
    return bool(label.anatomical_rib) or label.group == "Vertebras"


def _phrases(bases: Iterable[str]) -> list[str]:
    """What the structures are called, each phrase once."""
    return list(
        dict.fromkeys(spoken_phrase(phrase) for base in bases for phrase in (base.lower(), *SYNONYMS.get(base, ())))
    )


def is_latin(phrase: str) -> bool:
    """Whether a word of it is Latin: seldom spoken.

    >>> is_latin("vena cava inferior"), is_latin("spleen")
    (True, False)
    """
    return not _LATIN_WORDS.isdisjoint(phrase.split())
