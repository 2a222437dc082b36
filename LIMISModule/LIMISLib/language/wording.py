"""A command in words, as one would say it: for questions that read it back, and for transcripts.

What is said here means the same command again (a test says one of every kind).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from AnatomyGuidedLib.labels import label_by_name

from LIMISLib.commands import Command
from LIMISLib.language.structures import everyday_name

_UNITS = {"px": " pixels", "mm": " mm", "percent": " percent", "": ""}
_PROBLEMS = {
    "wrong_part": "the strategy for the wrong part",
    "oversegmented": "the strategy for oversegmentation",
    "undersegmented": "the strategy for undersegmentation",
    "low_hu": "the low HU strategy",
}
_CLICK_ANSWERS = {"foreground": "this point is foreground", "background": "this point is background", "skip": "skip it"}
_PLAIN = {
    "center_click": "center click",
    "critical_points": "show the critical points",
    "keep_largest": "keep only the largest component",
    "ensemble": "run the ensemble",
    "keep": "keep it",
    "undo": "undo",
    "redo": "redo",
    "show_history": "show the history",
    "cancel": "cancel",
    "repeat": "repeat that",
}


def in_words(command: Command) -> str:
    """The sentence.

    >>> in_words(Command("resize_box", {"amount": -5, "unit": "mm", "side": "top"}))
    'make the box 5 mm smaller at the top'
    >>> in_words(Command("segment", {"structure": "Costa 10 Left", "slice": 40}))
    'segment the left rib 3 on slice 40'
    """
    return _PLAIN[command.intent] if command.intent in _PLAIN else _SENTENCES[command.intent](command)


def _amount(command: Command) -> str:
    return f"{abs(command.number('amount')):g}{_UNITS[command.word('unit')]}" if "amount" in command.slots else ""


def _segment(command: Command) -> str:
    name = everyday_name(label_by_name(command.word("structure"))).partition(" (")[0]
    return f"segment the {name}" + _if(command, "slice", " on slice {}")


def _shift_box(command: Command) -> str:
    way = command.word("direction")
    way = f"to the patient's {way.removeprefix('patient_')}" if way.startswith("patient_") else way
    by = f" by {_amount(command)}" if "amount" in command.slots else ""
    return f"move the box {way}{by}"


def _resize_box(command: Command) -> str:
    side = command.word("side")
    where = {"": "", "all": " on all sides", "left": " on the left side", "right": " on the right side"}
    size = "larger" if command.number("amount") > 0 else "smaller"
    return f"make the box {_amount(command)} {size}{where.get(side, f' at the {side}')}"


def _change_threshold(command: Command) -> str:
    verb = "raise" if command.word("direction") == "up" else "lower"
    return f"{verb} the threshold" + _if(command, "amount", " by {}")


def _set_window(command: Command) -> str:
    if "preset" in command.slots:
        return f"use the {command.word('preset').replace('_', ' ')} window"
    return f"set the window to level {command.number('level'):g} and width {command.number('width'):g}"


def _remove_component(command: Command) -> str:
    if "component" in command.slots:
        return f"remove component {command.count('component')}"
    return f"remove the {command.word('which')} component"


def _go_to_slice(command: Command) -> str:
    if "slice" in command.slots:
        return f"go to slice {command.count('slice')}"
    count = command.count("count")
    if count is None or count == 1:
        return f"{command.word('move')} slice"
    return f"go {count} slices {'forward' if command.word('move') == 'next' else 'back'}"


def _propagate(command: Command) -> str:
    ways = {"": "", "up": " upwards", "down": " downwards", "both": " in both directions"}
    return f"propagate the mask{ways[command.word('direction')]}"


def _compare(command: Command) -> str:
    steps = command.slots["steps"]
    one, other = steps if isinstance(steps, tuple) else ("", "")
    return f"compare steps {one} and {other}"


def _if(command: Command, slot: str, text: str) -> str:
    return text.format(f"{command.number(slot):g}") if slot in command.slots else ""


def _intent_name(command: Command) -> str:
    names = {
        "change_threshold": "changing the threshold",
        "set_threshold": "setting the threshold",
        "answer_critical": "answering critical points",
    }
    of = command.word("of")
    return names.get(of, of.replace("_", " "))


_SENTENCES: Mapping[str, Callable[[Command], str]] = {
    "segment": _segment,
    "shift_box": _shift_box,
    "resize_box": _resize_box,
    "set_threshold": lambda command: f"set the threshold to {command.number('value'):g}",
    "change_threshold": _change_threshold,
    "grid_click": lambda command: f"{command.word('label')} click in cell {command.count('cell')}",
    "answer_critical": lambda command: _CLICK_ANSWERS[command.word("label")],
    "set_window": _set_window,
    "remove_component": _remove_component,
    "show_examples": lambda command: f"show examples of {_intent_name(command)}" if command.slots else "show examples",
    "strategy": lambda command: f"use {_PROBLEMS[command.word('problem')]}",
    "revert": lambda command: "revert" + _if(command, "step", " to step {}"),
    "compare": _compare,
    "go_to_slice": _go_to_slice,
    "propagate": _propagate,
    "finish": lambda command: "finish" + _if(command, "step", " with step {}"),
    "help": lambda command: f"help with {_intent_name(command)}" if command.slots else "help",
    "set_plane": lambda command: f"switch to the {command.word('plane')} plane",
    "answer": lambda command: command.word("choice"),
}
