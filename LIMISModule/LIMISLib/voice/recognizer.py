"""What a speech recogniser is, and the choice between those there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError

from LIMISLib.commands import Question
from LIMISLib.voice.speech import Speech

DEFAULT = "pocketsphinx"
SURE = 0.5  # at this confidence and above a command needs no asking
WAYS = "pocketsphinx, pocketsphinx:VOICE, transformers:FOLDER or vosk:FOLDER"


class RecognizerMissing(AnatomyGuidedError):
    """A recogniser's package or model is not installed."""


@dataclass(frozen=True)
class Heard:
    """What was heard. Without a `text` it was no command, and `reason` says why.

    `confidence` goes from 0 to 1; under `SURE` it is better to ask. `maybe_refused`: something not to do may have been
    said, so that it must be asked, and no voice learned from it.
    """

    text: str
    confidence: float = 1.0
    reason: str = ""
    maybe_refused: bool = False

    def to_json(self) -> dict[str, object]:
        """The form that `limis hear` prints."""
        if not self.text:
            return {"heard": "", "reason": self.reason}
        return {"heard": self.text, "confidence": round(self.confidence, 2)}


class SpeechRecognizer(Protocol):
    """Speech in, a sentence out."""

    name: str

    def recognize(self, speech: Speech, *, pending: Question | None = None) -> Heard:
        """What was said: a command, or an answer to the pending question."""
        ...


@runtime_checkable
class LearnsVoices(Protocol):
    """A recogniser that hears a speaker better the more of their sentences it knows."""

    def learn(self, speech: Speech, text: str) -> bool:
        """Whether the text fits the sound; if so the voice in which it was said is known better."""
        ...

    def save_voice(self, path: Path) -> None:
        """Nothing; what is known of the voice is in the file, for `pocketsphinx:FILE`."""
        ...


def recognizer(text: str = DEFAULT) -> SpeechRecognizer:
    """The recogniser of that name, with its folder, or for pocketsphinx the file of a learned voice, behind a colon.

    Raises:
        UsageError: There is no recogniser of that name, or its folder is missing.
        RecognizerMissing: Its package is not installed, or the folder holds no model of its kind.
        BadVoice: The file holds no learned voice.
    """
    name, _, place = text.partition(":")
    if name == DEFAULT:
        return _pocketsphinx(Path(place) if place else None)
    if name not in _MAKERS or not place:
        raise UsageError(f'"{text}" is no recogniser; the recognisers are {WAYS}.')
    if not Path(place).is_dir():
        raise UsageError(f'"{text}" names no folder; give the folder of a model on this machine.')
    return _MAKERS[name](Path(place))


def _pocketsphinx(voice: Path | None) -> SpeechRecognizer:
    from LIMISLib.voice.sphinx import Sphinx

    return Sphinx(voice)


def _transformers(folder: Path) -> SpeechRecognizer:
    from LIMISLib.voice.transformers_recognizer import TransformersRecognizer

    return TransformersRecognizer(folder)


def _vosk(folder: Path) -> SpeechRecognizer:
    from LIMISLib.voice.vosk_recognizer import VoskRecognizer

    return VoskRecognizer(folder)


_MAKERS: Mapping[str, Callable[[Path], SpeechRecognizer]] = {
    "transformers": _transformers,
    "vosk": _vosk,
}
