"""The language model of speech: its probabilities, and that all it was taught is understood."""

from __future__ import annotations

import json
import math
import random
import re
from collections import defaultdict
from itertools import chain, product
from pathlib import Path

import pytest
from AnatomyGuidedLib.labels import structures
from LIMISLib.commands import INTENTS, Command, Rejection
from LIMISLib.language.parsing import parse, parse_heard
from LIMISLib.language.structures import everyday_name
from LIMISLib.voice.language_model import LanguageModel, class_definitions
from LIMISLib.voice.model_files import write_model
from LIMISLib.voice.pronunciations import british, own_pronunciations, pronunciations, scottish
from LIMISLib.voice.refusals import REFUSING, refusals, refusing_words
from LIMISLib.voice.spoken_numbers import ordinal, spelled
from LIMISLib.voice.spoken_sentences import choices, sentences, templates, words_and_classes
from LIMISLib.voice.word_classes import word_classes

_DATA = Path(__file__).parents[1] / "data"
_SLOT, _CLASS = re.compile(r"\{(\w+)\}"), re.compile(r"\[(\w+)\]")
_SAID = {("stop",): 4.0, ("stop", "it"): 2.0, ("undo", "it"): 2.0}


@pytest.fixture(scope="module")
def general_dictionary():
    pocketsphinx = pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")
    return Path(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict"))


def test_likelihoods_are_those_worked_out_by_hand():
    model = LanguageModel(_SAID)
    # Of 8 sentences with 20 words and ends, 6 say "stop" and 8 end; a fiftieth is shared by the four.
    stop, end = 0.98 * 6 / 20 + 0.02 / 4, 0.98 * 8 / 20 + 0.02 / 4
    assert model.likelihood("stop") == pytest.approx(stop)
    # Behind the start: 3 "stop" of 4, two kinds, so 2 / (4 + 2) is left to single words.
    assert model.likelihood("stop", ("<s>",)) == pytest.approx(4 / 6 * 3 / 4 + 2 / 6 * stop)
    # Behind "stop": 2 ends and 1 "it", two kinds; behind the start and "stop" the same counts.
    after_stop = 3 / 5 * 2 / 3 + 2 / 5 * end
    assert model.likelihood("</s>", ("stop",)) == pytest.approx(after_stop)
    assert model.likelihood("</s>", ("<s>", "stop")) == pytest.approx(3 / 5 * 2 / 3 + 2 / 5 * after_stop)
    # "undo" never follows "it": its share is what "it" leaves to single words, one kind of 2.
    assert model.likelihood("undo", ("it",)) == pytest.approx(1 / 3 * (0.98 * 2 / 20 + 0.02 / 4))


@pytest.mark.parametrize("before", [(), ("<s>",), ("stop",), ("<s>", "undo"), ("stop", "it"), ("it", "stop")])
def test_what_may_follow_adds_up_to_one(before):
    model = LanguageModel(_SAID)
    assert sum(model.likelihood(word, before) for word in model.words) == pytest.approx(1)


def test_a_word_that_comes_first_is_not_expected_elsewhere_but_as_often_as_before_at_the_start():
    usual, model = LanguageModel(_SAID), LanguageModel(_SAID, only_first=("undo",))
    assert model.likelihood("undo", ("it",)) < 0.1 * usual.likelihood("undo", ("it",))
    assert model.likelihood("undo", ("<s>",)) > 0.6 * usual.likelihood("undo", ("<s>",))
    for before in ((), ("<s>",), ("it",)):
        assert sum(model.likelihood(word, before) for word in model.words) == pytest.approx(1)


def test_choices_count_as_if_every_sentence_were_written_out():
    short = LanguageModel(sentences(), choices())
    full = LanguageModel(_written_out())
    for of_short, of_full in zip(short.tables, full.tables, strict=True):
        assert of_short.keys() == of_full.keys()
        assert max(abs(of_short[gram] / likelihood - 1) for gram, likelihood in of_full.items()) < 1e-9
    assert sorted(short.arpa().splitlines()) == sorted(full.arpa().splitlines())


def test_two_choices_of_one_word_side_by_side_are_counted_by_hand():
    model = LanguageModel(
        {("{a}", "{b}", "end"): 8.0}, {"{a}": {("x",): 0.25, ("y",): 0.75}, "{b}": {("z", "z"): 0.5, ("z",): 0.5}}
    )
    # Of 8 sentences 8 * 0.25 begin with x, and z follows always; half a sentence is one (`_SCALE`): x is said once.
    single = {"x": 1, "y": 3, "z": 6, "end": 4, "</s>": 4}
    for word, count in single.items():
        assert model.likelihood(word) == pytest.approx(0.98 * count / 18 + 0.02 / 5), word
    # Behind x and z: of 1 sentence a half goes on with z, a half ends; two kinds.
    after_z = {"z": 2, "end": 4}  # twice z, four times the end, two kinds
    behind_z = 6 / 8 * after_z["z"] / 6 + 2 / 8 * model.likelihood("z")
    assert model.likelihood("z", ("x", "z")) == pytest.approx(1 / 3 * 0.5 + 2 / 3 * behind_z)


def _written_out() -> dict[tuple[str, ...], float]:
    """Every sentence of the templates: the slow way."""
    written, ways = defaultdict(float), choices()
    for said, times in sentences().items():
        for way in product(*(ways.get(word, {(word,): 1.0}).items() for word in said)):
            share = math.prod(likely for _, likely in way)
            written[tuple(word for words, _ in way for word in words)] += times * share
    return written


def test_the_arpa_file_says_what_the_model_says():
    model = LanguageModel(sentences(), choices())
    logs, back_off = _read_arpa(model.arpa())
    rng = random.Random(4)
    for said in rng.sample(sorted(_written_out()), 200):
        words = ("<s>", *said, "</s>")
        for end in range(2, len(words)):
            gram = words[max(0, end - 2) : end + 1]
            expected = math.log10(model.likelihood(gram[-1], gram[:-1]))
            assert _of_arpa(logs, back_off, gram) == pytest.approx(expected, abs=1e-3)


def test_members_of_a_class_add_up_to_one():
    for name, phrases in word_classes().items():
        assert sum(phrases.values()) == pytest.approx(1), name
    assert "gluteus_maximus:paired 0.0" in class_definitions({"paired": word_classes()["paired"]})


def test_every_intent_of_the_language_can_be_spoken():
    assert set(templates()) == set(INTENTS)


@pytest.mark.parametrize("intent", sorted(set(INTENTS) - {"answer"}))
def test_filled_templates_are_never_another_command(intent):
    rng = random.Random(f"spoken {intent}")
    for template in templates()[intent]:
        meant = parse_heard(filled := _filled(template, rng))
        assert not isinstance(meant, Command) or meant.intent == intent, filled


def test_nearly_all_filled_templates_are_understood():
    rng = random.Random(11)
    lines = [line for intent, lines in templates().items() if intent != "answer" for line in lines]
    said = [_filled(line, rng) for line in rng.sample(lines, 400)]
    misunderstood = [one for one in said if isinstance(parse_heard(one), Rejection)]
    assert len(misunderstood) < 0.05 * len(said), misunderstood[:20]


def test_refusals_are_never_the_command_that_they_forbid():
    rng = random.Random(7)
    for line in refusals(1.0):
        filled = _filled(" ".join(line).replace(f"[{REFUSING}]", rng.choice(list(refusing_words()))), rng)
        meant = parse_heard(filled)
        corrects = isinstance(meant, Command) and filled.startswith(("not ", "no not "))
        assert corrects or isinstance(meant, Rejection), filled


def test_eight_of_a_hundred_sentences_that_are_expected_refuse():
    assert sum(refusals(92.0).values()) == pytest.approx(8.0)
    assert sum(refusing_words().values()) == pytest.approx(1)


def test_slots_and_classes_of_templates_exist():
    for lines in templates().values():
        for line in lines:
            for slot in _SLOT.findall(line):
                for way in words_and_classes(slot):
                    assert set(_CLASS.findall(way)) <= set(word_classes()), (line, slot)


def test_all_142_structures_can_be_said():
    allowed = {words for words in _written_out() if words[:2] == ("segment", "the")}
    assert len(structures()) == 142
    for label in structures():
        said = _spoken(everyday_name(label).partition(" (")[0])
        assert parse_heard(f"segment the {said}") == Command("segment", {"structure": label.name}), said
        assert any(_fits(words[2:], said) for words in allowed), said


def test_every_word_has_a_pronunciation(general_dictionary, tmp_path):
    every = chain(_written_out(), refusals(1.0))
    plain = {word for said in every for word in said if not word.startswith(("[", "{"))}
    parts = {
        part
        for phrases in (*word_classes().values(), refusing_words())
        for phrase in phrases
        for part in phrase.split()
    }
    assert plain | parts == set(pronunciations(plain | parts, general_dictionary))
    assert {"yes", "no", "first", "last", "option"} <= write_model(tmp_path, general_dictionary).words


def test_our_pronunciations_use_the_phones_of_the_model(general_dictionary):
    phones = {phone for line in general_dictionary.read_text().splitlines() for phone in line.split()[1:]}
    own = [way for ways in own_pronunciations().values() for way in ways]
    assert {phone for way in own for phone in f"{way} {british(way)} {scottish(way)}".split()} <= phones


@pytest.mark.parametrize(("part", "least"), [("fresh", 0.95), ("free", 0.97)])
def test_others_sentences_are_mostly_the_commands_they_say_and_never_others(part, least):
    meanings = [
        (Command(**one["expect"]), parse(one["say"], parse(one["pending"]) if "pending" in one else None))
        for one in map(json.loads, (_DATA / f"voice_{part}_commands.jsonl").read_text(encoding="utf-8").splitlines())
    ]
    wrong = [meant for wanted, meant in meanings if isinstance(meant, Command) and meant != wanted]
    assert not wrong
    assert sum(wanted == meant for wanted, meant in meanings) >= least * len(meanings)


@pytest.mark.parametrize("part", ["fresh", "seen", "free"])
def test_sentences_about_something_else_are_no_commands(part):
    for sentence in (_DATA / f"voice_{part}_unrelated.txt").read_text(encoding="utf-8").splitlines():
        assert not isinstance(parse(sentence), Command), sentence


def _filled(template: str, rng: random.Random) -> str:
    def one_way(slot: re.Match[str]) -> str:
        ways = words_and_classes(slot[1])
        return rng.choices(list(ways), list(ways.values()))[0]

    return _CLASS.sub(lambda found: rng.choice(list(word_classes()[found[1]])), _SLOT.sub(one_way, template))


def _spoken(name: str) -> str:
    if rib := re.fullmatch(r"(left|right) rib (\d+)", name):
        return f"{rib[1]} {ordinal(int(rib[2]))} rib"
    if vertebra := re.fullmatch(r"vertebra ([CTL])(\d+)", name):
        return f"vertebra {vertebra[1].lower()} {spelled(int(vertebra[2]))}"
    return name.lower()


def _fits(words: tuple[str, ...], said: str) -> bool:
    """Whether the words and classes can be said so."""
    if not words or not said:
        return not words and not said
    phrases = word_classes()[words[0].strip("[]")] if words[0].startswith("[") else (words[0],)
    return any(
        _fits(words[1:], said.removeprefix(phrase).strip())
        for phrase in phrases
        if said == phrase or said.startswith(f"{phrase} ")
    )


def _read_arpa(text: str) -> tuple[dict[tuple[str, ...], float], dict[tuple[str, ...], float]]:
    logs, back_off, length = {}, {}, 0
    for line in text.splitlines():
        if line.endswith("-grams:"):
            length = int(line[1])
        elif length and line and line != "\\end\\":
            parts = line.split()
            gram = tuple(parts[1 : 1 + length])
            logs[gram] = float(parts[0])
            back_off[gram] = float(parts[1 + length]) if len(parts) > 1 + length else 0.0
    return logs, back_off


def _of_arpa(logs: dict, back_off: dict, gram: tuple[str, ...]) -> float:
    if gram in logs:
        return logs[gram]
    return back_off.get(gram[:-1], 0.0) + _of_arpa(logs, back_off, gram[1:])
