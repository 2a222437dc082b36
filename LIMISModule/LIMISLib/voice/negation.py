"""Whether a wording, or one that sounds like it, says what is not to be done."""

from __future__ import annotations

from LIMISLib.commands import Command, Interpretation, Question, Rejection
from LIMISLib.language.parsing import parse_heard
from LIMISLib.language.words import NEGATIONS
from LIMISLib.voice.refusals import refused_verbs, refusing_words, said_of_results

# Starts that are heard in the place of "don't" and "do not", which are as short and as unstressed.
_LIKE_DONT = (
    *(
        "go to",
        "go with",
        "go on",
        "go and",
        "and",
        "ok",
        "okay",
        "can we",
        "will you",
        "would you",
        "could you",
        "pull",
    ),
    *("put", "to", "so", "let us", "let's", "what", "what's", "that's", "it's", "no", "on", "do", "then", "now"),
)
_DENIED_ANYWAY = ("cancel", "repeat", "help", "show_history")  # "never mind", "i did not hear you"


def denies(text: str) -> bool:
    """Whether a word of it denies.

    >>> denies("don't undo that"), denies("the mask is not large"), denies("note the number")
    (True, True, False)
    """
    return any(word in NEGATIONS or word.endswith("n't") or word == "cannot" for word in text.split())


def is_refusal(text: str, pending: Question | None = None) -> bool:
    """Whether it says what is not to be done, and nothing that is.

    >>> is_refusal("don't undo that"), is_refusal("not the liver the spleen"), is_refusal("the weather")
    (True, False, False)
    """
    return denies(text) and isinstance(parse_heard(text, pending), Rejection)


def refuses_clearly(text: str) -> bool:
    """Whether a refusal makes sense: what is refused is a command. "Nudge the box" sounds like "don't the box".

    >>> [refuses_clearly(text) for text in ("don't move the box up", "don't the box up two", "don't do that")]
    [True, False, True]
    """
    refused = _refused(text)
    if not refused or text in said_of_results():
        return True
    return refused.split()[0] in refused_verbs() and not isinstance(parse_heard(refused), Rejection)


def is_other_command(text: str, refusal: str) -> bool:
    """Whether it is a command, and another one than what is refused with something else before it.

    >>> is_other_command("and keep it", "don't keep it"), is_other_command("undo that", "don't keep it")
    (False, True)
    """
    refused = _refused(refusal)
    return bool(refused) and not text.endswith(refused) and isinstance(parse_heard(text), Command)


def corrects(text: str) -> bool:
    """Whether it says what is meant instead of something else.

    >>> corrects("not the liver the spleen"), corrects("don't undo that"), corrects("the spleen")
    (True, False, False)
    """
    return text.startswith(("not ", "no not ")) and isinstance(parse_heard(text), Command)


def holds_doubt(text: str, meaning: Interpretation) -> bool:
    """Whether a command is worded so that a refusal sounds like it, or denies something itself.

    >>> holds_doubt("and finish", Command("finish")), holds_doubt("finish", Command("finish"))
    (True, False)
    >>> holds_doubt("not the liver the spleen", Command("segment", {"structure": "Spleen"}))
    True
    """
    if not isinstance(meaning, Command) or meaning.intent == "answer":
        return False
    denied = denies(text) and meaning.intent not in _DENIED_ANYWAY
    return denied or text.startswith(tuple(f"{start} " for start in _LIKE_DONT))


def _refused(text: str) -> str:
    """What stands behind the words that refuse; nothing where it does not begin with such."""
    refusing = max((words for words in refusing_words() if text.startswith(f"{words} ")), key=len, default="")
    return text.removeprefix(refusing).strip() if refusing else ""
