"""Commands that have something done: "I'd like to have the liver outlined", "please get that undone", "box widened"."""

from __future__ import annotations

import re

from LIMISLib.language.participles import DONE, with_verb_first
from LIMISLib.language.words import NEGATIONS

_WE = r"(?:i|we)"
_WANT = rf"{_WE} (?:want|need|would like|should like|would love|would prefer|like)(?: to (?:have|see|get))?"
_WISH = "|".join(
    (
        rf"(?:{_WANT})(?: also)?",
        r"(?:can|could|may|might|shall) (?:i|we) (?:please )?(?:have|get|see)",
        r"(?:could|can|would|will) you (?:please )?(?:have|get)",
        r"(?:let us|let me|to)? ?(?:have|get|see)",
        r"it would (?:be (?:nice|good|great|lovely|helpful)|help) to (?:have|get|see)",
        rf"{_WE} (?:am|are) going to (?:want|need)",
        rf"what {_WE} (?:want|need|would like) is",
        rf"{_WE} (?:would )?appreciate",
    )
)
_WHERE = r"(?P<where>(?:on|in) (?:the )?slice (?:number )?(?:\w+ ){1,5}?)?"
_TELLING = "to|you|i|we|he|she|they|who|has|have|had|is|are|was|were|did|could|will|would|should"  # told by somebody
_THINGS = rf"(?P<what>(?:(?!(?:{_TELLING})\b)\w+ ){{1,12}}?)"
_WISHED = re.compile(rf"{_WHERE}(?:{_WISH}) {_THINGS}(?:to be )?(?P<done>{DONE})(?P<rest>(?: .*)?)")
_CLEFT = re.compile(
    rf"(?:(?P<what>.+) is what|it is (?P<it>.+) (?:that|which)) {_WE} (?:want|need|would like)(?: to have| to see)? "
    rf"(?P<done>{DONE})(?P<rest>(?: .*)?)"
)
_BARE = re.compile(rf"{_THINGS}(?P<done>{DONE})(?P<rest>(?: .*)?)")


def caused(words: list[str], *, asked: bool = False) -> list[list[str]]:
    """The words with the verb in front; without a wish only where something else has `asked` for it.

    >>> caused("i would like to have the liver outlined on slice four".split())
    [['outline', 'the', 'liver', 'on', 'slice', 'four']]
    >>> caused("the last step undone".split()), caused("the last step undone".split(), asked=True)
    ([], [['undo', 'the', 'last', 'step']])
    """
    said = " ".join(words)
    if any(word in NEGATIONS for word in words):
        return []
    if found := _WISHED.fullmatch(said):
        where = (found["where"] or "").split()
        return with_verb_first(found["what"].split(), found["done"], [*found["rest"].split(), *where])
    found = _CLEFT.fullmatch(said) or (_BARE.fullmatch(said) if asked else None)
    if found is None:
        return []
    what = found["what"] or found["it"]
    return with_verb_first(what.split(), found["done"], found["rest"].split())
