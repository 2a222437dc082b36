"""Commands whose thing is said first: "the right lower lobe, can you outline it", "T7 please, mark that one"."""

from __future__ import annotations

from LIMISLib.language.participles import VERB_OF
from LIMISLib.language.verbs import ALL_VERBS
from LIMISLib.language.words import NEGATIONS

_IT = ("it", "that", "this")
_MOST_WORDS = 8
_BEFORE = (
    *("so", "ok", "okay", "now", "next", "then", "well", "let us do", "let us take", "let us go for", "for"),
    *("i am after", "i want", "i need", "we have", "here is", "there is"),
)
_BETWEEN = (
    *(
        "please",
        "can you",
        "could you",
        "would you",
        "will you",
        "can we",
        "could we",
        "let us",
        "i want you to",
        "just",
    ),
    *(
        "i would like you to",
        "so",
        "then",
        "and",
        "now",
        "next",
        "first",
        "go ahead and",
        "is not quite right",
        "is next",
    ),
    *("is what i am after", "is what i want", "is what i need", "is what we need", "is the one i want", "we have to"),
)
_HAVE_IT = tuple(
    (may, who, "have", it) for may in ("can", "could", "may", "might") for who in ("i", "we") for it in _IT
)


def fronted(words: list[str]) -> list[list[str]]:
    """The verb, then the thing that stood before it; none where nothing is denied and no verb asks for "it".

    >>> fronted("so the right ventricle of the heart could we have that segmented".split())
    [['segment', 'the', 'right', 'ventricle', 'of', 'the', 'heart']]
    >>> fronted("the left humerus please outline it".split())
    [['outline', 'the', 'left', 'humerus']]
    """
    if any(word in NEGATIONS for word in words):
        return []
    for place in range(1, len(words)):
        verb, behind = words[place], words[place + 1 :]
        if verb in ALL_VERBS and behind[:1] and behind[0] in _IT:
            rest = behind[2:] if behind[0] != "it" and behind[1:2] == ["one"] else behind[1:]
            return _turned(verb, words[:place], rest)
        if tuple(words[max(0, place - 4) : place]) in _HAVE_IT and verb in VERB_OF:
            return _turned(VERB_OF[verb], words[: place - 4], behind)
    return []


def _turned(verb: str, before: list[str], rest: list[str]) -> list[list[str]]:
    what = _without(before)
    is_thing = 0 < len(what) <= _MOST_WORDS and not any(word in (*_IT, "i", "we", "you") for word in what)
    return [[verb, *what, *rest]] if is_thing else []


def _without(words: list[str]) -> list[str]:
    """The words without what is said before a thing and between it and the verb."""
    while start := next((start for start in _STARTS if words[: len(start)] == start), None):
        words = words[len(start) :]
    while end := next((end for end in _ENDS if words[-len(end) :] == end), None):
        words = words[: -len(end)]
    return words


_STARTS, _ENDS = ([phrase.split() for phrase in phrases] for phrases in (_BEFORE, _BETWEEN))
