"""The default recogniser: pocketsphinx with the grammar of the commands, offline, its model in its wheel.

A sentence is decoded twice, with the cepstral mean of the sentence alone and with one nearer to the model's own. What
comes out alike is sure. A third pass hears phones in any order: where they fit the sound much better than the words, it
was none of the sentences.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from LIMISLib.commands import Rejection
from LIMISLib.language import parse
from LIMISLib.voice.automaton import Automaton, automaton
from LIMISLib.voice.fit import SILENT, Fit, Word, fit_of
from LIMISLib.voice.grammar import jsgf, words
from LIMISLib.voice.pronunciations import dictionary_text, pronunciations
from LIMISLib.voice.recognizer import SURE, Heard, RecognizerMissing
from LIMISLib.voice.speech import Speech, dithered, loudness, trimmed
from LIMISLib.voice.spoken_numbers import alternatives

_SHORTEST_FRAMES = 20
_FAINTEST = 0.002  # of full scale
_PHONE_SCALE = 1024  # the all-phone search tells its scores divided by this, the grammar search does not
_LEAST = 1e-320
_ANSWERS = ("yes", "no")  # words of answers that no command has
_LOOSE = ("on", "at", "in", "to", "the", "by", "for", "and")
_MODEL_MEAN = (41.00, -5.29, -0.12, 5.09, 2.48, -4.07, -1.37, -1.78, -5.08, -2.05, -6.45, -1.42, 1.17)
_MODEL_FRAMES = 200  # how many frames the model's mean counts for
# From made speech in two voices: of 231 commands none that was understood has more doubt; 189 sentences of other talk
# came out as a command in 147 cases, and all but 11 have.
_WORST, _WORST_OF_TWO, _WORST_SURE = 2.8, 2.0, 1.8

_NO_FIT = Fit()


@dataclass(frozen=True)
class Evidence:
    """What was heard as a command (nothing: `reason` says why), and how well it fits the sound.

    `alike`: both passes understood the same.
    """

    text: str = ""
    fit: Fit = _NO_FIT
    alike: bool = False
    reason: str = ""

    def judged(self) -> Heard:
        """The text where it fits the sound, else why not."""
        if not self.text:
            return Heard("", 0.0, self.reason)
        if self.fit.doubt > (_WORST if self.alike else _WORST_OF_TWO):
            return Heard("", 0.0, "That did not sound like a command.")
        confidence = min(1.0, max(0.0, 1 - self.fit.doubt * (1 - SURE) / _WORST_SURE))
        return Heard(self.text, confidence if self.alike else confidence * SURE)


class Sphinx:
    """pocketsphinx; a grammar for each set of answers is made once.

    Raises:
        RecognizerMissing: pocketsphinx is not installed.
    """

    name = "pocketsphinx"

    def __init__(self) -> None:
        try:
            from pocketsphinx import Config, Decoder, get_model_path
        except ImportError:
            raise RecognizerMissing(
                "Speech needs the package pocketsphinx; install it: pip install pocketsphinx"
            ) from None
        self._grammar = automaton(jsgf())
        self._known = pronunciations({*words(jsgf()), *_ANSWERS}, Path(get_model_path("en-us/cmudict-en-us.dict")))
        with tempfile.TemporaryDirectory() as folder:
            dictionary = Path(folder) / "words.dict"
            dictionary.write_text(dictionary_text(self._known), encoding="utf-8")
            model = get_model_path("en-us/en-us")
            self._decoder = Decoder(Config(hmm=model, dict=str(dictionary), lm=None, loglevel="FATAL"))
        self._decoder.add_allphone_file("phones", None)
        self._grammars: dict[tuple[str, ...], tuple[str, Automaton]] = {}

    def recognize(self, speech: Speech, *, answers: tuple[str, ...] = ()) -> Heard:
        """The command, or one of the answers, that was said."""
        return self.evidence(speech, answers=answers).judged()

    def evidence(self, speech: Speech, *, answers: tuple[str, ...] = ()) -> Evidence:
        """What the passes heard, before it is judged."""
        if loudness(speech) < _FAINTEST:
            return Evidence(reason="Nothing was heard; speak louder or nearer to the microphone.")
        sound = dithered(trimmed(speech))
        phones = self._decoded("phones", sound)
        mean = self._decoder.get_cmn()
        if self._decoder.n_frames() < _SHORTEST_FRAMES:
            return Evidence(reason="That was too short to be a command.")
        near = _near_model(mean, self._decoder.n_frames())
        commanded = self._heard((), sound, phones, near)
        if not answers:
            return commanded
        return min(self._heard(answers, sound, phones, near), commanded, key=lambda found: found.fit.doubt)

    def _heard(self, answers: tuple[str, ...], sound: Speech, phones: list[Word], near: str) -> Evidence:
        """What both passes make of the sound, as one of the answers, or as a command if there are none."""
        search, grammar = self._search(answers)
        passes = (self._decoded(search, sound), self._decoded(search, sound, mean=near))
        texts = {_without_loose_end(_text(words), grammar): words for words in passes}
        return _weighed(texts, phones, answers)

    def _search(self, answers: tuple[str, ...]) -> tuple[str, Automaton]:
        """The search for these answers (for commands, if there are none), by name, and its grammar."""
        if answers not in self._grammars:
            name = f"commands {len(self._grammars)}"
            known = [said for said in answers if all(word in self._known for word in said.split())]
            found = automaton(f"public <answer> = {alternatives(known)};") if known else self._grammar
            fsg = self._decoder.create_fsg(name, 0, len(found.arcs), found.transitions())
            self._decoder.add_fsg(name, fsg)
            self._grammars[answers] = name, found
        return self._grammars[answers]

    def _decoded(self, search: str, sound: Speech, *, mean: str = "") -> list[Word]:
        """The words that fit best; with the sound's own cepstral mean, or the given one."""
        self._decoder.activate_search(search)
        if mean:
            self._decoder.set_cmn(mean)
        self._decoder.start_utt()
        self._decoder.process_raw(sound.tobytes(), full_utt=not mean)
        self._decoder.end_utt()
        if not self._decoder.hyp():
            return []
        scale = _PHONE_SCALE if search == "phones" else 1
        return [
            Word(one.word, one.start_frame, one.end_frame, scale * math.log(max(one.ascore, _LEAST)))
            for one in self._decoder.seg()
        ]


