"""A sentence as plain words, and phrases taken out of it one by one, so that nothing said is overlooked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from itertools import zip_longest
from typing import TypeVar

from LIMISLib.language.numbers import Number, Token, with_numbers
from LIMISLib.language.verbs import ALL_VERBS, DRAWING, VERBS

Value = TypeVar("Value")

NEGATIONS = ("not", "no", "never", "without", "neither", "nor", "nothing", "none")

GAP = ""  # stands where a phrase was taken out, so that no phrase is read across it

_CONTRACTIONS = {
    "can't": "can not",
    "cannot": "can not",
    "won't": "will not",
    "let's": "let us",
    "that's": "that is",
    "it's": "it is",
    "this's": "this is",
    "i'm": "i am",
    "i'd": "i would",
    "dont": "do not",
    "i've": "i have",
    "we've": "we have",
    "we're": "we are",
    "you're": "you are",
    "i'll": "i will",
    "we'll": "we will",
    "that'll": "that will",
    "you've": "you have",
    "im": "i am",
    "ive": "i have",
    "lets": "let us",
    "thats": "that is",
    "doesnt": "does not",
    "didnt": "did not",
    "wont": "will not",
    "cant": "can not",
    "what've": "what have",
    "gonna": "going to",
    "what's": "what is",
    "one's": "one is",
    "there's": "there is",
    "bit's": "bit is",
    "point's": "point is",
    "mask's": "mask is",
    "where's": "where is",
    "teh": "the",
    "bx": "box",
    "bxo": "box",
    "obx": "box",
    "boxx": "box",
    "hte": "the",
    "lul": "left upper lobe",
    "lll": "left lower lobe",
    "rul": "right upper lobe",
    "rml": "right middle lobe",
    "rll": "right lower lobe",
    "you'd": "you would",
    "we'd": "we would",
}
_POLITE_STARTS = (
    *("i should like to", "i should like", "i should say", "i should think", "shall we", "might i", "might we"),
    *("no sorry", "i made mistake", "we need", "we want"),
    *("please", "kindly", "ok", "okay", "now", "then", "so", "well", "hey", "limis", "just", "and", "oh", "oops"),
    *("whoops", "actually", "alright", "all right", "hi", "hello", "yeah", "yep", "maybe", "perhaps", "also"),
    *("go ahead and", "let us", "let me", "can you", "could you", "would you", "will you", "can we", "could we"),
    *("can i", "could i", "may i", "may we", "can i have", "could i have", "could we have", "can we have"),
    *("i want to", "i would like to", "i would like you to", "i want you to", "i need you to", "i need to", "you can"),
    *("i would like", "i would like to have", "i would love to", "i would prefer to", "i wish to", "i prefer"),
    *(
        "i think",
        "i guess",
        "i would say",
        "so next",
        "okay so next",
        "ok so next",
        "i suggest",
        "i believe",
        "we should",
        "you should",
        "i should",
        "we need to",
        "you may",
    ),
    *(
        "try to",
        "try and",
        "finally",
        "at last",
        "if you can",
        "if possible",
        "go on and",
        "would it be possible to",
    ),
    *("is it possible to", "are you able to", "that was mistake", "that was wrong", "my mistake", "my bad", "time to"),
    *("might i", "might we", "i should like", "i should like to", "i should like to have", "i should like you to"),
    *("be so kind and", "do needful and", "i would be grateful if you would", "i would like that you"),
    *("i would be grateful if you could", "may i ask you to", "could i ask you to", "is it possible that you"),
    *("i would request you to", "i request you to", "och", "aye", "whoa", "away and"),
    *("next thing is to", "best thing is to", "it would be nice to", "it would be good to", "it would help to"),
    *("it is time to", "be so kind as to", "if you could", "help me to", "your next task is to", "what i need is to"),
    *("i am going to need", "i am going to want"),
    *("right then", "right so", "we shall", "would you be able to"),
    *("i want", "i need", "we want to", "we would like to", "you need to", "you have to", "quickly", "sorry", "thanks"),
)
_POLITE_ENDS = (
    "cheers",
    "that would be great",
    *("please", "now", "thanks", "thank you", "for me", "then", "ok", "okay", "if you can", "will you", "would you"),
    *("right now", "if possible", "if you please", "for now", "thanks lot", "many thanks", "if you would", "can you"),
    *(
        "could you",
        "if you do not mind",
        "quickly",
        "for us",
        "thank you very much",
        "mate",
        "limis",
        "instead",
        "if you",
    ),
)
_GERUND_STARTS = (
    *("would you mind", "do you mind", "how about", "what about", "try", "mind", "next thing is", "the next thing is"),
    *("i would appreciate you", "next up is", "could you start by", "can you start by", "let us start by", "start by"),
    *("we continue with", "let us continue with"),
)
_WISHES = (
    *("i want", "i need", "i would like", "i should like", "we want", "we need", "we would like", "i would prefer"),
    *("can i have", "could i have", "can we have", "could we have", "can i get", "could i get"),
    *("i am going to need", "i am going to want", "i like to see"),
)  # "I need the mask propagated": with a wish, what is done is what to do
_PARTICIPLES = {f"{verb.removesuffix('e')}ed": verb for verb in VERBS if verb not in DRAWING}
_WELL_DONE = ["well", "done"]  # praises; "done" alone finishes
_POLITE_TO = (["please", "to"], ["kindly", "to"])  # "please to undo that"
_PAST = ("went", "kept", "took", "gave", "shown", "undid", "redid", "drew", "ran", "sent", "held")
_NOISE = (
    "um",
    "uh",
    "er",
    "erm",
    "uhm",
    "hm",
    "hmm",
    "ah",
    "eh",
    "please",
    "kindly",
    "pls",
    "plz",
    "umm",
    "uhh",
    "err",
    "äh",
)
_NUMBERED_BY_ONE = (
    *(
        "this",
        "that",
        "last",
        "first",
        "next",
        "previous",
        "smallest",
        "largest",
        "biggest",
        "tiniest",
        "left",
        "right",
    ),
    *("same", "each", "every", "which", "another", "other", "big", "small", "little", "main", "current", "littlest"),
)  # "that one" is no number
_ARTICLES = ("the", "a", "an")
_STUTTERED = frozenset((*_ARTICLES, *ALL_VERBS, "abort", "no", "box", "mask", "to", "on", "in", "please"))
_STARTS = sorted((phrase.split() for phrase in _POLITE_STARTS), key=len, reverse=True)
_ENDS = sorted((phrase.split() for phrase in _POLITE_ENDS), key=len, reverse=True)
_GERUNDS = sorted((phrase.split() for phrase in _GERUND_STARTS), key=len, reverse=True)
WORDS = frozenset(
    " ".join(
        (
            *_CONTRACTIONS.values(),
            *_POLITE_STARTS,
            *_POLITE_ENDS,
            *_GERUND_STARTS,
            *ALL_VERBS,
            *(f"{verb.removesuffix('e')}ing" for verb in ALL_VERBS),
            *(f"{verb.removesuffix('e')}ed" for verb in ALL_VERBS),
            *_PAST,
            *_NOISE,
            *_ARTICLES,
            *NEGATIONS,
        )
    ).split()
)


def words_of(sentence: str) -> list[str]:
    """The sentence's words in lower case, without punctuation; contractions and units are written out.

    >>> words_of("Don't move the bounding-box 2,5px: Patient's left, 15%!")
    ['do', 'not', 'move', 'the', 'bounding', 'box', '2.5', 'px', 'patient', 'left', '15', 'percent']
    """
    text = unicodedata.normalize("NFKC", sentence).casefold().replace("’", "'").replace("−", "-")
    text = re.sub(r"[a-z']+", lambda word: _CONTRACTIONS.get(word[0], word[0]), text)
    text = re.sub(r"n't\b", " not", text)
    text = re.sub(r"\bdon t\b", "do not", text)
    text = re.sub(r"\bh u\b", "hu", text)
    text = re.sub(r"'s\b|s'(?!\w)", lambda end: "s" if end[0] == "s'" else "", text)
    text = text.replace("%", " percent ")
    text = re.sub(r"(?<=\d) ?(?:um|μm)\b", " micrometres", text)
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    text = re.sub(r"(?<=\d),(?=\d)", ".", text)
    text = re.sub(r"(?<![\w.])[-](?=\.?\d)", " minus ", text)
    text = re.sub(r"(?<=\d)(?=(?:px|pixels?|mm|cm|milli|centi|percent)(?![a-z]))", " ", text)
    return re.findall(r"\d+\.\d+|(?<![\w.])\.\d+|\w+", text)


def words_in(*tables: Iterable[str]) -> frozenset[str]:
    """All words of the tables' phrases."""
    return frozenset(word for table in tables for phrase in table for word in phrase.split())


