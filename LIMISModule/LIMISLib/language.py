"""Sentences to commands. A sentence is a command only if every word of it is accounted for.

Each recogniser takes out of the sentence what belongs to its intent, phrase by phrase; words that are left make it no
command. So nothing that was said is overlooked: "segment the liver vessels" is not "segment the liver". To add a
command: its slots in `commands.py`, a recogniser here, its action in `session.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from LIMISLib.answers import answer
from LIMISLib.box_sentences import resize_box, shift_box
from LIMISLib.commands import Interpretation, InvalidCommand, Question, Rejection
from LIMISLib.fixed_sentences import fixed_sentence
from LIMISLib.numbers import Token
from LIMISLib.segment_sentences import segment
from LIMISLib.words import NEGATIONS, tokens_of, words_of

LONGEST_SENTENCE = 300

HINT = (
    'You can say, for example, "segment the liver", "move the box 5 pixels left", "make the box ten pixels larger", '
    '"keep", "undo", "redo" or "revert to step 2".'
)

_RECOGNISERS: tuple[Callable[[list[Token]], Interpretation | None], ...] = (
    fixed_sentence,
    shift_box,
    resize_box,
    segment,
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
    return answered or _understood(tokens_of(sentence))


def _understood(tokens: list[Token]) -> Interpretation:
    try:
        found = [reading for recognise in _RECOGNISERS if (reading := recognise(tokens))]
    except InvalidCommand as error:
        return Rejection(str(error))
    runnable = [reading for reading in found if not isinstance(reading, Rejection)]
    if len(runnable) == 1:
        return runnable[0]
    if runnable:
        return Rejection("That can be understood in more than one way; say one thing at a time.")
    if found:
        return found[0]
    if any(token in NEGATIONS for token in tokens):
        return Rejection("That was understood as something not to do, so nothing was done. Say what to do instead.")
    return Rejection(f"That is no command. {HINT}")
