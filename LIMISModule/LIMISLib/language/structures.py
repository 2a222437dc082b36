"""Which structure of the DAP Atlas a phrase names, or between which it leaves open."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from AnatomyGuidedLib.labels import Label, structures

from LIMISLib.commands import Command, Question
from LIMISLib.language.lexicon import LATIN_ORDINALS, LEFT_WORDS, RIGHT_WORDS, SPINE_REGIONS, SYNONYMS
from LIMISLib.language.numbers import Number, Token

_SIDES = {**dict.fromkeys(LEFT_WORDS, "left"), **dict.fromkeys(RIGHT_WORDS, "right")}
_TRAILING_SIDES = (
    *(["on", "patient", "{}", "side"], ["on", "patients", "{}", "side"], ["on", "{}", "side"], ["{}", "side"]),
    *(["on", "patient", "{}"], ["on", "patients", "{}"], ["on", "{}"], ["{}"]),
)
_SPINE_LETTERS = {"c": "C", "t": "T", "th": "T", "d": "T", "l": "L"}
_SPINE_NAME = re.compile(r"(c|t|th|d|l)(\d{1,2})")
_BONE_WORDS = ("vertebra", "vertebrae")
_RIB_WORDS = ("rib", "ribs")
_MOST_RIBS = 12


Readings = tuple[tuple[str, tuple[Label, ...]], ...]


@dataclass(frozen=True)
class Mention:
    """A structure's name in a sentence: its tokens `start` to `end`, the labels it fits, the side it was said with.

    `readings` holds more than one set of labels where the name itself can be read in several ways.
    """

    start: int
    end: int
    readings: Readings
    side: str

    @property
    def names(self) -> tuple[str, ...]:
        """The DAP names that are left when the side is taken into account."""
        return tuple(label.name for _, labels in self.readings for label in _of_side(labels, self.side))


def mentions(tokens: list[Token]) -> list[Mention]:
    """The structures that the tokens name, from the left, each with the longest phrase that fits.

    >>> [mention.names for mention in mentions(["left", "upper", "lobe", "of", "lung", "liver"])]
    [('Lung Upper Lobe Left',), ('Liver',)]
    """
    found, position = [], 0
    while position < len(tokens):
        mention = _mention_at(tokens, position)
        if mention:
            found.append(mention)
        position = mention.end if mention else position + 1
    return found


def resolved(mention: Mention, command: Callable[[str], Command]) -> Command | Question | None:
    """The command on the one structure that the mention names, a question where several fit, none where none does."""
    fitting = [(words, _of_side(labels, mention.side)) for words, labels in mention.readings]
    fitting = [(words, labels) for words, labels in fitting if labels]
    if not fitting:
        return None
    if len(fitting) == 1:
        return _choice(fitting[0][1], command)
    options = tuple(words for words, _ in fitting)
    outcomes = tuple(_choice(labels, command) for _, labels in fitting)
    return Question(f"Do you mean {' or '.join(options)}?", options, outcomes)


def everyday_name(label: Label) -> str:
    """The structure as one says it: "left kidney", "right rib 3 (Costa 10 Right)".

    >>> from AnatomyGuidedLib.labels import label_by_name
    >>> everyday_name(label_by_name("Costa 10 Right"))
    'right rib 3 (Costa 10 Right)'
    """
    base = base_name(label)
    kind, _, rest = base.partition(" ")
    if kind in ("Artery", "Vein"):
        return f"{label.side} {rest.lower()} {kind.lower()}".strip()
    if label.anatomical_rib:
        return f"{label.side} rib {label.anatomical_rib} ({label.name})"
    if base.startswith("Vertebra "):
        return f"vertebra {base.removeprefix('Vertebra ')}"
    return f"{label.side} {base.lower()}".strip()


@cache
def name_words() -> frozenset[str]:
    """All words that structures are named with."""
    spine = (*_SPINE_LETTERS, *(word for words in SPINE_REGIONS.values() for word in words))
    others = (*_SIDES, *_BONE_WORDS, *_RIB_WORDS, *LATIN_ORDINALS, *spine, "costa", "of", "number", "side", "patients")
    return frozenset(word for phrase in (*_phrases(), *others) for word in phrase.split())


def _choice(labels: tuple[Label, ...], command: Callable[[str], Command]) -> Command | Question:
    """The command on the only label, or a question between the labels, left ones first."""
    if len(labels) == 1:
        return command(labels[0].name)
    ordered = sorted(labels, key=lambda label: label.side)
    outcomes = tuple(command(label.name) for label in ordered)
    if len({base_name(label) for label in labels}) == 1:
        name = everyday_name(ordered[0]).removeprefix("left ").partition(" (")[0]
        return Question(f"Left or right {name}?", ("left", "right"), outcomes)
    options = tuple(everyday_name(label) for label in ordered)
    return Question(f"Which one: {_listed(options)}?", options, outcomes)


def _listed(options: tuple[str, ...]) -> str:
    shown = options if len(options) <= 6 else (*options[:3], "...")
    return ", ".join(shown[:-1]) + f" or {shown[-1]}" if shown[-1] != "..." else ", ".join(shown)


def _of_side(labels: tuple[Label, ...], side: str) -> tuple[Label, ...]:
    return tuple(label for label in labels if not side or label.side == side)


def _mention_at(tokens: list[Token], start: int) -> Mention | None:
    """The mention whose first token is at `start`: the longest phrase, with its side before, within or after it."""
    found = [
        _with_trailing_side(tokens, Mention(start, end, readings, side))
        for end, said, side in _stretches(tokens, start)
        if (readings := _readings(said)) and not (tokens[end - 1] in _SIDES and _begins_a_name(tokens, end - 1))
    ]
    return max(found, key=lambda mention: mention.end, default=None)


def _stretches(tokens: list[Token], start: int) -> Iterator[tuple[int, tuple[Token, ...], str]]:
    """Stretches that begin at `start`: the position behind, the tokens without side and "of", and the side."""
    said: list[Token] = []
    side = ""
    for position in range(start, min(len(tokens), start + 9)):
        token = tokens[position]
        if token in _SIDES:
            if side:
                return
            side = _SIDES[str(token)]
        elif token not in ("of", "number") or not said:
            said.append(token)
        if said and token not in ("of", "number"):
            yield position + 1, tuple(said), side


def _with_trailing_side(tokens: list[Token], mention: Mention) -> Mention:
    if mention.side:
        return mention
    for pattern in _TRAILING_SIDES:
        for word, side in _SIDES.items():
            words = [part.format(word) for part in pattern]
            end = mention.end + len(words)
            if tokens[mention.end : end] == words and (len(words) > 1 or not _begins_a_name(tokens, mention.end)):
                return Mention(mention.start, end, mention.readings, side)
    return mention


def _begins_a_name(tokens: list[Token], start: int) -> bool:
    """Whether a structure of that side is named from there on: "not the liver, the left kidney"."""
    return any(end > start + 1 and side and _readings(said) for end, said, side in _stretches(tokens, start))


def _readings(said: tuple[Token, ...]) -> Readings:
    """The ways to read a phrase that has no side in it, each with the labels it means; none where it is no name."""
    phrase = " ".join(token for token in said if isinstance(token, str))
    if all(isinstance(token, str) for token in said) and phrase in _phrases():
        return _reading(phrase, _phrases()[phrase])
    return _rib(said) or _vertebra(said)


def _rib(said: tuple[Token, ...]) -> Readings:
    """Ribs as clinicians count them, from above; the bare "costa 3" may be the table's, which counts from below."""
    words = [token for token in said if isinstance(token, str)]
    numbers = [token for token in said if isinstance(token, Number)]
    if words == ["costa"] and len(numbers) == 1 and not numbers[0].ordinal and said[0] == "costa":
        counted = (numbers[0].value, _MOST_RIBS + 1 - numbers[0].value)  # from above, from below
        return tuple((f"rib {rib} (Costa {_MOST_RIBS + 1 - rib})", _ribs(rib)) for rib in counted if _ribs(rib))
    if len(words) == 1 and words[0] in (*_RIB_WORDS, "costa") and len(numbers) == 1:
        return _reading(f"rib {numbers[0].value:g}", _ribs(numbers[0].value))
    if len(words) == 2 and not numbers and words[0] == "costa" and words[1] in LATIN_ORDINALS:
        rib = LATIN_ORDINALS.index(words[1]) + 1
        return _reading(f"rib {rib}", _ribs(rib))
    if len(words) == 1 and not numbers and words[0] in (*_RIB_WORDS, "costa"):
        return _reading("rib", tuple(label for label in structures() if label.anatomical_rib))
    return ()