def tokens_of(sentence: str) -> list[Token]:
    """The sentence's words and numbers without courtesies at its ends and without articles; a lone courtesy stays.

    >>> tokens_of("Could you please outline the aorta in slice 131?")
    ['outline', 'aorta', 'in', 'slice', Number(value=131, ordinal=False)]
    """
    words = words_of(sentence)
    words = without_courtesies(words) or words
    words = [word for word, after in zip_longest(words, words[1:]) if word != after or word not in _STUTTERED]
    words = [word for place, word in enumerate(words) if word != "one" or not _stands_for_a_thing(words, place)]
    return [token for token in _with_3d(with_numbers(words)) if token not in _ARTICLES]


def _with_3d(tokens: list[Token]) -> list[Token]:
    """The tokens with "three d" as the one word "3d"."""
    found = [after == "d" and token == Number(3) for token, after in zip_longest(tokens, tokens[1:])]
    tokens = ["3d" if is_3d else token for token, is_3d in zip(tokens, found, strict=True)]
    return [token for token, is_behind in zip(tokens, [False, *found], strict=False) if not is_behind]


def _stands_for_a_thing(words: list[str], place: int) -> bool:
    """Whether the "one" there is no number: "that one", "the left one", but "move the box left one (pixel)"."""
    before = words[place - 1] if place else ""
    if words[place + 1 : place + 2] == ["more"]:
        return False
    return before in _NUMBERED_BY_ONE and (
        before not in ("left", "right") or place < 2 or words[place - 2] in (*_ARTICLES, "rib")
    )


