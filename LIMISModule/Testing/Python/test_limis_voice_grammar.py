"""The grammar of speech: all that can be heard is understood, all structures and intents can be said."""

from __future__ import annotations

import itertools
import json
import random
import re
from pathlib import Path

import pytest
from AnatomyGuidedLib.labels import structures
from LIMISLib.commands import INTENTS, Command, Question, Rejection
from LIMISLib.language import parse
from LIMISLib.structures import everyday_name
from LIMISLib.voice.automaton import automaton
from LIMISLib.voice.grammar import intents, jsgf, words
from LIMISLib.voice.pronunciations import pronunciations
from LIMISLib.voice.spoken_numbers import ordinal, spelled

_DATA = Path(__file__).parents[1] / "data"
_SMALL = """#JSGF V1.0;
grammar small;
<side> = left | right;
<thing> = /3/ box | <side> kidney;
public <sentence> = [please] (move the <thing> | stop) [now];"""


class _Drawn:
    """Sentences drawn from a grammar's text, by a reader of its own."""

    def __init__(self, text: str, rng: random.Random) -> None:
        self.rules = dict(re.findall(r"^(?:public )?<(\w+)> = (.*);$", text, re.MULTILINE))
        self.rng = rng

    def sentence(self, rule: str = "sentence") -> str:
        return " ".join(self._one_of(self.rules[rule]))

    def _one_of(self, text: str) -> list[str]:
        return self._all(self.rng.choice(self._split(text)))

    def _split(self, text: str) -> list[str]:
        parts, depth = [""], 0
        for character in text:
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(character, 0)
            if character == "|" and not depth:
                parts.append("")
            else:
                parts[-1] += character
        return parts

    def _all(self, text: str) -> list[str]:
        said, text = [], re.sub(r"/[\d.]+/", " ", text).strip()
        while text:
            if text[0] in "([":
                end = self._closing(text)
                if text[0] == "(" or self.rng.random() < 0.5:
                    said += self._one_of(text[1:end])
                text = text[end + 1 :].strip()
                continue
            word, _, text = text.partition(" ") if " " in text else (text, "", "")
            said += self._one_of(self.rules[word.strip("<>")]) if word.startswith("<") else [word]
            text = text.strip()
        return said

    def _closing(self, text: str) -> int:
        depth = 0
        for place, character in enumerate(text):
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(character, 0)
            if not depth:
                return place
        raise AssertionError(text)


def test_every_intent_of_the_language_can_be_spoken():
    assert set(intents()) == set(INTENTS) - {"answer"}


@pytest.mark.parametrize("intent", intents())
def test_random_sentences_of_the_grammar_are_commands_of_their_intent(intent):
    drawn = _Drawn(jsgf([intent]), random.Random(7))
    for sentence in {drawn.sentence() for _ in range(150)}:
        meaning = parse(sentence)
        outcomes = [meaning]
        while any(isinstance(one, Question) for one in outcomes):
            outcomes = [after for one in outcomes for after in (one.outcomes if isinstance(one, Question) else [one])]
        assert outcomes, sentence
        assert all(isinstance(one, Command) and one.intent == intent for one in outcomes), (sentence, meaning)


def test_the_automaton_accepts_what_the_grammar_allows_and_nothing_else():
    small = automaton(_SMALL)
    vocabulary = sorted(words(_SMALL))
    middles = ["move the box", "move the left kidney", "move the right kidney", "stop"]
    allowed = {" ".join(filter(None, parts)) for parts in itertools.product(("", "please"), middles, ("", "now"))}
    assert all(small.accepts(sentence) for sentence in allowed)
    for length in range(1, 5):
        for said in itertools.product(vocabulary, repeat=length):
            assert small.accepts(" ".join(said)) == (" ".join(said) in allowed)


def test_the_automaton_of_all_commands_accepts_random_sentences_and_its_own_are_commands():
    grammar = jsgf()
    whole, drawn, rng = automaton(grammar), _Drawn(grammar, random.Random(3)), random.Random(4)
    assert all(whole.accepts(drawn.sentence()) for _ in range(300))
    assert all(isinstance(parse(whole.random_sentence(rng)), Command | Question) for _ in range(300))


def test_likelihoods_of_the_automaton_add_up_to_one_and_follow_the_weights():
    small = automaton(_SMALL)
    for arcs, end in zip(small.arcs, small.ending, strict=True):
        assert sum(likelihood for _, likelihood in arcs.values()) + end == pytest.approx(1)
    start = {word: likelihood for word, (_, likelihood) in small.arcs[0].items()}
    assert start == pytest.approx({"please": 0.5, "move": 0.25, "stop": 0.25})
    behind_the = next(arcs for arcs in small.arcs if "box" in arcs)
    shares = {word: likelihood for word, (_, likelihood) in behind_the.items()}
    assert shares == pytest.approx({"box": 3 / 4, "left": 1 / 8, "right": 1 / 8})


def test_all_142_structures_can_be_said():
    whole = automaton(jsgf(["segment"]))
    assert len(structures()) == 142
    for label in structures():
        name = everyday_name(label).partition(" (")[0]
        rib = re.fullmatch(r"(left|right) rib (\d+)", name)
        vertebra = re.fullmatch(r"vertebra ([CTL])(\d+)", name)
        if rib:
            name = f"{rib[1]} {ordinal(int(rib[2]))} rib"
        elif vertebra:
            name = f"vertebra {vertebra[1].lower()} {spelled(int(vertebra[2]))}"
        sentence = f"segment the {name.lower()}"
        assert whole.accepts(sentence), sentence
        assert parse(sentence) == Command("segment", {"structure": label.name}), sentence


def test_every_word_of_the_grammar_has_a_pronunciation():
    pocketsphinx = pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")
    from pathlib import Path

    needed = {*words(jsgf()), "yes", "no", "correct", "first", "second", "third", "one"}
    known = pronunciations(needed, Path(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict")))
    assert needed - set(known) == set()


def test_our_pronunciations_use_the_phones_of_the_model():
    pocketsphinx = pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")
    from pathlib import Path

    from LIMISLib.voice.pronunciations import british, own_pronunciations

    dictionary = Path(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict")).read_text(encoding="utf-8")
    phones = {phone for line in dictionary.splitlines() for phone in line.split()[1:]}
    own = [way for ways in own_pronunciations().values() for way in ways]
    assert {phone for way in own for phone in (*way.split(), *british(way).split())} <= phones


def test_the_fresh_sentences_are_the_commands_they_say():
    for line in (_DATA / "voice_fresh_commands.jsonl").read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        pending = parse(one["pending"]) if "pending" in one else None
        assert parse(one["say"], pending) == Command(**one["expect"]), one["say"]


def test_the_fresh_sentences_about_something_else_are_no_commands():
    for sentence in (_DATA / "voice_fresh_unrelated.txt").read_text(encoding="utf-8").splitlines():
        assert isinstance(parse(sentence), Rejection), sentence
