"""Which commands are read back before they are run, and how."""

from __future__ import annotations

from AnatomyGuidedLib.labels import label_by_name

from LIMISLib.answers import answer
from LIMISLib.commands import Command, Question, confirmation
from LIMISLib.structures import everyday_name
from LIMISLib.voice.spoken_numbers import ordinal, spelled
from LIMISLib.words import words_of

_SIDED = ("left", "right", "patient_left", "patient_right")
_HARD_TO_TAKE_BACK = ("remove_component", "keep_largest", "revert", "finish")
_YES = ("yes", "yes please", "correct", "do it")
_NO = ("no", "nope", "no thanks", "no thank you")
_EXACT_UNITS = {"px": "pixels", "mm": "millimeters"}


def needs_read_back(command: Command) -> bool:
    """Whether a slip of the ear would be dangerous: the command names a side, takes parts away, or ends something.

    >>> needs_read_back(Command("segment", {"structure": "Kidney Left"})), needs_read_back(Command("undo"))
    (True, False)
    """
    return command.intent in _HARD_TO_TAKE_BACK or _names_side(command) or _sounds_like_another(command)


def read_back(command: Command) -> Question:
    """The question whether this is what was meant.

    >>> read_back(Command("segment", {"structure": "Kidney Left", "slice": 40})).text
    'Segment left kidney, slice 40?'
    """
    return confirmation(f"{described(command)}?", command)


def described(command: Command) -> str:
    """The command in words, as it was understood.

    >>> described(Command("shift_box", {"direction": "patient_left", "amount": 5, "unit": "mm"}))
    'Shift box patient left 5 mm'
    """
    words = [command.intent.replace("_", " ")]
    for slot, value in command.slots.items():
        if slot == "structure":
            words.append(everyday_name(label_by_name(str(value))))
        elif slot in ("slice", "step", "component", "cell", "level", "width", "side", "steps"):
            shown = " and ".join(map(str, value)) if isinstance(value, tuple) else str(value)
            words[-1] += "," if slot in ("slice", "side") else ""
            words.append(f"{slot} {shown}")
        else:
            words.append(str(value).replace("_", " "))
    text = " ".join(words)
    return text[0].upper() + text[1:]


def spoken_answers(pending: Question) -> tuple[str, ...]:
    """Sentences that answer the question and can be heard: its options as they are spoken, "the first one", "no"."""
    options = [_spoken(option) for option in pending.options]
    counted = [f"the {ordinal(number)} one" for number in range(1, len(options) + 1)]
    offered = [*options, *(f"the {option}" for option in options), *counted, *_YES, *_NO]
    return tuple(dict.fromkeys(said for said in offered if answer(words_of(said), pending)))


def _names_side(command: Command) -> bool:
    structure = command.word("structure")
    if structure and label_by_name(structure).side:
        return True
    return any(command.word(slot) in _SIDED for slot in ("direction", "side"))


def _sounds_like_another(command: Command) -> bool:
    """Whether a number is a teen or a ten: "fifteen" and "fifty" sound alike."""
    numbers = [value for value in command.slots.values() if isinstance(value, int | float)]
    return any(13 <= abs(number) % 100 <= 19 or abs(number) % 100 in range(30, 100, 10) for number in numbers)


def _spoken(option: str) -> str:
    """An option with its numbers and units in words, without what stands in brackets."""
    words = option.partition(" (")[0].lower().split()
    return " ".join(spelled(int(word)) if word.isdecimal() else _EXACT_UNITS.get(word, word) for word in words)
