"""A speech model of the transformers library (Whisper, wav2vec 2.0, ...) in a folder of this machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from LIMISLib.commands import Question
from LIMISLib.voice.recognizer import Heard, RecognizerMissing
from LIMISLib.voice.speech import RATE_HZ, Speech


class TransformersRecognizer:
    """Free text by the model in `folder`; nothing is downloaded.

    Raises:
        RecognizerMissing: transformers is not installed, or the folder holds no speech model that it knows.
    """

    name = "transformers"

    def __init__(self, folder: Path) -> None:
        try:
            import transformers
        except ImportError:
            raise RecognizerMissing(
                "This recogniser needs torch and transformers; install them: pip install torch transformers"
            ) from None
        library: Any = transformers
        try:
            self._pipeline: Any = library.pipeline(
                "automatic-speech-recognition",
                model=str(folder),
                tokenizer=library.AutoTokenizer.from_pretrained(folder, local_files_only=True),
                feature_extractor=library.AutoFeatureExtractor.from_pretrained(folder, local_files_only=True),
                device="cpu",
                local_files_only=True,
            )
        except (OSError, ValueError, KeyError, TypeError, ImportError) as error:
            raise RecognizerMissing(
                f"{folder.name} holds no speech model that transformers can read; a folder with config.json, weights, "
                f"tokenizer and preprocessor was expected."
            ) from error

    def recognize(self, speech: Speech, *, pending: Question | None = None) -> Heard:  # noqa: ARG002 - it hears free text
        """The text that the model heard, without punctuation."""
        sound = {"raw": speech.astype(np.float32) / 32768, "sampling_rate": RATE_HZ}
        return without_punctuation(str(self._pipeline(sound)["text"]))


def without_punctuation(text: str) -> Heard:
    """The text as it was heard, without what does not sound; no command where nothing is left.

    >>> without_punctuation(" Segment the liver. ").text, without_punctuation("...").reason
    ('Segment the liver', 'No words were heard.')
    """
    words = re.sub(r"[^\w\s.%'-]|\.(?!\d)", " ", text).split()
    return (
        Heard(" ".join(words))
        if any(re.search(r"\w", word) for word in words)
        else Heard("", 0.0, "No words were heard.")
    )