def _near_model(mean: str, frames: int) -> str:
    """The cepstral mean, drawn to the model's as if that were `_MODEL_FRAMES` more frames; but for its loudness."""
    own = [float(value) for value in mean.split(",")]
    mixed = [
        (frames * value + _MODEL_FRAMES * model) / (frames + _MODEL_FRAMES)
        for value, model in zip(own, _MODEL_MEAN, strict=True)
    ]
    return ",".join(f"{value:.4f}" for value in (own[0], *mixed[1:]))


def _text(words: list[Word]) -> str:
    return " ".join(one.word.partition("(")[0] for one in words if one.word not in SILENT)


def _without_loose_end(text: str, grammar: Automaton) -> str:
    """The text without a preposition or article at its end, where the grammar does not end a sentence so.

    The noise behind a sentence is sometimes taken for the beginning of what could have come next.
    """
    words = text.split()
    while words and words[-1] in _LOOSE and not grammar.accepts(" ".join(words)):
        words.pop()
    return " ".join(words)


def _understood(text: str, answers: tuple[str, ...]) -> object | None:
    """What the text means; none where it is no command and no answer."""
    if text in answers:
        return text
    meaning = parse(text)
    return None if isinstance(meaning, Rejection) else meaning


def _weighed(texts: Mapping[str, list[Word]], phones: list[Word], answers: tuple[str, ...]) -> Evidence:
    """The first text that means something, how badly it fits, and whether the other means the same."""
    meant = [(text, words, meaning) for text, words in texts.items() if (meaning := _understood(text, answers))]
    if not meant:
        return Evidence(reason="That was no command that I know.")
    text, words, meaning = meant[0]
    alike = len(meant) == len(texts) and all(other == meaning for _, _, other in meant)
    return Evidence(text, fit_of(words, phones), alike)
