"""Sentences to commands. A sentence is a command only if every word of it is accounted for.

Each recogniser takes out of the sentence what belongs to its intent, phrase by phrase; words that are left make it no
command. So nothing that was said is overlooked: "segment the liver vessels" is not "segment the liver". To add a
command: its slots in `commands.py`, a recogniser here, its action in `actions`.
"""

from __future__ import annotations

from collections.abc import Callable

from LIMISLib.commands import Command, Interpretation, InvalidCommand, Question, Rejection, confirmation
from LIMISLib.language import (
    click_sentences,
    component_sentences,
    guide_sentences,
    history_sentences,
    threshold_sentences,
    view_sentences,
    window_sentences,
)
from LIMISLib.language.answers import answer
from LIMISLib.language.box_sentences import resize_box, shift_box
from LIMISLib.language.fixed_sentences import fixed_sentence
from LIMISLib.language.near_readings import nearly_meant, question_between
from LIMISLib.language.numbers import Number, Token
from LIMISLib.language.phrases import table
from LIMISLib.language.roundabout import plainer
from LIMISLib.language.segment_sentences import segment
from LIMISLib.language.spelling import corrections
from LIMISLib.language.wishes import as_wished
from LIMISLib.language.wording import in_words
from LIMISLib.language.words import NEGATIONS, tokens_of, words_of

LONGEST_SENTENCE = 300

_ALTERNATIVES = (
    *(table("window", "presets"), table("view", "planes"), table("click", "labels"), table("component", "sizes")),
)  # "not lung, the bone window"
_ASKING = ("is", "are", "was", "were", "did", "has", "does", "should")  # "is this the lung window?" asks somebody
_ASKED = (["i"], ["we"], ["you"], ["they"])  # "have I removed the smallest component?"

_HEDGES = ("maybe", "perhaps", "guess", "think", "probably", "possibly")
_STEPS = ("step", "change", "edit", "action")  # are undone, not cancelled
_MOST_CORRECTED = 2  # words with typing errors

HINT = (
    'You can say, in English, for example "segment the liver", "move the box 5 pixels left", "make the box ten pixels '
    'larger", "keep", "undo", "redo" or "revert to step 2".'
)

_NO_COMMAND = Rejection(f"That is no command. {HINT}")

_RECOGNISERS: tuple[Callable[[list[Token]], Interpretation | None], ...] = (
    fixed_sentence,
    shift_box,
    resize_box,
    segment,
    threshold_sentences.threshold,
    click_sentences.grid_click,
    click_sentences.center_click,
    click_sentences.critical_points,
    click_sentences.answer_critical,
    window_sentences.window,
    component_sentences.remove_component,
    component_sentences.keep_largest,
    guide_sentences.ensemble,
    guide_sentences.show_examples,
    guide_sentences.strategy,
    guide_sentences.get_help,
    guide_sentences.cancel,
    guide_sentences.repeat,
    history_sentences.compare,
    history_sentences.show_history,
    history_sentences.finish,
    view_sentences.go_to_slice,
    view_sentences.set_plane,
    view_sentences.propagate,
)


def parse(sentence: str, pending: Question | None = None) -> Interpretation:
    """The command that the sentence is; a question where it leaves a choice open; a rejection where it is none.

    While a question is `pending`, "left", "yes" or "the first one" become the command `answer`.

    >>> parse("Grow the box by two and a half millimetres at the top, please.").to_json()["slots"]
    {'amount': 2.5, 'unit': 'mm', 'side': 'top'}
    >>> parse("segment the kidney").to_json()
    {'question': 'Left or right kidney?', 'options': ['left', 'right']}
    >>> isinstance(parse("don't segment the liver"), Rejection)
    True
    """
    if len(sentence) > LONGEST_SENTENCE:
        return Rejection(f"A sentence of {len(sentence)} characters is too long; say one thing at a time. {HINT}")
    words = words_of(sentence)
    if not words:
        return Rejection(f"Nothing was said. {HINT}")
    answered = answer(words, pending) if pending else None
    reading = answered or _certain(words, _meant(words))
    reading = _respelled(words, reading) if isinstance(reading, Rejection) else reading
    return (nearly_meant(sentence, _understood) or reading) if reading == _NO_COMMAND else reading


def parse_heard(sentence: str, pending: Question | None = None) -> Interpretation:
    """As `parse`, for words that a recogniser chose: they hold no typing errors, and nothing near is guessed.

    >>> isinstance(parse("segment the livre"), Command), isinstance(parse_heard("segment the livre"), Command)
    (True, False)
    """
    words = words_of(sentence)
    if not words or len(sentence) > LONGEST_SENTENCE:
        return _NO_COMMAND
    return (answer(words, pending) if pending else None) or _certain(words, _meant(words))


