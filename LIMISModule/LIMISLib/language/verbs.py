"""The verbs that commands begin with, by what they do; `words.py` knows their "-ing" forms."""

from __future__ import annotations

DRAWING = ("segment", "outline", "mark", "delineate", "contour", "trace", "annotate")
MOVING = (
    *("move", "shift", "push", "slide", "nudge", "drag", "translate", "bring", "pull", "take", "displace"),
    *("relocate", "scoot", "scooch", "bump", "put", "get", "pop", "reposition"),
)
LIFTING = {"raise": "up", "lift": "up", "lower": "down"}  # the box as well as the threshold
GROWING = (
    *("grow", "enlarge", "expand", "extend", "increase", "add", "widen", "stretch", "inflate", "upsize", "broaden"),
    *("dilate", "loosen", "pad", "lengthen"),
)
SHRINKING = (
    *("shrink", "reduce", "decrease", "contract", "tighten", "narrow", "cut", "trim", "crop", "downsize", "shave"),
    *("compress", "shorten", "squeeze"),
)
_SETTING = ("set", "change", "click", "place", "use", "apply", "switch", "turn")
_DROPPING = ("remove", "delete", "drop", "discard", "erase", "keep", "leave")
_ASKING = ("show", "give", "propose", "suggest", "find", "list", "repeat", "help", "explain", "compare")
_GOING = ("go", "jump", "scroll", "propagate", "carry", "undo", "redo", "revert", "finish", "hand", "cancel", "stop")
_MAKING = ("make", "draw", "do", "combine", "run", "start")
_MORE = ("break", "stay", "spread", "transfer", "track", "want", "need", "normalise", "normalize", "compute")
_PAINTING = (
    "highlight",
    "isolate",
    "extract",
    "paint",
    "colour",
    "color",
    "circle",
    "select",
    "pick",
    "separate",
    "label",
)
_ADJUSTING = ("adjust", "fix", "dial", "flip", "tap", "tag", "drop", "position", "crank", "turn", "resize", "scale")
_CLEARING = (
    "throw",
    "chuck",
    "bin",
    "toss",
    "ditch",
    "wipe",
    "clear",
    "eliminate",
    "exclude",
    "strip",
    "scrap",
    "dump",
)
_LEAVING = (
    "skip",
    "ignore",
    "omit",
    "pass",
    "cut",
    "clean",
    "restrict",
    "retain",
    "preserve",
    "accept",
    "save",
    "stick",
)
_STEPPING = (
    "advance",
    "step",
    "navigate",
    "return",
    "resume",
    "continue",
    "restore",
    "reverse",
    "reapply",
    "roll",
    "load",
)
_SHOWING = (
    "display",
    "print",
    "read",
    "open",
    "view",
    "see",
    "demonstrate",
    "illustrate",
    "preview",
    "contrast",
    "look",
)
_ENDING = (
    "submit",
    "deliver",
    "export",
    "release",
    "abort",
    "quit",
    "halt",
    "interrupt",
    "end",
    "complete",
    "conclude",
)
_DOING = (
    "perform",
    "execute",
    "launch",
    "trigger",
    "try",
    "ask",
    "begin",
    "merge",
    "fuse",
    "mix",
    "copy",
    "extend",
    "send",
)
_SAYING = (
    "say",
    "tell",
    "guide",
    "walk",
    "work",
    "follow",
    "answer",
    "call",
    "leave",
    "let",
    "hold",
    "create",
    "locate",
)

VERBS = frozenset(
    (*DRAWING, *MOVING, *LIFTING, *GROWING, *SHRINKING, *_SETTING, *_DROPPING, *_ASKING, *_GOING, *_MAKING)
)
ALL_VERBS = VERBS.union(
    *(_PAINTING, _ADJUSTING, _CLEARING, _LEAVING, _STEPPING, _SHOWING, _ENDING, _DOING, _SAYING, _MORE)
)  # as VERBS, and those that only some commands begin with


def gerund(verb: str) -> str:
    """The "-ing" form.

    >>> gerund("trace"), gerund("outline"), gerund("segment")
    ('tracing', 'outlining', 'segmenting')
    """
    return f"{verb.removesuffix('e')}ing"


def participle(verb: str) -> str:
    """The "-ed" form.

    >>> participle("trace"), participle("contour")
    ('traced', 'contoured')
    """
    return f"{verb.removesuffix('e')}ed"
