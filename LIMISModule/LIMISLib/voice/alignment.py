"""Which phone is said when, in a sound whose words are known, and what the recogniser measures of it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from LIMISLib.voice.acoustic_model import Floats
from LIMISLib.voice.decoding import PHONES, decoded
from LIMISLib.voice.fit import SILENT, Word, fit_of
from LIMISLib.voice.pronunciations import dictionary_text, pronunciations
from LIMISLib.voice.speech import Speech

SILENCE = "SIL"
_CEPSTRA = 13


@dataclass(frozen=True)
class Aligned:
    """Features of shape (frames, kinds, dimensions), and the name of the phone that each frame belongs to.

    `doubt`: by how many nats a frame phones in any order fit better, with more for speech that is left over or silent.
    """

    features: Floats
    phones: npt.NDArray[np.str_]
    doubt: float


def align(speech: Speech, text: str) -> Aligned | None:
    """The features and phones of a sound in which the text is said; None where it has unknown words or does not fit.

    The decoder hears phones as if each were a word, and none but those of the text may follow each other. It hands
    its cepstra out by a file alone: a temporary one, which is gone when this returns.
    """
    from pocketsphinx import Config, Decoder, get_model_path

    words = text.split()
    known = pronunciations(words, Path(get_model_path("en-us/cmudict-en-us.dict")))
    if not words or not all(word in known for word in words):
        return None
    with tempfile.TemporaryDirectory() as folder:
        spelled = Path(folder) / "phones.dict"
        phones = {phone for ways in known.values() for way in ways for phone in way.split()}
        spelled.write_text(dictionary_text({phone: (phone,) for phone in sorted(phones)}), encoding="utf-8")
        hmm = get_model_path("en-us/en-us")
        decoder = Decoder(Config(hmm=hmm, dict=spelled.as_posix(), lm=None, mfclogdir=folder, loglevel="FATAL"))
        decoder.add_jsgf_string("text", grammar(words, known))
        decoder.add_allphone_file(PHONES, None)
        said = decoded(decoder, "text", speech)
        if not said:
            return None
        fit = fit_of(said, decoded(decoder, PHONES, speech))
        doubt = replace(fit, worst_word=0.0).doubt  # a phone is too short to be judged by itself
        measured = features(cepstra(next(Path(folder).glob("*.mfc")).read_bytes()))
    return Aligned(measured, _names(said, len(measured)), doubt)


def grammar(words: list[str], known: Mapping[str, tuple[str, ...]]) -> str:
    """The JSGF of a sentence's phones, with each of its words in any of the known ways.

    >>> grammar(["keep", "the"], {"keep": ("K IY P",), "the": ("DH AH", "DH IY")})
    '#JSGF V1.0; grammar phones; public <said> = (K IY P) (DH AH | DH IY);'
    """
    said = " ".join(f"({' | '.join(known[word])})" for word in words)
    return f"#JSGF V1.0; grammar phones; public <said> = {said};"


def cepstra(written: bytes) -> Floats:
    """The frames of a file of cepstra, shape (frames, 13)."""
    return np.frombuffer(written, ">f4", offset=4).reshape(-1, _CEPSTRA).astype(np.float64)


def features(found: Floats) -> Floats:
    """Cepstra without their mean, their changes over four frames, and the changes of those; shape (frames, 3, 13).

    Frames below zero loudness do not count for the mean, as in the decoder.

    >>> features(np.tile(np.arange(12.0)[:, None], 13))[5, :, 0]
    array([-0.5,  4. ,  0. ])
    """
    centred: Floats = found - found[found[:, 0] >= 0].mean(axis=0)

    def shifted(frames: int) -> Floats:
        return centred[np.clip(np.arange(len(centred)) + frames, 0, len(centred) - 1)]

    changes = shifted(2) - shifted(-2)
    second = (shifted(3) - shifted(-1)) - (shifted(1) - shifted(-3))
    stacked: Floats = np.stack([centred, changes, second], axis=1)
    return stacked


def _names(said: list[Word], frames: int) -> npt.NDArray[np.str_]:
    """The phone of each frame."""
    found = np.full(frames, SILENCE, dtype="<U5")
    for one in said:
        if one.word not in SILENT:
            found[one.start : one.end + 1] = one.word
    return found
