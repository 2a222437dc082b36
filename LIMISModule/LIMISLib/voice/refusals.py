"""How people say what is not to be done, made of the templates of commands: without these the recogniser, which knows
no other words, hears "don't finish" as "and finish".
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import chain

from LIMISLib.voice.spoken_sentences import imperatives, templates

REFUSING = "refusing"  # the class of words that turn a command into its contrary

# What is said before a command that begins with a verb, with how often.
_BEFORE_VERBS: Mapping[str, float] = {
    "don't": 8.0,
    "do not": 5.0,
    "please don't": 2.5,
    "please do not": 1.5,
    "no don't": 2.5,
    "no do not": 1.0,
    "never": 2.0,
    "please never": 0.5,
    "let's not": 1.0,
    "let us not": 0.3,
    "i don't want to": 1.5,
    "i do not want to": 1.0,
    "i don't want you to": 0.6,
    "i did not say": 0.4,
    "i didn't say": 0.4,
    "i didn't ask you to": 0.3,
    "i would not": 0.4,
    "i wouldn't": 0.6,
    "i won't": 0.3,
    "i can't": 0.3,
    "i cannot": 0.2,
    "we should not": 0.6,
    "we shouldn't": 0.8,
    "you should not": 0.4,
    "you shouldn't": 0.5,
    "you must not": 0.4,
    "you mustn't": 0.2,
    "we don't want to": 0.5,
    "we don't need to": 0.5,
    "you don't need to": 0.5,
    "there is no need to": 0.4,
    "we must never": 0.2,
    "you must never": 0.2,
}

# What makes the contrary of other commands; all that fit a template are used.
_TURNED: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(pattern), ways)
    for pattern, ways in (
        (r"^(the \w+|that|this|it|you|we|they) (is|are) (?!not\b)", (r"\1 \2 not ", r"\1 \2n't ")),
        (r"^(the \w+ \w+) is (?!not\b)", (r"\1 is not ", r"\1 isn't ")),
        (r"^(that|it)'s (?!not\b)", (r"\1's not ", r"\1 is not ", r"\1 isn't ")),
        (r"^(that|this|it) looks ", (r"\1 doesn't look ", r"\1 does not look ")),
        (r"^looks ", (r"doesn't look ", r"it doesn't look ")),
        (r"^i'm (?!not\b)", (r"i'm not ", r"i am not ")),
        (r"^(i|we) (want|need) ", (r"\1 don't \2 ", r"\1 do not \2 ")),
        (r"^i(?:'d| would) like ", (r"i wouldn't like ", r"i would not like ")),
        (r"^we (?=finish|keep|accept|continue|go|take|set|use)", (r"we don't ", r"we do not ")),
        (r"^we can ", (r"we can't ", r"we cannot ")),
    )
)
_GOES_ON = re.compile(r" (?:undo|drop|remove|delete)\b")  # "this is worse, undo": the contrary may be a command, too

# What is said of results, and dictated: neither has a template of a command behind it. Each with how often.
_PLAIN: tuple[tuple[float, tuple[str, ...]], ...] = (
    (
        4.0,
        (
            "that's not good",
            "that is not good",
            "this is not good",
            "it's not good enough",
            "that isn't good enough",
            "that mask is not good",
            "that mask isn't good",
            "that's not right",
            "that is not right",
            "that's not it",
            "that's not what i wanted",
            "that is not what i wanted",
            "that is not what i meant",
            "that's not what i said",
            "that doesn't look good",
            "that does not look right",
            "the mask doesn't look good",
            "the segmentation does not look good",
            "the contour doesn't look right",
            "i don't like that",
            "i don't like this one",
            "i don't like it",
            "i do not like this",
            "i'm not happy with that",
            "i am not happy with this",
            "i don't want that",
            "i don't want this one",
            "i don't want it",
            "don't",
            "no don't",
            "do not do that",
            "don't do that",
            "don't do it",
            "don't do anything",
            "not yet",
            "not that",
            "not that one",
            "not like that",
            "no that is wrong",
            "no that's not it",
            "i did not say that",
            "i didn't say that",
            "i don't want the {structure}",
            "i do not want the {structure} segmented",
            "i don't want the {organ} window",
            "i don't want the box any larger",
            "not the {structure}",
            "not the {organ} window",
            "not slice {slice}",
            "not step {step}",
        ),
    ),
    (
        6.0,
        (
            "not the {structure} the {structure}",
            "no not the {structure} the {structure}",
            "not the {structure} i meant the {structure}",
            "not the {structure} but the {structure}",
            "not slice {slice} slice {slice}",
            "not the {organ} window the {organ} window",
            "not component {number} component {number}",
            "not step {number} step {number}",
        ),
    ),
    (
        2.0,
        (
            "no focal lesion in the {structure}",
            "no lesion in the {structure}",
            "no mass in the {structure}",
            "no fracture of the {structure}",
            "no focal abnormality of the {structure}",
            "no evidence of disease in the {structure}",
            "there is no lesion in the {structure}",
            "there is no focal lesion in the {structure}",
            "there is no mass in the {structure}",
            "there is no free fluid in the abdomen",
            "there is no evidence of a lesion in the {structure}",
            "no free fluid in the pelvis",
            "no enlarged lymph nodes",
            "the {structure} is not enlarged",
            "the {structure} is not thickened",
            "the {structure} is not involved",
            "the {structure} is not distended",
            "the {structure} does not enhance",
            "the {structure} shows no lesion",
            "the {structure} is not affected",
        ),
    ),
)

_SHARE = 0.08  # of all that is said


def refusals(commands: float) -> Mapping[tuple[str, ...], float]:
    """Refusals as words, {slots} and [classes], each with how often it is said where there are so many commands.

    >>> found = refusals(100.0)
    >>> ("[refusing]", "undo", "that") in found, ("the", "mask", "is", "not", "oversegmented") in found
    (True, True)
    """
    counted: dict[tuple[str, ...], float] = defaultdict(float)
    for line, times in chain(_before_verbs(), _turned(), _said_of_results()):
        counted[tuple(line.split())] += times
    scale = commands * _SHARE / (1 - _SHARE) / sum(counted.values())
    return {line: times * scale for line, times in counted.items()}


def refusing_words() -> Mapping[str, float]:
    """What is said before a verb, with shares that add up to 1.

    >>> round(refusing_words()["don't"] / refusing_words()["never"], 6)
    4.0
    """
    total = sum(_BEFORE_VERBS.values())
    return {words: times / total for words, times in _BEFORE_VERBS.items()}


@cache
def refused_verbs() -> frozenset[str]:
    """What can stand behind "don't".

    >>> "undo" in refused_verbs(), "the" in refused_verbs()
    (True, False)
    """
    return frozenset(line.split()[0] for line in imperatives(templates()))


@cache
def said_of_results() -> frozenset[str]:
    """Refusals that stand for themselves.

    >>> "don't do that" in said_of_results()
    True
    """
    return frozenset(line for line, _ in _said_of_results())


def _before_verbs() -> Iterator[tuple[str, float]]:
    return ((f"[{REFUSING}] {line}", 1.0) for line in imperatives(templates()))


def _turned() -> Iterator[tuple[str, float]]:
    for line in chain.from_iterable(templates().values()):
        for pattern, ways in _TURNED:
            if pattern.search(line) and not _GOES_ON.search(line):
                yield from ((pattern.sub(way, line, count=1), 1 / len(ways)) for way in ways)


def _said_of_results() -> Iterator[tuple[str, float]]:
    return ((line, times) for times, lines in _PLAIN for line in lines)
