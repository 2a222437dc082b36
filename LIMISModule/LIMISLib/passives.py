"""Commands in the passive: "the left adrenal is to be outlined", "can the box go up", "the box may be extended"."""

from __future__ import annotations

import re

from LIMISLib.verbs import DRAWING, VERBS, participle
from LIMISLib.words import NEGATIONS

_IRREGULAR = {
    **{"removed": "remove", "retained": "keep", "kept": "keep", "undone": "undo", "redone": "redo", "shown": "show"},
    **{"set": "set", "fixed": "set", "cut": "cut", "put": "put", "taken": "take", "given": "give", "drawn": "draw"},
    **{"displayed": "show", "cancelled": "cancel", "stopped": "stop", "aborted": "cancel", "trimmed": "trim"},
}
_ACTIVE = {**{participle(verb): verb for verb in (*VERBS, *DRAWING)}, **_IRREGULAR}
_DONE = "|".join(sorted(_ACTIVE, key=len, reverse=True))
_COURTESIES = r"(?: (?:kindly|please|now|then|also))*"
_TOLD = re.compile(
    rf"(?P<what>.+?) (?:may|must|shall|has to|have to|is to|are to|needs to|ought to){_COURTESIES} "
    rf"be(?P<courtesies>{_COURTESIES}) (?P<done>{_DONE})(?P<rest>(?: .*)?)"
)

_ASKED = re.compile(r"(?:can|could) (?P<what>(?:the )?(?:box|bounding box)) (?P<done>go|be)(?P<rest> .+)")
_ASKED_FOR = {"go": "move", "be": "make"}


def active(words: list[str]) -> list[str] | None:
    """The words with the verb in front, None where they are no such sentence; what is negated stays as it is.

    >>> active("the left adrenal is to be outlined now".split())
    ['outline', 'the', 'left', 'adrenal', 'now']
    >>> active("the liver must not be segmented".split()), active("the liver is to be admired".split())
    (None, None)
    >>> active("could the box be bigger".split())
    ['make', 'the', 'box', 'bigger']
    """
    said = " ".join(words)
    found = _TOLD.fullmatch(said) or _ASKED.fullmatch(said)
    if found is None or any(word in NEGATIONS for word in words):
        return None
    return [{**_ACTIVE, **_ASKED_FOR}[found["done"]], *found["what"].split(), *found["rest"].split()]
