"""What a rejected sentence was nearly: a question, never a command.

Words that the language does not know may hedge ("roughly"), describe ("carefully") or address ("computer"), and a
comment may follow ("undo that, it got worse"). Without them a command may be left, and that is asked about. Where what
is left out could change the meaning, nothing is asked: a negation, a number, a word beside a structure's name ("the
liver tumour"), a question or a report about somebody.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from LIMISLib.commands import Command, Interpretation, Question, Rejection, confirmation
from LIMISLib.language.numbers import Token
from LIMISLib.language.spelling import vocabulary
from LIMISLib.language.structures import mentions
from LIMISLib.language.wording import in_words
from LIMISLib.language.words import NEGATIONS, rejoined, tokens_of, words_of

Understand = Callable[[list[Token]], Interpretation]

_MOST_LEFT_OUT = 3
_ABOUT_SOMETHING = (
    *("how", "why", "what", "where", "when", "who", "which", "is", "are", "was", "were", "did", "does", "has", "have"),
    *("he", "she", "they", "you", "i", "we", "my", "your", "his", "her", "our", "their", "there", "if", "unless"),
)  # a sentence that begins so asks, or tells of somebody
_CHANGES_ALL = (
    *("nowhere", "refuse", "avoid", "refrain", "forbid", "hardly", "barely", "unable", "fail", "except", "excluding"),
    *("inch", "inches", "foot", "feet", "yard", "yards", "finger", "fingers", "micron", "microns", "um", "µm", "μm"),
    *("meter", "meters", "metre", "metres", "degree", "degrees"),
    *("horizontally", "vertically", "sideways", "diagonally"),
)  # without such a word the rest would mean something else
_HEDGES = ("about", "around")
_COMMENT = re.compile(r"\b(?=because\b|since\b|so that\b|where\b)")
_COMMENT_STARTS = ("it", "that", "this", "there", "i", "we", "they", "because", "since", "so", "where")
_PLAIN_VERBS = ("undo", "redo", "revert", "keep", "go")  # with which a command without an object is meant as one
_BARE = ("keep", "undo", "redo", "cancel", "help", "repeat", "finish", "show_history", "answer_critical", "ensemble")


def nearly_meant(sentence: str, understand: Understand) -> Question | None:
    """A question that reads back what is left of the sentence, or between two readings; none where nothing is near."""
    words = words_of(sentence)
    if not words or words[0] in _ABOUT_SOMETHING or any(word in (*NEGATIONS, *_CHANGES_ALL) for word in words):
        return None
    readings = dict.fromkeys(
        reading
        for reading in (_without_comment(sentence, understand), _without_loose_words(sentence, understand))
        if reading is not None
    )
    return question_between(list(readings))


def question_between(commands: Sequence[Command]) -> Question | None:
    """A question whether the one command was meant, or which of two; none for none or more.

    >>> question_between([Command("undo"), Command("keep")]).text
    'Did you mean (1) "undo" or (2) "keep it"?'
    """
    if len(commands) == 1:
        return confirmation(f'Did you mean "{in_words(commands[0])}"?', commands[0])
    if len(commands) != 2:
        return None
    one, other = (in_words(command) for command in commands)
    return Question(f'Did you mean (1) "{one}" or (2) "{other}"?', ("1", "2"), tuple(commands))


def _without_comment(sentence: str, understand: Understand) -> Command | None:
    """The command before a comment ("..., it got worse") or behind an address ("computer, ...")."""
    parts = [part for part in re.split(r"[,;:!?]|\.(?!\d)", sentence) if words_of(part)]
    if len(parts) == 1:
        found = _COMMENT.search(sentence.casefold())
        parts = [sentence[: found.start()], sentence[found.start() :]] if found else parts
    if len(parts) != 2 or not all(words_of(part) for part in parts):
        return None
    first, second = parts
    if words_of(second)[0] in _COMMENT_STARTS and isinstance(understand(tokens_of(second)), Rejection):
        return _command(tokens_of(first), understand, verbs=_PLAIN_VERBS)
    if not any(word in vocabulary() or _has_digit(word) for word in words_of(first)):
        return _command(tokens_of(second), understand)
    return None


def _without_loose_words(sentence: str, understand: Understand) -> Command | None:
    """The command without words that are loose: unknown adverbs and hedges, unknown words at the ends."""
    tokens = tokens_of(sentence)
    loose = _loose(tokens)
    unknown = [place for place, token in enumerate(tokens) if isinstance(token, str) and token not in vocabulary()]
    if not loose or len(loose) > _MOST_LEFT_OUT or set(unknown) - set(loose):
        return None
    rest = [token for place, token in enumerate(tokens) if place not in loose]
    return _command(tokens_of(rejoined(rest)), understand)


def _loose(tokens: list[Token]) -> list[int]:
    """Places of words that can be left out.

    >>> _loose(tokens_of("move the box roughly ten pixels up")), _loose(tokens_of("segment the liver tumour"))
    ([2], [])
    """
    named = {place for mention in mentions(tokens) for place in (mention.start - 1, mention.end)}
    ends = (0, len(tokens) - 1)
    found = []
    for place, token in enumerate(tokens):
        if not isinstance(token, str) or _has_digit(token):
            continue
        is_unknown = token not in vocabulary()
        is_beside = place in ends and place not in named
        if token in _HEDGES or (is_unknown and (token.endswith("ly") or is_beside)):
            found.append(place)
    return found if any(tokens[place] not in _HEDGES for place in found) else []


def _command(tokens: list[Token], understand: Understand, *, verbs: Sequence[str] = ()) -> Command | None:
    """The command that the tokens are; one without an object counts only if it begins with one of the verbs."""
    reading = understand(tokens)
    if not isinstance(reading, Command) or (tokens and tokens[0] in _ABOUT_SOMETHING):
        return None
    return reading if reading.intent not in _BARE or (tokens and tokens[0] in verbs) else None


def _has_digit(word: str) -> bool:
    return any(character.isdecimal() for character in word)
