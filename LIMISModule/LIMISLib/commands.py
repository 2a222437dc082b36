"""What a sentence can become: a command with its slots, a question to the user, or a rejection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeGuard

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.labels import structures

Slot = str | int | float

LARGEST_AMOUNT = 1_000_000  # pixels, mm or percent; more is a slip of the tongue


class InvalidCommand(AnatomyGuidedError):
    """A command names an intent or slot that is not in the language, or a value that the slot cannot have."""


@dataclass(frozen=True)
class SlotRule:
    """What a slot may hold: a test, the words that describe it, and whether it may be left out."""

    allows: Callable[[object], bool]
    expected: str
    required: bool = False


@dataclass(frozen=True, eq=False)
class Command:
    """One request: an intent and its slots, as in the manual of the language. A command that exists is valid.

    >>> Command("resize_box", {"amount": 10, "unit": "px"}).to_json()
    {'intent': 'resize_box', 'slots': {'amount': 10, 'unit': 'px'}}

    Raises:
        InvalidCommand: The intent, a slot or its value is not in the language.
    """

    intent: str
    slots: Mapping[str, Slot] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _require_valid(self.intent, self.slots)
        object.__setattr__(self, "slots", MappingProxyType(dict(self.slots)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Command) and (self.intent, self.slots) == (other.intent, other.slots)

    def __hash__(self) -> int:
        return hash((self.intent, frozenset(self.slots.items())))

    def to_json(self) -> dict[str, object]:
        """The form of the manual: `{"intent": ..., "slots": {...}}`."""
        return {"intent": self.intent, "slots": dict(self.slots)}


@dataclass(frozen=True)
class Question:
    """A closed question; each option stands for what its choice means (empty where the asker knows it himself)."""

    text: str
    options: tuple[str, ...]
    outcomes: tuple[Command | Question, ...] = ()

    def outcome(self, choice: str) -> Command | Question:
        """What choosing this option means.

        Raises:
            InvalidCommand: The question has no such option.
        """
        for option, outcome in zip(self.options, self.outcomes, strict=False):
            if option == choice:
                return outcome
        raise InvalidCommand(f'"{choice}" is none of the options: {", ".join(self.options)}.')

    def to_json(self) -> dict[str, object]:
        """The form of the manual: `{"question": ..., "options": [...]}`."""
        return {"question": self.text, "options": list(self.options)}


@dataclass(frozen=True)
class Rejection:
    """The sentence is no command; the reason says what can be said instead."""

    reason: str

    def to_json(self) -> dict[str, object]:
        """The form of the manual: `{"rejected": ...}`."""
        return {"rejected": self.reason}


Interpretation = Command | Question | Rejection


def confirmation(text: str, command: Command) -> Question:
    """A question whose "yes" is the command; "no" is nothing."""
    return Question(text, ("yes", "no"), (command,))


def command_from_json(data: object) -> Command:
    """The command that its JSON form describes.

    >>> command_from_json({"intent": "undo", "slots": {}}).intent
    'undo'

    Raises:
        InvalidCommand: It describes none.
    """
    if not isinstance(data, Mapping) or set(data) != {"intent", "slots"}:
        raise InvalidCommand('A command has the form {"intent": ..., "slots": {...}}.')
    intent, slots = data["intent"], data["slots"]
    if not isinstance(intent, str) or not isinstance(slots, Mapping):
        raise InvalidCommand('In a command "intent" is a word and "slots" an object.')
    return Command(intent, slots)


def _one_of(*words: str) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and value in words


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST_AMOUNT


def _is_count(value: object, *, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_structure(value: object) -> bool:
    return value in [label.name for label in structures()]


_STEP = SlotRule(lambda value: _is_count(value, least=0), "a step's number (0, 1, ...)")
_STRUCTURE = SlotRule(_is_structure, "the DAP Atlas name of a structure, like Kidney Left", required=True)
_DIRECTIONS = (
    *("left", "right", "up", "down"),
    *("patient_left", "patient_right", "anterior", "posterior", "superior", "inferior"),
)

INTENTS: Mapping[str, Mapping[str, SlotRule]] = {
    "segment": {
        "structure": _STRUCTURE,
        "slice": SlotRule(lambda value: _is_count(value, least=1), "a slice's number (1, 2, ...)"),
    },
    "shift_box": {
        "direction": SlotRule(_one_of(*_DIRECTIONS), f"one of {', '.join(_DIRECTIONS)}", required=True),
        "amount": SlotRule(lambda value: _is_number(value) and value > 0, f"a number above 0, up to {LARGEST_AMOUNT}"),
        "unit": SlotRule(_one_of("px", "mm"), "px or mm"),
    },
    "resize_box": {
        "amount": SlotRule(
            lambda value: _is_number(value) and value != 0,
            f"a number other than 0, up to {LARGEST_AMOUNT}",
            required=True,
        ),
        "unit": SlotRule(_one_of("px", "mm", "percent"), "px, mm or percent"),
        "side": SlotRule(_one_of("all", "left", "right", "top", "bottom"), "all, left, right, top or bottom"),
    },
    "keep": {},
    "undo": {},
    "redo": {},
    "revert": {"step": _STEP},
    "answer": {"choice": SlotRule(_is_text, "one of the question's options", required=True)},
}


def _require_valid(intent: str, slots: Mapping[str, Slot]) -> None:
    if intent not in INTENTS:
        raise InvalidCommand(f'"{intent}" is no intent of the language; the intents are {", ".join(INTENTS)}.')
    rules = INTENTS[intent]
    unknown = set(slots) - set(rules)
    if unknown:
        known = ", ".join(rules) or "none"
        raise InvalidCommand(f"{intent} has no slot {sorted(unknown)[0]!r}; its slots are {known}.")
    for name, rule in rules.items():
        if name not in slots and rule.required:
            raise InvalidCommand(f"{intent} needs the slot {name!r}: {rule.expected}.")
        if name in slots and not rule.allows(slots[name]):
            raise InvalidCommand(f"The slot {name!r} of {intent} must be {rule.expected}, but is {slots[name]!r}.")