def _ribs(rib: float) -> tuple[Label, ...]:
    return tuple(label for label in structures() if label.anatomical_rib == rib)


def _vertebra(said: tuple[Token, ...]) -> Readings:
    """ "L3", "third lumbar vertebra", "thoracic vertebra 9", "L three", "vertebra 3", or a whole region."""
    bone = any(token in _BONE_WORDS for token in said)
    words = [token for token in said if isinstance(token, str) and token not in _BONE_WORDS]
    numbers = [token.value for token in said if isinstance(token, Number)]
    if len(words) > 1 or len(numbers) > 1:
        return ()
    if not words:
        return _reading("vertebra", _vertebrae("", *numbers)) if bone else ()
    if matched := _SPINE_NAME.fullmatch(words[0]):
        return _reading(words[0], _vertebrae(_SPINE_LETTERS[matched[1]], int(matched[2]))) if not numbers else ()
    letter = _SPINE_LETTERS.get(words[0]) if numbers else None
    letter = letter or next((known for known, regions in SPINE_REGIONS.items() if words[0] in regions), None)
    return _reading(f"{words[0]} vertebra", _vertebrae(letter, *numbers)) if letter and (bone or numbers) else ()


def _vertebrae(letter: str, number: float | None = None) -> tuple[Label, ...]:
    """The vertebrae of a region ("" for all), or the one of that number in it."""
    found = [(label, label.name.removeprefix("Vertebra ")) for label in structures() if label.group == "Vertebras"]
    return tuple(label for label, name in found if name.startswith(letter) and number in (None, int(name[1:])))


def _reading(words: str, labels: tuple[Label, ...]) -> Readings:
    return ((words, labels),) if labels else ()


def base_name(label: Label) -> str:
    """The label's name without its side.

    >>> from AnatomyGuidedLib.labels import label_by_name
    >>> base_name(label_by_name("Heart Atrium Left")), base_name(label_by_name("Liver"))
    ('Heart Atrium', 'Liver')
    """
    return label.name.removesuffix(f" {label.side.capitalize()}") if label.side else label.name


@cache
def _phrases() -> Mapping[str, tuple[Label, ...]]:
    """Labels by phrase. A DAP name means itself, even where it is also a synonym of others ("heart")."""
    by_phrase: dict[str, list[Label]] = {}
    for label in structures():
        for phrase in SYNONYMS.get(base_name(label), ()):
            by_phrase.setdefault(phrase, []).append(label)
    own: dict[str, list[Label]] = {}
    for label in structures():
        if not label.anatomical_rib:
            own.setdefault(base_name(label).lower(), []).append(label)
    return {phrase: tuple(labels) for phrase, labels in {**by_phrase, **own}.items()}
