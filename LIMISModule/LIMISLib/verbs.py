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

VERBS = frozenset(
    (*DRAWING, *MOVING, *LIFTING, *GROWING, *SHRINKING, *_SETTING, *_DROPPING, *_ASKING, *_GOING, *_MAKING)
)


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
