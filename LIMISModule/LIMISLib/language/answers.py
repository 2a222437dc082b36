"""What counts as an answer to a question that was asked."""

from __future__ import annotations

from LIMISLib.commands import Command, Question
from LIMISLib.language.numbers import UNITS, Number, with_numbers
from LIMISLib.language.phrases import form, table
from LIMISLib.language.words import spoken, tokens_of, without_courtesies, words_of

_YES = form("answers", "yes")
_NO = form("answers", "no")
_ASSENT = form("answers", "assent")
_NOT_A_SIDE = form("answers", "not_a_side")  # "that's right" answers no "left or right?"
_FILLERS = table("answers", "fillers")
_COUNTING_WORDS = ("option", "choice", "number")


def answer(words: list[str], pending: Question) -> Command | None:
    """The answer to the question that the words are, none if they are none."""
    words = [word for word in words if word != "please"]
    said = " ".join(words)
    if _YES.fullmatch(said) or ("yes" in pending.options and _ASSENT.fullmatch(said)):
        return Command("answer", {"choice": "yes"})
    if _NO.fullmatch(said):
        return Command("answer", {"choice": "no"})
    if _NOT_A_SIDE.fullmatch(said):
        return None
    chosen = _options_named(words, pending) or _option_counted(words, pending)
    return Command("answer", {"choice": chosen[0]}) if len(chosen) == 1 else None


def _plain(words: list[str]) -> list[str]:
    """The words with numbers in digits and units as the options have them: "ten pixels" is "10 px"."""
    units = {word: unit for word, (unit, factor) in UNITS.items() if factor == 1}
    return [units.get(word, word) for word in spoken(with_numbers(words)).split()]


def _options_named(words: list[str], pending: Question) -> list[str]:
    """The options that hold all the telling words; none if a word is neither in an option nor in the question."""
    content = _plain([word for word in words if word not in _FILLERS])
    by_option = {option: _plain(words_of(option)) for option in pending.options}
    exact = [option for option, parts in by_option.items() if parts in (_plain(words), content)]
    if exact:
        return exact
    telling = [word for word in content if any(word in parts for parts in by_option.values())]
    if not telling or any(word not in telling and word not in words_of(pending.text) for word in content):
        return []
    return [option for option, parts in by_option.items() if all(word in parts for word in telling)]


def _option_counted(words: list[str], pending: Question) -> list[str]:
    """The option that "the first one", "option two", "the last" or "2" counts out."""
    content = [word for word in without_courtesies(words) if word not in _FILLERS or word == "one"]
    content = content[:-1] if len(content) > 1 and content[-1] == "one" else content
    is_counted = any(word in _COUNTING_WORDS for word in words)
    if content == ["one"] and len(words) > 1 and not is_counted:  # "I'd like one" names none
        return []
    numbered = any(character.isdecimal() for option in pending.options for character in option)
    ordinals_only = numbered and "option" not in words  # of "5 px" and "10 px" a bare "two" names none
    said = " ".join(content)
    if said == "last":
        return [pending.options[-1]]
    tokens = tokens_of(said)
    if len(tokens) != 1 or not isinstance(tokens[0], Number) or (ordinals_only and not tokens[0].ordinal):
        return []
    counted = dict(enumerate(pending.options, start=1))
    return [counted[int(tokens[0].value)]] if tokens[0].value in counted else []
