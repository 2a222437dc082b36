"""Commands in nouns: "give the box a nudge", "a bigger box, please", "component four is noise, remove it"."""

from __future__ import annotations

import re

from LIMISLib.language.words import NEGATIONS

_SMALL = r"(?:(?:little|small|slight|tiny|quick|bit of a|good) )*"
_NOUNS = "nudge|push|shift|move|pull|stretch|trim|squeeze"
_GIVEN = re.compile(
    rf"give (?P<what>(?:the |this )?(?:bounding )?box) an? {_SMALL}(?P<verb>{_NOUNS})(?P<rest>(?: .*)?)"
)
_OF = re.compile(rf"an? {_SMALL}(?P<verb>{_NOUNS}) (?:of|to|for) (?P<what>(?:the |this )?box)(?P<rest>(?: .*)?)")
_KIND = re.compile(
    r"(?P<rest>an? (?:(?:slightly|somewhat|bit|much|little) )*(?:bigger|larger|smaller|tighter|wider|higher|lower)) "
    r"(?P<what>box|threshold)(?P<more>(?: .*)?)"
)
_PIECES = r"(?:component|piece|island|blob|fragment|part)"
_UNWANTED = (
    r"(?:(?:just|only|clearly|all|really|there|here|to|it|the|organ|not|part|of|wrong|noise|rubbish|nonsense|garbage|"
    r"an?|artefact|artifact|mistake|unwanted|needed|outside|superfluous|useless) )*"
)
_WANTED = (
    r"not (?:an? )?(?:wrong|noise|rubbish|nonsense|garbage|artefact|artifact|mistake|unwanted|superfluous|"
    r"useless|outside)"
)
_REMEDIED = re.compile(
    rf"(?!.*\b{_WANTED}\b)(?P<what>(?:the )?(?:\w+ )?{_PIECES}(?: number)?(?: \w+){{0,2}}?) "
    rf"(?:is|looks|seems|does not belong|should not be) {_UNWANTED}(?:so |and |please )*"
    r"(?P<verb>remove|delete|drop|discard|erase|get rid of|throw|take|cut) (?:it|that|this)"
    r"(?P<rest>(?: out| away| off)?)"
)


def with_verb(words: list[str]) -> list[list[str]]:
    """The sentence with the verb for its noun; none where it is no such sentence.

    >>> with_verb("give the box a little nudge to the left".split())
    [['nudge', 'the', 'box', 'to', 'the', 'left']]
    >>> with_verb("component four does not belong there remove it".split())
    [['remove', 'component', 'four']]
    >>> with_verb("a bigger box".split())
    [['make', 'the', 'box', 'bigger']]
    """
    said = " ".join(words)
    if found := _REMEDIED.fullmatch(said):
        return [[*found["verb"].split(), *found["what"].split(), *found["rest"].split()]]
    if any(word in NEGATIONS for word in words):
        return []
    if found := _KIND.fullmatch(said):
        kind = found["rest"].split()[1:]
        return [["make", "the", found["what"], *kind, *found["more"].split()]]
    found = _GIVEN.fullmatch(said) or _OF.fullmatch(said)
    return [[found["verb"], *found["what"].split(), *found["rest"].split()]] if found else []
