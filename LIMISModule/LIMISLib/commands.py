"""What a sentence can become: a command with its slots, a question to the user, or a rejection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeGuard

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.labels import structures

Slot = str | int | float | tuple[int, ...]

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
        slots = {name: tuple(value) if isinstance(value, list) else value for name, value in self.slots.items()}
        _require_valid(self.intent, slots)
        object.__setattr__(self, "slots", MappingProxyType(slots))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Command) and (self.intent, self.slots) == (other.intent, other.slots)

    def __hash__(self) -> int:
        return hash((self.intent, frozenset(self.slots.items())))

    def word(self, slot: str, default: str = "") -> str:
        """The slot's text, or the default where it was left out."""
        return str(self.slots.get(slot, default))

    def number(self, slot: str, default: float = 0.0) -> float:
        """The slot's number, or the default where it was left out."""
        value = self.slots.get(slot, default)
        return default if isinstance(value, tuple) else float(value)

    def count(self, slot: str) -> int | None:
        """The slot's whole number, none where it was left out."""
        return int(self.number(slot)) if slot in self.slots else None

    def to_json(self) -> dict[str, object]:
        """The form of the manual: `{"intent": ..., "slots": {...}}`."""
        slots = {name: list(value) if isinstance(value, tuple) else value for name, value in self.slots.items()}
        return {"intent": self.intent, "slots": slots}


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


def _is_pair(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(_is_count(one, least=0) for one in value)


def _counted(least: int, what: str, *, required: bool = False) -> SlotRule:
    return SlotRule(lambda value: _is_count(value, least=least), what, required)


def _word(*words: str, required: bool = False) -> SlotRule:
    return SlotRule(_one_of(*words), f"one of {', '.join(words)}", required)


def _share(*, required: bool = False) -> SlotRule:
    return SlotRule(lambda value: _is_number(value) and 0 <= value <= 1, "a number from 0 to 1", required)


DIRECTIONS = (
    *("left", "right", "up", "down"),
    *("patient_left", "patient_right", "anterior", "posterior", "superior", "inferior"),
)
WINDOWS = ("lung", "bone", "liver", "soft_tissue", "brain", "mediastinum", "abdomen", "spine", "angio")
PROBLEMS = ("wrong_part", "oversegmented", "undersegmented", "low_hu")
PLANES = ("axial", "coronal", "sagittal")
GRID_CELLS = 16

_STEP = _counted(0, "a step's number (0, 1, ...)")
_SLICE = _counted(1, "a slice's number (1, 2, ...)")
_POSITIVE = SlotRule(lambda value: _is_number(value) and value > 0, f"a number above 0, up to {LARGEST_AMOUNT}")
_OF = SlotRule(lambda value: isinstance(value, str) and value in INTENTS, "an intent of the language")

INTENTS: Mapping[str, Mapping[str, SlotRule]] = {
    "segment": {
        "structure": SlotRule(_is_structure, "the DAP Atlas name of a structure, like Kidney Left", required=True),
        "slice": _SLICE,
    },
    "shift_box": {
        "direction": _word(*DIRECTIONS, required=True),
        "amount": _POSITIVE,
        "unit": _word("px", "mm"),
    },
    "resize_box": {
        "amount": SlotRule(
            lambda value: _is_number(value) and value != 0,
            f"a number other than 0, up to {LARGEST_AMOUNT}",
            required=True,
        ),
        "unit": _word("px", "mm", "percent"),
        "side": _word("all", "left", "right", "top", "bottom"),
    },
    "set_threshold": {"value": _share(required=True)},
    "change_threshold": {
        "direction": _word("up", "down", required=True),
        "amount": SlotRule(lambda value: _is_number(value) and 0 < value <= 1, "a number above 0, up to 1"),
    },
    "grid_click": {
        "cell": SlotRule(
            lambda value: _is_count(value, least=1) and value <= GRID_CELLS,  # type: ignore[operator]
            f"a cell's number, 1 to {GRID_CELLS}",
            required=True,
        ),
        "label": _word("foreground", "background", required=True),
    },
    "center_click": {},
    "critical_points": {},
    "answer_critical": {"label": _word("foreground", "background", "skip", required=True)},
    "set_window": {
        "preset": _word(*WINDOWS),
        "level": SlotRule(_is_number, "a number of HU"),
        "width": _POSITIVE,
    },
    "remove_component": {"component": _counted(1, "a component's number (1, 2, ...)"),
                         "which": _word("smallest", "largest")},
    "keep_largest": {},
    "ensemble": {},
    "show_examples": {"of": _OF},
    "strategy": {"problem": _word(*PROBLEMS, required=True)},
    "keep": {},
    "revert": {"step": _STEP},
    "undo": {},
    "redo": {},
    "compare": {"steps": SlotRule(_is_pair, "the numbers of two steps", required=True)},
    "show_history": {},
    "go_to_slice": {
        "slice": _SLICE,
        "move": _word("next", "previous"),
        "count": _counted(1, "a number of slices (1, 2, ...)"),
    },
    "propagate": {"direction": _word("up", "down", "both")},
    "finish": {"step": _STEP},
    "cancel": {},
    "help": {"of": _OF},
    "set_plane": {"plane": _word(*PLANES, required=True)},
    "answer": {"choice": SlotRule(_is_text, "one of the question's options", required=True)},
    "repeat": {},
}  # fmt: skip

_ALTERNATIVES: Mapping[str, tuple[frozenset[str], ...]] = {
    "set_window": (frozenset({"preset"}), frozenset({"level", "width"})),
    "remove_component": (frozenset({"component"}), frozenset({"which"})),
    "go_to_slice": (frozenset({"slice"}), frozenset({"move"}), frozenset({"move", "count"})),
}  # the slots that such a command has, one of these sets


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
    ways = _ALTERNATIVES.get(intent, ())
    if ways and set(slots) not in ways:
        told = ", or ".join(" and ".join(sorted(way)) for way in ways)
        raise InvalidCommand(f"{intent} needs {told}, but has {' and '.join(sorted(slots)) or 'nothing'}.")
