"""A vosk model in a folder of this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from LIMISLib.commands import Question
from LIMISLib.voice.recognizer import Heard, RecognizerMissing
from LIMISLib.voice.speech import RATE_HZ, Speech
from LIMISLib.voice.transformers_recognizer import without_punctuation


class VoskRecognizer:
    """Free text by the model in `folder`; nothing is downloaded.

    Raises:
        RecognizerMissing: vosk is not installed, or the folder holds no model of it.
    """

    name = "vosk"

    def __init__(self, folder: Path) -> None:
        try:
            import vosk
        except ImportError:
            raise RecognizerMissing("This recogniser needs the package vosk; install it: pip install vosk") from None
        vosk.SetLogLevel(-1)
        self._vosk: Any = vosk
        try:
            self._model: Any = vosk.Model(str(folder))
        except Exception as error:  # vosk raises it bare
            raise RecognizerMissing(f"{folder.name} holds no model that vosk can read.") from error

    def recognize(self, speech: Speech, *, pending: Question | None = None) -> Heard:  # noqa: ARG002 - it hears free text
        """The text that the model heard."""
        decoder = self._vosk.KaldiRecognizer(self._model, RATE_HZ)
        decoder.AcceptWaveform(speech.tobytes())
        return without_punctuation(str(json.loads(decoder.FinalResult()).get("text", "")))
