"""The grammar rules of the structures: every name and synonym that the text parser knows, with its sides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from itertools import pairwise

from AnatomyGuidedLib.labels import Label, structures

from LIMISLib.lexicon import LATIN_ORDINALS, SYNONYMS
from LIMISLib.structures import base_name
from LIMISLib.voice.spoken_numbers import alternatives, ordinal, spelled

_PARTS = ("lobe", "atrium", "ventricle", "auricle", "body", "handle", "manubrium", "cavity")
_WHOLES = ("lung", "heart", "sternum", "breastbone", "nose", "thyroid")
_REGIONS = {"C": "cervical", "T": "thoracic", "L": "lumbar"}
_RIBS = range(1, 13)
_LATIN_WORDS = frozenset(
    (
        *("adrenalis", "anonyma", "arteria", "biliaris", "bucca", "bulbus", "canalis", "carotis", "cartilago"),
        *("cavitas", "cavum", "cholecyst", "cor", "corpus", "coxa", "coxae", "cutis", "encephalon"),
        *("fellea", "femora", "femoris", "gaster", "glandula", "hepar", "humeri", "intestinum", "lien"),
        *("lobus", "mamma", "musculus", "oculus", "pulmo", "prostata", "ren", "scapulae", "spinae"),
        *("splen", "sterni", "truncus", "vena", "ventriculus", "vesica"),
    )
)  # a phrase with one of them is Latin: seldom spoken, so it gets a small weight


def structure_rules() -> Mapping[str, str]:
    """JSGF expansions by name; `structure` is any name, with a side where there are two."""
    sides = {base: {label.side for label in structures() if base_name(label) == base} for base in _bases()}
    one = _phrases(base for base, found in sides.items() if found == {""})
    two = _phrases(base for base, found in sides.items() if {"left", "right"} <= found)
    right = _phrases(base for base, found in sides.items() if found == {"right"})
    return {
        "single": _weighted(one),
        "paired": _weighted(two),
        "right_only": _weighted(right),
        "side": "left | right",
        "latin_pair": alternatives(phrase for phrase in two if _is_latin(phrase)),
        "latin_side": "sinister | sinistra | sinistrum | dexter | dextra | dextrum",
        "rib": "[<side>] (<rib_ordinal> rib | rib [number] <rib_number>)",
        "rib_ordinal": alternatives(map(ordinal, _RIBS)),
        "rib_number": alternatives(map(spelled, _RIBS)),
        "latin_rib": f"costa ({alternatives(LATIN_ORDINALS)}) (sinistra | dextra)",
        "vertebra": alternatives(_vertebrae()),
        "structure": "/40/ <single> | /40/ <side> <paired> | /4/ <paired> [on the [patient's] <side> [side]]"
        " | /4/ [right] <right_only> | /10/ <rib> | /10/ <vertebra> | /1/ <latin_rib>"
        " | /1/ <latin_pair> <latin_side>",
    }


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


def _is_latin(phrase: str) -> bool:
    return not _LATIN_WORDS.isdisjoint(phrase.split())


def _weighted(phrases: list[str]) -> str:
    """The phrases as alternatives; everyday ones are likelier than Latin ones."""
    return alternatives(f"/{1 if _is_latin(phrase) else 5}/ {phrase}" for phrase in phrases)


def _vertebrae() -> list[str]:
    """ "third lumbar vertebra", "lumbar vertebra three", "l three", "vertebra l three", for each of them."""
    found = []
    for letter, region in _REGIONS.items():
        names = [label.name.removeprefix("Vertebra ") for label in structures() if label.group == "Vertebras"]
        numbers = [int(name[1:]) for name in names if name.startswith(letter)]
        ordinals, counted = alternatives(map(ordinal, numbers)), alternatives(map(spelled, numbers))
        found.append(f"({ordinals}) {region} vertebra")
        found.append(f"{region} vertebra ({counted})")
        found.append(f"[vertebra] {letter.lower()} ({counted})")
    return found
