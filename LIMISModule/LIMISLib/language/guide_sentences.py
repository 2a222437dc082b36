"""Sentences to the assistant itself: ensemble, examples, strategies, help, cancel, repeat."""

from __future__ import annotations

from LIMISLib.commands import Command, Interpretation, confirmation
from LIMISLib.language.numbers import Number, Token
from LIMISLib.language.phrases import Sentence, form, table
from LIMISLib.language.structures import mentions
from LIMISLib.language.wording import in_words
from LIMISLib.language.words import spoken

_INTENT_NAMES = table("guide", "intent_names")
_EXAMPLES = table("guide", "examples")
_EXAMPLE_FILLERS = table("guide", "example_fillers")
_EFFECT = {"show", "what", "would", "do"}
_WOULD_DO = form("guide", "would_do")
_PROBLEMS = table("guide", "problems")
_STRATEGY = table("guide", "strategy")
_MASK_SAID = table("guide", "mask_said")
_STRATEGY_FILLERS = table("guide", "strategy_fillers")
_TELLING = ("wrong", "false", "hu", "hounsfield")  # said of a mask alone
_ABOUT_MASK = ("it", "that")
_BEFORE_ORGANS = ("of", "into", "whole", "all", "cover", "covers", "outside", "beyond", "over", "from", "in")
_COUNTS = (Number(1), Number(2))  # "how does one compare two steps"
_FEW = 4  # words: "it is too much" may be about anything
_ENSEMBLE = table("guide", "ensemble")
_ENSEMBLE_FILLERS = table("guide", "ensemble_fillers")
_COMBINE = form("guide", "combine")
_COMBINE_WORDS = table("guide", "combine_words")
_HELP = table("guide", "help")
_HELP_FILLERS = table("guide", "help_fillers")
_ASKS_FOR_COMMANDS = form("guide", "asks_for_commands")
_CANCEL = form("guide", "cancel")
_REPEAT = form("guide", "repeat")
_AGAIN = ("again", "once more", "once again", "1 more time")


def ensemble(tokens: list[Token]) -> Interpretation | None:
    """ensemble: by its name, or by the three changes that it combines."""
    said = Sentence([token for token in tokens if token != Number(3)])
    if said.take(_ENSEMBLE):
        return Command("ensemble") if said.is_only(_ENSEMBLE_FILLERS | _COMBINE_WORDS) else None
    text = spoken(tokens)
    if _COMBINE.fullmatch(text) and all(word in _COMBINE_WORDS for word in text.split()):
        return Command("ensemble")
    return None


def show_examples(tokens: list[Token]) -> Interpretation | None:
    """show_examples: examples or previews, perhaps of one intent."""
    if _WOULD_DO.fullmatch(spoken(tokens)):  # "what different windows would do"
        return Command("show_examples", {"of": "set_window"} if "windows" in tokens else {})
    said = Sentence([token for token in tokens if token not in (Number(1, ordinal=True), Number(2))])
    is_asked = set(tokens) >= _EFFECT  # "what changing the threshold would do"
    if not said.take(_EXAMPLES) and not is_asked:
        return None
    of = set(said.take(_INTENT_NAMES))
    if len(of) > 1 or (is_asked and not of) or not said.is_only(_EXAMPLE_FILLERS):
        return None
    return Command("show_examples", {"of": of.pop()} if of else {})


def strategy(tokens: list[Token]) -> Interpretation | None:
    """strategy: what is wrong with the mask, and that a way to mend it is wanted (or that it is the mask's fault)."""
    said = Sentence(_with_organs(tokens))
    problems = set(said.take(_PROBLEMS))
    wants, masks = said.take(_STRATEGY), said.take(_MASK_SAID)
    if len(problems) != 1 or not said.is_only(_STRATEGY_FILLERS):
        return None
    plain = spoken(tokens).split()
    says_problem = problems & {"oversegmented", "undersegmented"} and any("segment" in word for word in plain)
    command = Command("strategy", {"problem": problems.pop()})
    if wants or masks or says_problem:
        return command
    is_telling = any(token in _TELLING for token in tokens) or (tokens[0] in _ABOUT_MASK and len(tokens) > _FEW)
    return confirmation(f'Do you mean "{in_words(command)}"?', command) if is_telling else None


def _with_organs(tokens: list[Token]) -> list[Token]:
    """The tokens with each structure's name as "organ": "half of the liver is missing"."""
    for mention in sorted(mentions(tokens), key=lambda mention: -mention.start):
        if tokens[max(mention.start - 1, 0)] in _BEFORE_ORGANS:  # not "wrong organ, segment the liver"
            tokens = [*tokens[: mention.start], "organ", *tokens[mention.end :]]
    return tokens


def get_help(tokens: list[Token]) -> Interpretation | None:
    """help: by the word, by "what can I say", perhaps about one intent."""
    if _ASKS_FOR_COMMANDS.fullmatch(spoken(tokens)):
        return Command("help")
    said = Sentence([token for token in tokens if token not in _COUNTS])  # "how does one ..."
    helps = said.take(_HELP)
    if not helps:
        return None
    of = set(said.take(_INTENT_NAMES))
    if tokens[-2:] == ["run", "it"] or len(of) > 1 or not said.is_only(_HELP_FILLERS):
        return None  # "what does the ensemble give, run it"
    if not of and "help" not in helps and "instructions" not in helps and "manual" not in helps:
        return None
    return Command("help", {"of": of.pop()} if of else {})


def cancel(tokens: list[Token]) -> Interpretation | None:
    """cancel: stop what is running or being asked."""
    return Command("cancel") if _CANCEL.fullmatch(spoken(tokens)) else None


def repeat(tokens: list[Token]) -> Interpretation | None:
    """repeat: "say that again", "what did you say"; "again" may ask for it."""
    if spoken(tokens) in _AGAIN:
        return confirmation('Did you mean "repeat that"?', Command("repeat"))
    return Command("repeat") if _REPEAT.fullmatch(spoken(tokens)) else None
