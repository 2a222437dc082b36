"""The default recogniser: pocketsphinx with a language model of spoken commands, offline, its model in its wheel.

The words that fit best, and then those that fit nearly as well, are read by the parser until it understands: a command
must be one as a whole, so that other talk, which comes out as other words, is none. Phones in any order are heard
beside it: where they fit the sound much better than the words, the words were not said. The acoustic model bends to
the voice of the speaker, from a file or as sentences turn out to have been understood.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from LIMISLib.commands import Question, Rejection
from LIMISLib.language.parsing import parse_heard
from LIMISLib.voice.acoustic_model import AcousticModel, write_means
from LIMISLib.voice.adaptation import Voice
from LIMISLib.voice.alignment import align
from LIMISLib.voice.decoding import PHONES, decoded
from LIMISLib.voice.fit import SILENT, Fit, Word, fit_of
from LIMISLib.voice.language_model import plain_words
from LIMISLib.voice.model_files import NAME, write_model
from LIMISLib.voice.negation import corrects, denies, holds_doubt, is_other_command, is_refusal, refuses_clearly
from LIMISLib.voice.read_back import spoken_answers
from LIMISLib.voice.recognizer import SURE, Heard, RecognizerMissing
from LIMISLib.voice.speech import Speech, dithered, loudness, trimmed
from LIMISLib.voice.voice_file import read_voice, write_voice

if TYPE_CHECKING:
    from pocketsphinx import Decoder

_SHORTEST_FRAMES = 20
_FAINTEST = 0.002  # of full scale
_MOST_READINGS = 20
_MODEL_MEAN = (41.00, -5.29, -0.12, 5.09, 2.48, -4.07, -1.37, -1.78, -5.08, -2.05, -6.45, -1.42, 1.17)
_MODEL_FRAMES = 200  # how many frames the model's mean counts for
# Of 378 made commands that were understood none has more than the first doubt, a quarter more than the second.
_WORST, _WORST_SURE = 5.5, 3.0
_OF_RANK = 0.15  # a better fitting wording that was no command counts as so much doubt
_NEARLY = 10.0  # nats by which a refusal must fit better than another command to forbid it
_SCORE_SCALE, _LEAST = 1024, 1e-320  # other wordings' scores are told divided by this, as an exponential
_WORST_LEARNED = 2.5  # sentences that were said have up to 1.8, others in their place nearly always more
_BENDS_AT = frozenset((5, 10, 20, 40, 80, 160))  # sentences of a voice

_NO_FIT, _NOTHING = Fit(), Rejection("")


@dataclass(frozen=True)
class Evidence:
    """What was heard as a command (nothing: `reason` says why), and how well the words that fit best fit the sound.

    `rank`: how many wordings fitted better, but were no command; `is_refusal`: one that says what not to do was said;
    `maybe_refusal`: it may have been, though the text fits better.
    """

    text: str = ""
    fit: Fit = _NO_FIT
    rank: int = 0
    reason: str = ""
    is_refusal: bool = False
    maybe_refusal: bool = False

    @property
    def doubt(self) -> float:
        """How badly the words fit, with more for each wording that fitted better."""
        return self.fit.doubt + _OF_RANK * self.rank

    def judged(self) -> Heard:
        """The text where it fits the sound, else why not."""
        if not self.text:
            return Heard("", 0.0, self.reason)
        if self.doubt > _WORST:
            return Heard("", 0.0, "That did not sound like a command.")
        confidence = min(1.0, max(0.0, 1 - self.doubt * (1 - SURE) / _WORST_SURE))
        confidence *= SURE if self.rank > 0 or self.maybe_refusal else 1.0
        return Heard(self.text, confidence, maybe_refused=self.maybe_refusal)


class Sphinx:
    """pocketsphinx; a sentence is heard as if it were the first one, but for what was learned of the `voice`.

    Raises:
        RecognizerMissing: pocketsphinx is not installed.
    """

    name = "pocketsphinx"

    def __init__(self, voice: Path | None = None) -> None:
        try:
            from pocketsphinx import get_model_path
        except ImportError:
            raise RecognizerMissing(
                "Speech needs the package pocketsphinx; install it: pip install pocketsphinx"
            ) from None
        self._model = AcousticModel.read(Path(get_model_path("en-us/en-us")))
        self.voice = read_voice(voice, self._model) if voice else Voice.unknown(self._model)
        self._listen()

    def learn(self, speech: Speech, text: str) -> bool:
        """Whether the text fits the sound; if so its voice is known better. Sound and text are not kept.

        Where temporary files cannot be written nothing is learned: what was said is done all the same.
        """
        try:
            heard = align(dithered(trimmed(speech)), text) if len(speech) else None
            if heard is None or heard.doubt > _WORST_LEARNED:
                return False
            self.voice = self.voice.learned(heard, self._model)
            if self.voice.sentences in _BENDS_AT:
                self._listen()
        except OSError:
            return False
        return True

    def save_voice(self, path: Path) -> None:
        """Nothing; what is known of the voice is in the file."""
        write_voice(self.voice, path)

    def recognize(self, speech: Speech, *, pending: Question | None = None) -> Heard:
        """The command, or the answer to the pending question, that was said."""
        return self.evidence(speech, pending=pending).judged()

    def evidence(self, speech: Speech, *, pending: Question | None = None) -> Evidence:
        """What was heard, before it is judged."""
        if loudness(speech) < _FAINTEST:
            return Evidence(reason="Nothing was heard; speak louder or nearer to the microphone.")
        sound = dithered(trimmed(speech))
        phones = decoded(self._decoder, PHONES, sound)
        frames, mean = self._decoder.n_frames(), self._decoder.get_cmn()
        if frames < _SHORTEST_FRAMES:
            return Evidence(reason="That was too short to be a command.")
        found = self._read(NAME, sound, phones, pending)
        if found.rank > 0 or found.is_refusal or found.doubt > _WORST_SURE:
            again = self._read(NAME, sound, phones, pending, mean=_near_model(mean, frames))
            found = min(found, again, key=_how_unsafe)
        if pending is None:
            return found
        return min(self._read(self._search(pending), sound, phones, pending), found, key=lambda one: one.doubt)

    def _read(
        self, search: str, sound: Speech, phones: list[Word], pending: Question | None, *, mean: str = ""
    ) -> Evidence:
        """The first wording that the parser understands, unless one that fits better says what not to do.

        With the sound's own cepstral mean, or the given one.
        """
        words = decoded(self._decoder, search, sound, mean=mean)
        scores = self._other_texts() if words else {}
        best = max(scores.values(), default=0.0)
        scores = {_text(one.word for one in words): best, **scores} if words else {}
        texts = list(scores)
        unclear = ""  # why not, if one that fits better may say what not to do
        for rank, text in enumerate(texts):
            meaning = parse_heard(text, pending) if text else _NOTHING
            if not isinstance(meaning, Rejection):
                near = holds_doubt(text, meaning) or any(is_refusal(other, pending) for other in texts[rank + 1 :])
                return Evidence(text, fit_of(words, phones), rank, maybe_refusal=near or bool(unclear))
            if denies(text):
                instead = next(filter(corrects, texts[rank + 1 :]), "")
                if instead:
                    return Evidence(instead, fit_of(words, phones), rank, maybe_refusal=True)
                rivals = [other for other in texts[rank + 1 :] if scores[text] - scores[other] < _NEARLY]
                if refuses_clearly(text) and not any(is_other_command(other, text) for other in rivals):
                    return Evidence(fit=fit_of(words, phones), reason=meaning.reason, is_refusal=True)
                unclear = meaning.reason
        if unclear:
            return Evidence(reason=unclear)
        heard = f'"{texts[0]}" was heard, which is no command.' if texts and texts[0] else "No words were heard."
        return Evidence(reason=heard)

    def _listen(self) -> None:
        """Nothing; a decoder with the means of the voice listens."""
        from pocketsphinx import Config, Decoder, get_model_path

        with tempfile.TemporaryDirectory() as folder:
            files = write_model(Path(folder), Path(get_model_path("en-us/cmudict-en-us.dict")))
            means = Path(folder) / "means"
            write_means(self.voice.means(self._model), means)
            self._decoder: Decoder = Decoder(
                Config(
                    hmm=get_model_path("en-us/en-us"),
                    mean=means.as_posix(),
                    dict=files.dictionary.as_posix(),
                    lmctl=files.control.as_posix(),
                    lmname=NAME,
                    lm=None,
                    loglevel="FATAL",
                )
            )
        self._decoder.add_allphone_file(PHONES, None)
        self._known = files.words
        self._answers: dict[tuple[str, ...], str] = {}

    def _search(self, pending: Question) -> str:
        """The name of the search for the answers to this question, which is made once."""
        said = spoken_answers(pending)
        if said not in self._answers:
            known = [one for one in said if all(word in self._known for word in one.split())]
            name = f"answers {len(self._answers)}"
            text = f"#JSGF V1.0; grammar answers; public <answer> = {' | '.join(known)};"
            self._decoder.add_jsgf_string(name, text)
            self._answers[said] = name
        return self._answers[said]

    def _other_texts(self) -> dict[str, float]:
        """What fits nearly as well as the words that were decoded last, the best first, with log-likelihoods."""
        found = [one for one in islice(self._decoder.nbest(), _MOST_READINGS) if one is not None]
        scores: dict[str, float] = {}
        for one in found:
            scores.setdefault(_text(one.hypstr.split()), _SCORE_SCALE * math.log(max(one.score, _LEAST)))
        return scores


def _how_unsafe(found: Evidence) -> tuple[int, float]:
    """Corrections go before refusals, and both before what may be run without being asked; then what fits better."""
    return (0 if corrects(found.text) else 1 if found.is_refusal else 2), found.doubt


def _near_model(mean: str, frames: int) -> str:
    """The cepstral mean, drawn to the model's as if that were `_MODEL_FRAMES` more frames; but for its loudness."""
    own = [float(value) for value in mean.split(",")]
    mixed = [
        (frames * value + _MODEL_FRAMES * model) / (frames + _MODEL_FRAMES)
        for value, model in zip(own, _MODEL_MEAN, strict=True)
    ]
    return ",".join(f"{value:.4f}" for value in (own[0], *mixed[1:]))


def _text(words: Iterable[str]) -> str:
    return " ".join(plain_words(word) for word in words if word not in SILENT)