def is_no_command(reading: Interpretation) -> bool:
    """Whether nothing in the sentence was understood; other rejections know what was said and why it cannot be done.

    >>> is_no_command(parse("good morning")), is_no_command(parse("don't segment the liver"))
    (True, False)
    """
    return reading == _NO_COMMAND


def _certain(words: list[str], reading: Interpretation) -> Interpretation:
    """The reading, asked about where it would end the work and was only a "perhaps", or cancels what is undone."""
    if not isinstance(reading, Command):
        return reading
    if reading.intent == "finish" and any(word in _HEDGES for word in words):
        return confirmation(f'Do you mean "{in_words(reading)}"?', reading)
    if reading.intent == "cancel" and any(word in _STEPS for word in words):
        return question_between([Command("undo"), reading]) or reading
    return reading


def _meant(words: list[str]) -> Interpretation:
    """What the words mean as they stand, or else as a plain command."""
    reading = as_wished(words, _understood(tokens_of(" ".join(words))))
    if not isinstance(reading, Rejection):
        return reading
    others = [_understood(tokens_of(" ".join(plain))) for plain in plainer(words)]
    commands = [one for one in dict.fromkeys(others) if isinstance(one, Command)]
    if commands:
        return commands[0] if len(commands) == 1 else question_between(commands) or reading
    return next((one for one in others if isinstance(one, Question)), reading)


def _respelled(words: list[str], rejection: Rejection) -> Interpretation:
    """What the sentence means when typing errors are put right; asked for where they are many, large, or of two kinds.

    Where a word may be several, the sentence must mean one thing only, or is asked about if it may mean two.
    """
    readings = {better: _understood(tokens_of(" ".join(better.words))) for better in corrections(words)}
    runnable = {better: reading for better, reading in readings.items() if not isinstance(reading, Rejection)}
    meanings = list(dict.fromkeys(runnable.values()))
    if len(meanings) != 1:
        commands = [meaning for meaning in meanings if isinstance(meaning, Command)]
        return (question_between(commands) if len(commands) == len(meanings) else None) or rejection
    better, reading = min(runnable.items(), key=lambda item: item[0].is_doubtful)
    if isinstance(reading, Question) or (
        better.errors == 1 and better.changed <= _MOST_CORRECTED and not better.is_doubtful
    ):
        return reading
    return confirmation(f'Do you mean "{" ".join(better.words)}"?', reading)


def _understood(tokens: list[Token]) -> Interpretation:
    reading, meant = _read(tokens), _without_what_is_not_meant(tokens)
    if not isinstance(reading, Rejection) or meant == tokens:
        return reading
    instead = _read(meant)
    return reading if isinstance(instead, Rejection) else instead


def _read(tokens: list[Token]) -> Interpretation:
    if tokens and (tokens[0] in _ASKING or (tokens[0] == "have" and tokens[1:2] in _ASKED)):
        return _NO_COMMAND
    try:
        found = [reading for recognise in _RECOGNISERS if (reading := recognise(tokens))]
    except InvalidCommand as error:
        return Rejection(str(error))
    runnable = [reading for reading in found if not isinstance(reading, Rejection)]
    if len(set(runnable)) == 1:
        return runnable[0]
    if runnable:
        commands = [reading for reading in dict.fromkeys(runnable) if isinstance(reading, Command)]
        asked = question_between(commands) if len(commands) == len(set(runnable)) else None
        return asked or Rejection("That can be understood in more than one way; say one thing at a time.")
    if found:
        return found[0]
    if any(token in NEGATIONS for token in tokens):
        return Rejection("That was understood as something not to do, so nothing was done. Say what to do instead.")
    return _NO_COMMAND


def _without_what_is_not_meant(tokens: list[Token]) -> list[Token]:
    """The tokens without the first half of "not slice 40, slice 50" or "not lung but bone window"; else all of them."""
    if len(tokens) < 3 or tokens[0] != "not":
        return tokens
    is_numbered = len(tokens) > 4 and isinstance(tokens[2], Number) and tokens[1] in tokens[3:]
    is_one_of = any(tokens[1] in kind and any(token in kind for token in tokens[2:]) for kind in _ALTERNATIVES)
    rest = tokens[3:] if is_numbered else tokens[2:] if is_one_of else tokens
    return rest[1:] if rest[0] == "but" else rest
