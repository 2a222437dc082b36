"""Commands in the passive: "the left adrenal is to be outlined", "could the box be made bigger", "let it be undone"."""

from __future__ import annotations

import re

from LIMISLib.language.participles import DONE, with_verb_first
from LIMISLib.language.words import NEGATIONS

_COURTESIES = r"(?: (?:kindly|please|now|then|also))*"
_TOLD = re.compile(
    rf"(?P<what>.+?) (?:still )?(?:may|must|shall|should|has to|have to|is to|are to|needs to|need to|ought to)"
    rf"{_COURTESIES} be{_COURTESIES} (?P<done>{DONE})(?P<rest>(?: .*)?)"
)
_ASKED = re.compile(rf"could (?P<what>.+?) be{_COURTESIES} (?P<done>{DONE})(?P<rest>(?: .*)?)")
_ASKED_NOW = re.compile(
    rf"(?:can (?P<asked>.+?)|(?P<told>.+?) can){_COURTESIES} be{_COURTESIES} (?P<done>{DONE})(?P<rest>(?: .*)?) "
    r"(?:please|now|next)"
)  # "can the liver be segmented" only asks
_LET = re.compile(rf"(?:let (?P<let>.+?) be|then (?P<then>.+?) (?:gets|is)) (?P<done>{DONE})(?P<rest>(?: .*)?)")
_FORMS = (_TOLD, _ASKED, _ASKED_NOW, _LET)
_BOX = re.compile(r"(?:can|could|let) (?P<what>(?:the )?(?:box|bounding box)) (?P<done>go|come|move|be)(?P<rest> .+)")
_COULD_BE = re.compile(
    r"(?P<what>(?:the )?(?:bounding box|box|threshold)) (?:can|could|may|might|should|must|needs to|has to|ought to)"
    r" (?P<done>be|go|come)(?P<rest> .+)"
)
_COULD_COME = re.compile(r"could (?P<what>(?:the )?threshold) (?P<done>come|go|be)(?P<rest> .+)")
_CAN_COME = re.compile(r"can (?P<what>(?:the )?threshold) (?P<done>come|go|be)(?P<rest> .+) (?:please|now)")
_AT_FIRST = re.compile(r"^(?:(?:next|first|now|so|and|ok|okay|well|please|yes|good|alright) )*")
_BECOMING = (_BOX, _COULD_BE, _COULD_COME, _CAN_COME)
_OF_THE_BOX = {"come": "bring", "move": "move", "go": "move", "be": "make"}


def active(words: list[str]) -> list[list[str]]:
    """The words with the verb in front, in each way that it can stand there; none where they are no such sentence.

    What is negated stays as it is.

    >>> active("the left adrenal is to be outlined now".split())
    [['outline', 'the', 'left', 'adrenal', 'now']]
    >>> active("the liver must not be segmented".split()), active("can the liver be segmented".split())
    ([], [])
    >>> active("could the box be bigger".split())
    [['make', 'the', 'box', 'bigger']]
    """
    said = _AT_FIRST.sub("", " ".join(words))
    if any(word in NEGATIONS for word in words):
        return []
    if found := next((match for form in _BECOMING if (match := form.fullmatch(said))), None):
        passive = _turned(said) if found["done"] == "be" else []
        return [*passive, [_OF_THE_BOX[found["done"]], *found["what"].split(), *found["rest"].split()]]
    return _turned(said)


def _turned(said: str) -> list[list[str]]:
    found = next((match for form in _FORMS if (match := form.fullmatch(said))), None)
    if found is None:
        return []
    names = ("what", "asked", "told", "let", "then")
    what = next(text for name in names if (text := found.groupdict().get(name)))
    return with_verb_first(what.split(), found["done"], found["rest"].split())
