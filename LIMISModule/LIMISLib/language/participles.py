"""What is done to a thing, as the verb that does it: "the mask handed over" is "hand the mask over"."""

from __future__ import annotations

from collections.abc import Sequence

from LIMISLib.language.verbs import ALL_VERBS

_IRREGULAR = {
    **{"kept": "keep", "undone": "undo", "redone": "redo", "shown": "show", "done": "do", "made": "make"},
    **{"set": "set", "fixed": "set", "cut": "cut", "put": "put", "taken": "take", "given": "give", "drawn": "draw"},
    **{"displayed": "show", "cancelled": "cancel", "brought": "bring", "thrown": "throw"},
    **{"read": "read", "said": "say", "told": "tell", "run": "run", "begun": "begin", "sent": "send", "got": "get"},
    **{"shrunk": "shrink", "grown": "grow", "held": "hold", "chosen": "choose", "labelled": "label", "found": "find"},
}
_PARTICLES = ("out", "in", "back", "over", "off", "up", "down", "away", "around")


def _of(verb: str) -> tuple[str, ...]:
    """The regular participles of a verb, in any spelling."""
    if verb.endswith("e"):
        return (f"{verb}d",)
    if verb.endswith("y") and verb[-2] not in "aeou":
        return (f"{verb[:-1]}ied",)
    return f"{verb}ed", f"{verb}{verb[-1]}ed"


VERB_OF = {**{form: verb for verb in ALL_VERBS for form in _of(verb)}, **_IRREGULAR}
DONE = r"(?!(?:over|under)segmented)\w+ed|" + "|".join(_IRREGULAR)  # of which `VERB_OF` knows the verbs


def with_verb_first(what: Sequence[str], done: str, rest: Sequence[str]) -> list[list[str]]:
    """The verb of what is done, then the thing; a word that belongs to the verb stands behind either. None if unknown.

    >>> with_verb_first(["the", "mask"], "handed", ["over"])
    [['hand', 'the', 'mask', 'over'], ['hand', 'over', 'the', 'mask']]
    """
    verb = VERB_OF.get(done)
    if verb is None:
        return []
    ways = [[verb, *what, *rest]]
    if rest and rest[0] in _PARTICLES:
        ways.append([verb, rest[0], *what, *rest[1:]])
    return ways
