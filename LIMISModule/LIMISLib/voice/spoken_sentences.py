"""How people say commands: the templates of `data/spoken_sentences.txt`, and what can stand in their slots.

They teach the recogniser which words follow which; what a sentence means is for `parse` alone to say.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import chain, cycle, islice, product
from pathlib import Path

Templates = Mapping[str, tuple[str, ...]]

_FILE = Path(__file__).parents[1] / "data" / "spoken_sentences.txt"
_SLOT = re.compile(r"\{(\w+)\}")

# What a slot can be, with its likelihood; [name] is any phrase of that word class. Other slots are word classes.
_SLOTS: Mapping[str, Mapping[str, float]] = {
    "structure": {
        "[single]": 0.36,
        "[side] [paired]": 0.4,
        "[paired] on the [side]": 0.04,
        "[side] [ordinal] rib": 0.04,
        "[ordinal] [side] rib": 0.02,
        "[ordinal] rib on the [side]": 0.02,
        "[side] rib [number]": 0.02,
        "[letter] [number]": 0.06,
        "[ordinal] [region] vertebra": 0.02,
        "vertebra [letter] [number]": 0.01,
        "[region] vertebra [number]": 0.01,
    },
    "slice": {
        "[number]": 0.6,
        "[digit] hundred and [number]": 0.12,
        "[digit] hundred [number]": 0.06,
        "[digit] hundred": 0.05,
        "a hundred and [number]": 0.02,
        "[digit] [number]": 0.1,
        "[digit] oh [digit]": 0.05,
    },
    "hounsfield": {
        "[number]": 0.3,
        "[digit] hundred": 0.25,
        "[digit] hundred and [number]": 0.15,
        "[digit] hundred [number]": 0.05,
        "[number] hundred": 0.1,
        "[digit] thousand": 0.05,
        "[digit] [number]": 0.05,
        "minus [digit] hundred": 0.05,
    },
    "share": {
        "zero point [digit]": 0.34,
        "zero point [digit] [digit]": 0.1,
        "point [digit]": 0.2,
        "point [digit] [digit]": 0.08,
        "[number] percent": 0.2,
        "point zero [digit]": 0.02,
        "zero point zero [digit]": 0.03,
        "nought point [digit]": 0.03,
    },
    "amount": {"[number]": 0.88, "[digit] point [digit]": 0.08, "[digit] and a half": 0.04},
    "direction": {"[side]": 0.5, "up": 0.25, "down": 0.25},
    "edge": {"[side]": 0.5, "top": 0.25, "bottom": 0.25},
    "step": {"[number]": 0.95, "zero": 0.05},
    "extreme": {"smallest": 0.5, "largest": 0.4, "biggest": 0.1},
}

# What people say around a command that begins with a verb; each such template is also heard in some of these.
_ROUND_ABOUT = (
    "please {}",
    "could you {}",
    "{} please",
    "can you {} for me",
    "now {}",
    "i would like to {}",
    "{} now please",
    "could you please {}",
    "i want to {}",
    "{} for me",
    "would you {} please",
    "i would like you to {}",
    "{} now",
    "go ahead and {}",
    "could you {} for me please",
    "i need you to {}",
    "let us {}",
    "ok {}",
    "just {}",
    "i want you to {}",
    "can you please {}",
)

# Words that stand for each other in the templates of these intents.
_ALIKE: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "segment": (
        ("segment", "outline", "contour", "delineate", "mark", "trace", "annotate", "highlight"),
        ("segmenting", "outlining", "contouring", "delineating", "marking", "tracing", "annotating"),
        ("segmented", "outlined", "contoured", "delineated", "marked", "traced", "annotated"),
    ),
    "shift_box": (("shift", "move", "nudge", "slide", "push"), ("toward", "towards")),
    "resize_box": (
        ("enlarge", "expand", "grow", "widen", "extend", "increase"),
        ("shrink", "reduce", "tighten", "narrow", "trim", "decrease"),
        ("larger", "bigger", "wider"),
        ("smaller", "tighter", "narrower"),
        ("tight", "small", "narrow"),
        ("loose", "large", "big", "wide"),
    ),
    "set_threshold": (("set", "put", "change", "adjust"), ("threshold", "cutoff")),
    "change_threshold": (("raise", "increase", "lift"), ("lower", "decrease", "reduce", "drop")),
    "grid_click": (("click", "tap", "press", "select"), ("cell", "square", "tile", "field")),
    "center_click": (("click", "tap", "press"), ("center", "middle", "centre")),
    "critical_points": (("show", "propose", "suggest", "give", "offer"), ("points", "regions", "spots")),
    "set_window": (("set", "put", "change", "adjust"), ("window", "windowing"), ("use", "apply", "take")),
    "remove_component": (("remove", "delete", "drop", "erase", "discard"), ("component", "piece", "part", "fragment")),
    "keep_largest": (("keep", "retain", "leave"), ("largest", "biggest"), ("component", "piece", "part")),
    "ensemble": (("combine", "merge", "join", "fuse"), ("steps", "masks", "results")),
    "show_examples": (("show", "display", "give"), ("examples", "previews", "samples"), ("example", "preview")),
    "keep": (("keep", "accept", "retain"), ("keeping", "accepting")),
    "revert": (("revert", "return", "go back", "jump back", "switch back"),),
    "undo": (("undo", "reverse", "take back"), ("step", "change", "action")),
    "redo": (("redo", "reapply", "repeat"), ("undone", "undid", "reverted")),
    "compare": (("compare", "contrast"), ("step", "mask", "result"), ("with", "to", "against", "and")),
    "show_history": (("show", "display", "list", "print"), ("steps", "history", "log")),
    "go_to_slice": (("go", "jump", "scroll", "move"), ("slice", "image", "section")),
    "propagate": (("propagate", "extend", "carry", "continue"), ("mask", "segmentation", "contour")),
    "finish": (("finish", "end", "complete", "conclude"), ("finished", "done", "complete")),
    "cancel": (("cancel", "abort", "stop", "halt", "interrupt"),),
    "help": (("commands", "options", "things"), ("say", "do", "use")),
    "set_plane": (("plane", "view", "orientation", "images"), ("go", "switch", "change")),
    "repeat": (("repeat", "say", "read"), ("answer", "message", "reply", "question")),
}
_VARIED_EACH, _VARIED_WEIGHT = 4, 0.25
_POLITE = re.compile(r"^(?:please|(?:could|can|would) you(?: please)?) (\w+)")


def templates() -> Templates:
    """The templates by intent, as they stand in the file.

    >>> "segment the {structure}" in templates()["segment"]
    True
    """
    found: dict[str, list[str]] = {}
    intent = ""
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            intent = line.strip("[]")
        elif line and not line.startswith("#"):
            found.setdefault(intent, []).append(line)
    return {name: tuple(lines) for name, lines in found.items()}


def sentences() -> Mapping[tuple[str, ...], float]:
    """All templates as words and {slots}, each with how often it is said.

    >>> ("segment", "the", "{structure}") in sentences()
    True
    """
    counted: dict[tuple[str, ...], float] = defaultdict(float)
    lines = templates()
    for line, times in chain(_as_written(lines), _in_other_words(lines), _round_about(lines)):
        counted[tuple(line.split())] += times
    return counted


def choices() -> Mapping[str, Mapping[tuple[str, ...], float]]:
    """What can stand in each {slot} of the templates, as words and [classes], with likelihoods that add up to 1.

    >>> choices()["{edge}"]["top",]
    0.25
    """
    slots = {slot for line in chain.from_iterable(templates().values()) for slot in _SLOT.findall(line)}
    ways = {slot: words_and_classes(slot) for slot in slots}
    return {
        f"{{{slot}}}": {tuple(way.split()): share / sum(found.values()) for way, share in found.items()}
        for slot, found in ways.items()
    }


def words_and_classes(slot: str) -> Mapping[str, float]:
    """What can stand in a slot; only itself where it is a word class.

    >>> words_and_classes("direction")["up"], words_and_classes("plane")
    (0.25, {'[plane]': 1.0})
    """
    return _SLOTS.get(slot, {f"[{slot}]": 1.0})


def _as_written(templates: Templates) -> Iterator[tuple[str, float]]:
    return ((line, 1.0) for line in chain.from_iterable(templates.values()))


def _in_other_words(templates: Templates) -> Iterator[tuple[str, float]]:
    """The templates with one of their words replaced by words that stand for it, each in turn.

    >>> next(_in_other_words({"cancel": ("stop it",)}))
    ('cancel it', 0.25)
    """
    for intent, lines in templates.items():
        for group in _ALIKE.get(intent, ()):
            others = cycle(group)
            for line, word in product(lines, group):
                if f" {word} " in f" {line} ":
                    for other in islice(others, min(len(group), _VARIED_EACH)):
                        if other != word:
                            yield f" {line} ".replace(f" {word} ", f" {other} ").strip(), _VARIED_WEIGHT


def imperatives(templates: Templates) -> Iterator[str]:
    """The templates that begin with a verb: with what follows "please" or "could you" in some template.

    >>> list(imperatives({"cancel": ("please stop", "stop it", "enough")}))
    ['stop it']
    """
    lines = list(chain.from_iterable(templates.values()))
    verbs = {found[1] for found in map(_POLITE.match, lines) if found}
    return (line for line in lines if line.split()[0] in verbs)


def _round_about(templates: Templates) -> Iterator[tuple[str, float]]:
    """The templates that begin with a verb, with something polite or hesitant around them, some ways each in turn.

    >>> next(_round_about({"cancel": ("please stop", "stop it")}))
    ('please stop it', 0.25)
    """
    around = cycle(_ROUND_ABOUT)
    for line in imperatives(templates):
        for way in islice(around, _VARIED_EACH):
            yield way.replace("{}", line), _VARIED_WEIGHT
