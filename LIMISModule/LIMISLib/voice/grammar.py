"""The grammar that the recogniser listens with, in JSGF, made from the same words that the text parser reads.

Its sentences stand in `data/spoken.toml`; structures and their synonyms, numbers, and the tables of `data/phrases.toml`
come from where the parser has them. It is far smaller than what the parser understands, because each further phrase
makes all the others harder to tell apart by ear.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from LIMISLib.phrases import table
from LIMISLib.voice.spoken_numbers import alternatives, number_rules
from LIMISLib.voice.spoken_structures import structure_rules

_FILE = Path(__file__).parents[1] / "data" / "spoken.toml"
_RULE_NAME = re.compile(r"<([\w.]+)>")
_LIKELIER = {"segment": 8, "shift_box": 3, "resize_box": 3}  # times as likely as the other intents


def intents() -> tuple[str, ...]:
    """The intents that can be spoken."""
    return tuple(_read()["intents"])


def jsgf(spoken_intents: Iterable[str] | None = None) -> str:
    """The grammar of these intents (of all, if none are named) as text.

    >>> print(jsgf(["redo"]).splitlines()[-1])
    public <sentence> = [<before>] (/1/ <redo>) [<after>];
    """
    chosen = tuple(spoken_intents if spoken_intents is not None else intents())
    weighted = alternatives(f"/{_LIKELIER.get(intent, 1)}/ <{intent}>" for intent in chosen)
    sentence = f"[<before>] ({weighted}) [<after>]"
    needed = _needed(sentence)
    lines = [f"<{_plain(name)}> = {_plain_references(text)};" for name, text in needed.items()]
    return "\n".join(["#JSGF V1.0;", "grammar limis;", *lines, f"public <sentence> = {sentence};"])


def words(grammar: str) -> frozenset[str]:
    """All words of a grammar's text.

    >>> sorted(words(jsgf(["repeat"])))[:5]
    ['again', 'answer', 'can', 'could', 'did']
    """
    rules = [line.partition("=")[2] for line in grammar.splitlines() if line.startswith(("<", "public"))]
    return frozenset(re.findall(r"[a-z']+", re.sub(r"<\w+>|/[\d.]+/", " ", " ".join(rules))))


@cache
def _read() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


@cache
def _rules() -> Mapping[str, str]:
    sentences = {
        intent: alternatives(_with_weight(line) for line in lines.strip().splitlines())
        for intent, lines in _read()["intents"].items()
    }
    return {**number_rules(), **structure_rules(), **_read()["words"], **sentences}


def _with_weight(line: str) -> str:
    return line if line.startswith("/") else f"/1/ {line}"


def _rule(name: str) -> str:
    """The expansion of a rule, or the phrases of a table ("window.presets"), perhaps of one meaning only."""
    if "." not in name:
        return _rules()[name]
    section, of, *meaning = name.split(".")
    return alternatives(phrase for phrase, means in table(section, of).items() if not meaning or means == meaning[0])


def _needed(text: str) -> dict[str, str]:
    """The rules that the text refers to, and those that they refer to, with the inner ones first."""
    found: dict[str, str] = {}
    for name in _RULE_NAME.findall(text):
        inner = _rule(name)
        found |= {known: rule for known, rule in _needed(inner).items() if known not in found}
        found.setdefault(name, inner)
    return found


def _plain(name: str) -> str:
    return name.replace(".", "_")


def _plain_references(text: str) -> str:
    return _RULE_NAME.sub(lambda found: f"<{_plain(found[1])}>", text)
