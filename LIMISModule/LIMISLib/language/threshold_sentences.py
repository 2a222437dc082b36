"""Sentences about the confidence threshold: set to a value, or moved up and down."""

from __future__ import annotations

from LIMISLib.commands import Command, Interpretation, confirmation
from LIMISLib.language.numbers import Number, Token
from LIMISLib.language.phrases import Sentence, table
from LIMISLib.language.wording import in_words
from LIMISLib.language.words import GAP

_THRESHOLD = table("threshold", "threshold")
_WAYS = table("threshold", "ways")
_ABSOLUTE = table("threshold", "absolute")
_COMPLAINTS = table("threshold", "complaints")
_WEAK_WAYS = table("threshold", "weak_ways")  # "bump it" is up, "bump it down" is down
_AMOUNTS = table("threshold", "amounts")
_VAGUE = table("threshold", "vague")
_FILLERS = table("threshold", "fillers")
_COMPARED = {"higher": "up", "lower": "down", "up": "up", "down": "down", "more": "up", "less": "down"}
_AMOUNT_FILLERS = _FILLERS | table("threshold", "amount_fillers")


def threshold(tokens: list[Token]) -> Interpretation | None:
    """set_threshold and change_threshold: the threshold, at most one number, at most one way."""
    said = Sentence(_whole_shares(tokens))
    if not said.take(_THRESHOLD):
        return None
    said.tokens = [GAP if _is_one_step(said.tokens, place) else token for place, token in enumerate(said.tokens)]
    numbers = said.take_numbers(ordinal=False)
    percent = bool(said.take({"percent": "percent", "per cent": "percent"}))
    complaints = set(said.take(_COMPLAINTS))  # "the threshold is too high, lower it"
    ways = set(said.take(_WAYS)) or set(said.take(_WEAK_WAYS))
    by_amount = set(said.take(_AMOUNTS)) if numbers and not ways else set()  # "take 0.1 off the threshold"
    absolute = [] if by_amount else said.take(_ABSOLUTE)
    said.take(_VAGUE)
    ways |= by_amount
    if len(numbers) > 1 or len(ways) > 1 or not said.is_only(_AMOUNT_FILLERS if by_amount else _FILLERS):
        return None
    if complaints and complaints != ways:
        return None
    if "is" in absolute and ways and not complaints:  # "the threshold is higher" only tells
        return None
    value = _share(numbers[0].value, percent) if numbers else None
    if ways and (value is None or not absolute):
        amount = {} if value is None else {"amount": value}
        return Command("change_threshold", {"direction": ways.pop(), **amount})
    if value is not None and (way := _compared(tokens)):
        command = Command("change_threshold", {"direction": way, "amount": value})
        return confirmation(f'Do you mean "{in_words(command)}"?', command)
    if value is None:
        return None
    if not percent and 1 < value <= 100:
        return confirmation(f"Do you mean {value:g} percent?", Command("set_threshold", {"value": value / 100}))
    return Command("set_threshold", {"value": value})


def _share(number: float, percent: bool) -> float:
    value = round(number / 100, 6) if percent else number
    return int(value) if float(value).is_integer() else value


def _compared(tokens: list[Token]) -> str:
    """The way of a comparison behind a number: "to 0.1 higher" is no "to 0.1"; "" if there is none."""
    for place, token in enumerate(tokens):
        if isinstance(token, Number):
            behind = [word for word in tokens[place + 1 : place + 3] if word != "percent"]
            way = _COMPARED.get(behind[0], "") if behind and isinstance(behind[0], str) else ""
            if way:
                return way
    return ""


def _is_one_step(tokens: list[Token], place: int) -> bool:
    """Whether the token is the number of "one step", "one notch", which is no share."""
    return tokens[place] == Number(1) and tokens[place + 1 : place + 2] in (["step"], ["notch"])


def _whole_shares(tokens: list[Token]) -> list[Token]:
    """The tokens with "one half" as 0.5."""
    halves = [place for place, token in enumerate(tokens[:-1]) if token == Number(1) and tokens[place + 1] == "half"]
    tokens = [GAP if place - 1 in halves else token for place, token in enumerate(tokens)]
    return [Number(0.5) if place in halves or token == "half" else token for place, token in enumerate(tokens)]
