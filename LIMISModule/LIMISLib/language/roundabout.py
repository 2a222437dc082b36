"""Roundabout sentences as plain ones: passives, what one would like to have done, things to do, second thoughts.

A plain sentence asks for the same as the roundabout one; whether it is a command is for the grammar to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest

from LIMISLib.language.causatives import caused
from LIMISLib.language.contrasts import without_other_side
from LIMISLib.language.fronted import fronted
from LIMISLib.language.gerunds import done
from LIMISLib.language.nominals import with_verb
from LIMISLib.language.numbers import Number, with_numbers
from LIMISLib.language.passives import active
from LIMISLib.language.second_thoughts import corrected
from LIMISLib.language.verbs import ALL_VERBS

Gram = tuple[str, ...]

_OPENINGS = (
    *("first of all", "going to", "in my opinion", "i reckon", "i would", "we would", "i would be grateful for", "no"),
    *("scrap that", "scratch that", "forget that", "oh no", "oops", "hm", "i am stuck", "i am lost", "yes that is it"),
    *("please", "kindly", "now", "next", "first", "then", "so", "and", "ok", "okay", "alright", "well", "good", "fine"),
    *(
        "yes",
        "yeah",
        "right",
        "right then",
        "better",
        "right so",
        "great",
        "hey",
        "hm",
        "just",
        "also",
        "maybe",
        "perhaps",
        "do",
        "go on",
        "this time",
    ),
    *(
        "before we go on",
        "quick one",
        "real quick",
        "you could",
        "you can",
        "you may",
        "you might",
        "we can",
        "we could",
    ),
    *("we shall", "we will", "i will", "i am going to", "we are going to", "i would suggest", "i would ask you to"),
    *(
        "shall we",
        "if you could",
        "if you would",
        "if you can",
        "i was wondering if you could",
        "i was hoping to",
        "i was hoping you could",
        "i was hoping we could",
    ),
    *("i wonder if you could", "i was wondering if we could", "i wonder if we could", "i was wondering if you can"),
    *("it is time to", "it would be good to", "it would be nice to", "it would help to", "we should", "you should"),
    *("i think we should", "i think you should", "i would be happy if you could", "i would be glad if you could"),
    *("i would be happy if you would", "could you do me a favour and", "do me a favour and", "do me a favor and"),
    *("could you do me a favor and", "can i ask you to", "could i ask you to", "may i ask you to", "i must ask you to"),
    *(
        "i am trying to",
        "i was trying to",
        "my next step is to",
        "what i want is to",
        "what i need is to",
        "all i want is to",
    ),
    *(
        "feel free to",
        "be so kind as to",
        "would you be so kind as to",
        "would you be so good as to",
        "would it be ok to",
    ),
    *(
        "would it be possible to",
        "would it be possible for you to",
        "is there any chance you could",
        "any chance you could",
    ),
    *("is there a way to", "i need you to", "i want you to", "i would like you to", "i would like to", "i want to"),
    *("i need to", "let us", "let me", "could you", "can you", "would you", "will you", "can we", "could we", "may i"),
    *("can i", "could i", "try to", "try and", "go ahead and", "in that case", "from here", "for now", "after that"),
    *(
        "how about we",
        "what if we",
        "i would rather",
        "we would rather",
        "what about",
        "how about",
        "let us go on and",
        "let us go ahead and",
        "let us try to",
        "time to",
        "right then",
    ),
)
_ENDINGS = (
    *("would be lovely", "would be great", "would be nice", "would be good", "would be better", "would be best"),
    *("would be perfect", "would be fine", "there", "or so", "if that is all right"),
    *("please", "now", "next", "for me", "for us", "thanks", "thank you", "thank you very much", "then", "ok", "okay"),
    *(
        "straight away",
        "right away",
        "at once",
        "immediately",
        "if you can",
        "if you could",
        "if you would",
        "if possible",
    ),
    *("if that is possible", "if that is ok", "if that is okay", "if you do not mind", "real quick", "for a moment"),
    *("for a second", "would you", "could you", "can you", "will you", "that would be great", "that would be nice"),
    *(
        "that would be good",
        "that would be helpful",
        "would be great",
        "as well",
        "quickly",
        "again please",
        "here please",
    ),
    *("so we can see it", "so that we can see it", "so i can see it", "so that i can see it", "so i can see it better"),
    *("so we can have a look", "so i can have a look", "so that i can have a look", "to have a look", "to be safe"),
    *("just to be safe", "to be sure", "just to be sure", "and see", "and see what happens", "to see what happens"),
    *("before we go on", "before i go on", "first", "for the moment", "for the time being", "this time", "today"),
)
_LOOSE = (
    "just",
    "actually",
    "basically",
    "simply",
    "quickly",
    "um",
    "uh",
    "er",
    "erm",
    "hm",
    "please",
    "kindly",
)
_INSTEAD: Mapping[Gram, Gram] = {
    tuple(f"what {we} {want}{now} is".split()): ("i", "want")
    for we in ("i", "we")
    for want in ("want", "need", "would like")
    for now in ("", " now", " next")
}
_INTENTIONS = (("i", "will"), ("we", "will"), ("we", "shall"), ("i", "am", "going", "to"), ("we", "are", "going", "to"))
_TELLING = ("keep", "take", "leave", "stop", "end", "finish", "call", "hold", "go", "see", "have")
_OF_THE_BOX = frozenset(("box", "it", "side", "edge", "border"))
_WISHING = ("i", "we", "can", "could", "may", "have", "get", "back", "what", "which", "a", "an", "the")
_DEPTH = 2  # "no, I want the right one outlined" is put right twice
_MOST = 40


def plainer(words: list[str]) -> Iterator[list[str]]:
    """Plain wordings of the sentence, the nearest first.

    >>> list(plainer("could i have that undone please".split()))[-1]
    ['undo', 'that']
    """
    seen = [words]
    level = [words]
    for _ in range(_DEPTH):
        level = [one for before in level for one in _once(before)]
        for one in level:
            if one and one not in seen and len(seen) < _MOST:
                seen.append(one)
                yield one


def _once(words: list[str]) -> list[list[str]]:
    asked = "please" in words or "kindly" in words
    bare = _without_ends(words)
    turned = [
        way
        for said in (words, bare[-1])
        for way in (
            *active(said),
            *caused(said, asked=asked),
            *done(said, asked=asked),
            *with_verb(said),
            *fronted(said),
        )
    ]
    return [*(one for one in bare if one != words), *turned, *corrected(words), *without_other_side(words)]


def _without_ends(words: list[str]) -> list[list[str]]:
    """The words without what people say before and behind a command, less and less of it."""
    rest = [word for word, after in zip_longest(words, words[1:]) if word not in _LOOSE and not _hedges(word, after)]
    rest = " ".join(rest).replace("nothing but ", "only ").replace(" of yours", "").replace(" of mine", "").split()
    whole = rest
    while rest and (end := _ending(rest)) and len(rest) > len(end):
        rest = rest[: -len(end)]
    return [*_without_openings(whole), *(_without_openings(rest) if rest != whole else ())]


def _without_openings(words: list[str]) -> list[list[str]]:
    """The words, and what is left of them behind openings that a verb or a wish follows, shorter and shorter."""
    found, rest = [words], words
    while rest and (start := _opening(rest)) and len(rest) > len(start):
        rest = [*_INSTEAD.get(start, ()), *rest[len(start) :]]
        if start == ("right",) and _OF_THE_BOX.intersection(rest):
            break  # "right, make the box larger" may name a side
        if start in _INTENTIONS and rest[0] in _TELLING and "back" not in rest:
            break
        if rest[0] in ALL_VERBS or rest[0] in _WISHING or rest[0].endswith("ing"):
            found.append(rest)
    return found


def _hedges(word: str, after: str | None) -> bool:
    """Whether it is the "like" of "like five pixels"."""
    return word == "like" and after is not None and isinstance(with_numbers([after])[0], Number)


def _opening(words: list[str]) -> Gram:
    return next((start for start in _STARTS.get(words[0], ()) if tuple(words[: len(start)]) == start), ())


def _ending(words: list[str]) -> Gram:
    return next((end for end in _ENDS.get(words[-1], ()) if tuple(words[-len(end) :]) == end), ()) if words else ()


def _by_word(phrases: Iterable[str], place: int) -> Mapping[str, list[Gram]]:
    """The phrases in words by their first or last word, longer ones first."""
    found: dict[str, list[Gram]] = {}
    for words in sorted((tuple(phrase.split()) for phrase in phrases), key=lambda words: -len(words)):
        found.setdefault(words[place], []).append(words)
    return found


_STARTS, _ENDS = _by_word((*_OPENINGS, *map(" ".join, _INSTEAD)), 0), _by_word(_ENDINGS, -1)