def without_courtesies(words: list[str]) -> list[str]:
    """The words without "could you please", "for me", "ok", ... at the start and the end."""
    if words == _WELL_DONE:
        return words
    words = words[2:] if words[:2] in _POLITE_TO else words
    words = [word for word in words if word not in _NOISE]
    if any(f"{wish} " in " ".join(words) for wish in _WISHES):
        words = [_PARTICIPLES.get(word, word) for word in words]
    while words and (found := next((start for start in _STARTS if _plain(words)[: len(start)] == start), None)):
        words = _without_first(words, len(found))
    gerund = next((start for start in _GERUNDS if words[: len(start)] == start and words[len(start) :]), None)
    if gerund and words[len(gerund)].endswith("ing"):
        words = [verb_of_gerund(words[len(gerund)]), *words[len(gerund) + 1 :]]
    while words and (found := next((end for end in _ENDS if words[-len(end) :] == end), None)):
        words = words[: -len(found)]
    return words


def tokens_without_courtesies(tokens: list[Token]) -> list[Token]:
    """The tokens without courtesies at their start and end; a lone courtesy stays."""
    numbers: dict[str, Token] = {f"#{place}": token for place, token in enumerate(tokens) if isinstance(token, Number)}
    words = [token if isinstance(token, str) else f"#{place}" for place, token in enumerate(tokens)]
    kept = without_courtesies(words)
    return [numbers.get(word, word) for word in kept] if kept else tokens


def verb_of_gerund(word: str) -> str:
    """The verb of an "-ing" form, by the spelling of the verbs that commands begin with.

    >>> verb_of_gerund("tracing"), verb_of_gerund("dropping"), verb_of_gerund("undoing"), verb_of_gerund("cupping")
    ('trace', 'drop', 'undo', 'cupping')
    """
    stem = word.removesuffix("ing")
    forms = (f"{stem}e", stem, stem[:-1])
    return next((form for form in forms if form in ALL_VERBS), word)


def _plain(words: list[str]) -> list[str]:
    return [word for word in words[:9] if word not in _ARTICLES]


def _without_first(words: list[str], count: int) -> list[str]:
    """The words behind the first `count` that are no articles."""
    for place, word in enumerate(words):
        if word not in _ARTICLES:
            count -= 1
        if not count:
            return words[place + 1 :]
    return []


def take(tokens: list[Token], table: Mapping[str, Value]) -> tuple[list[Value], list[Token]]:
    """The values of the table's phrases that the tokens hold, longest phrases first, and the tokens with gaps there.

    >>> take(["move", "box", "to", "left"], {"left": 1, "to left": 2})
    ([2], ['move', 'box', ''])
    """
    values: list[Value] = []
    said = {token for token in tokens if isinstance(token, str)}
    near = [phrase for phrase in table if phrase.partition(" ")[0] in said]
    for phrase in sorted(near, key=lambda phrase: -len(phrase.split())):
        words: list[Token] = list(phrase.split())
        position = 0
        while position + len(words) <= len(tokens):
            if tokens[position : position + len(words)] == words:
                values.append(table[phrase])
                tokens = [*tokens[:position], GAP, *tokens[position + len(words) :]]
            position += 1
    return values, tokens


def left_over(tokens: Iterable[Token], allowed: Collection[str]) -> list[Token]:
    """The tokens that are neither gaps nor among the allowed words."""
    return [token for token in tokens if token != GAP and token not in allowed]


def rejoined(tokens: Iterable[Token]) -> str:
    """Tokens as text that becomes the same tokens again."""
    return " ".join(
        token if isinstance(token, str) else f"{token.value}{'th' * token.ordinal}" for token in tokens if token != GAP
    )


def spoken(tokens: Iterable[Token]) -> str:
    """Tokens as text, for answers that quote them."""
    return " ".join(f"{token.value:g}" if isinstance(token, Number) else token for token in tokens if token != GAP)
