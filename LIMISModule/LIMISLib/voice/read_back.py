"""Which commands are read back before they are run, and how."""

from __future__ import annotations

from AnatomyGuidedLib.labels import label_by_name

from LIMISLib.commands import Command, Question, confirmation
from LIMISLib.language.answers import answer
from LIMISLib.language.structures import everyday_name
from LIMISLib.language.words import words_of
from LIMISLib.voice.spoken_numbers import ordinal, spelled

_SIDED = ("left", "right", "patient_left", "patient_right")
_HARD_TO_TAKE_BACK = ("remove_component", "keep_largest", "revert", "finish")
_ALWAYS = ("yes", "no")  # alone: "no thanks" would swallow the noise behind a "no"
_EXACT_UNITS = {"px": "pixels", "mm": "millimeters"}


def needs_read_back(command: Command) -> bool:
    """Whether a slip of the ear would be dangerous: it names a side or a number, takes parts away, or ends something.

    >>> needs_read_back(Command("segment", {"structure": "Kidney Left"})), needs_read_back(Command("undo"))
    (True, False)
    """
    return command.intent in _HARD_TO_TAKE_BACK or _names_side(command) or _holds_number(command)


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
    """Sentences that answer the question and can be heard: its options as they are spoken, "first one", "no"."""
    options = [_spoken(option) for option in pending.options]
    counted = [f"{ordinal(number)} one" for number in range(1, len(options) + 1)]
    offered = [*options, *(() if "yes" in options else counted), *_ALWAYS]
    return tuple(dict.fromkeys(said for said in offered if answer(words_of(said), pending)))


def _names_side(command: Command) -> bool:
    structure = command.word("structure")
    if structure and label_by_name(structure).side:
        return True
    return any(command.word(slot) in _SIDED for slot in ("direction", "side"))


def _holds_number(command: Command) -> bool:
    """Whether there is a number in it: "fifteen" and "fifty", "two" and "three" sound alike."""
    return any(isinstance(value, int | float | tuple) for value in command.slots.values())


def _spoken(option: str) -> str:
    """An option with its numbers and units in words, without what stands in brackets."""
    words = option.partition(" (")[0].lower().split()
    return " ".join(spelled(int(word)) if word.isdecimal() else _EXACT_UNITS.get(word, word) for word in words)
