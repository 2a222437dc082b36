"""A learned voice in a file, so that it need not be learned again."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from AnatomyGuidedLib.errors import AnatomyGuidedError

from LIMISLib.voice.acoustic_model import AcousticModel
from LIMISLib.voice.adaptation import Voice

SUFFIX = ".npz"
_MOST_BYTES = 8 * 2**20  # unpacked; a voice has less than one
_FORMAT = "limis-voice 1"
_MAKE = "make one with: anatomyguided limis enrol"


class BadVoice(AnatomyGuidedError):
    """A file is no learned voice, or one of another acoustic model."""


def write_voice(voice: Voice, path: Path) -> None:
    """Nothing; the file holds the voice, without any sound or word."""
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            format=np.array(_FORMAT),
            model=np.array(voice.model),
            sentences=np.array(voice.sentences),
            counts=voice.counts.astype(np.float32),
            sums=voice.sums.astype(np.float32),
        )


def read_voice(path: Path, model: AcousticModel) -> Voice:
    """The voice in a file.

    Raises:
        BadVoice: It does not exist, is no such file, is damaged, or belongs to another acoustic model.
    """
    if not path.is_file():
        raise BadVoice(f"There is no file {path.name}, but a learned voice was expected; {_MAKE}.")
    try:
        with zipfile.ZipFile(path) as packed:
            if sum(part.file_size for part in packed.infolist()) > _MOST_BYTES:
                raise BadVoice(f"{path.name} is far larger than a learned voice; {_MAKE}.")
        with np.load(path, allow_pickle=False) as stored:
            kind, counts, sums = str(stored["format"]), stored["counts"].astype(float), stored["sums"].astype(float)
            voice = Voice(str(stored["model"]), int(stored["sentences"]), counts, sums)
    except BadVoice:
        raise
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise BadVoice(f"{path.name} cannot be read as a learned voice; {_MAKE}.") from error
    if kind != _FORMAT:
        raise BadVoice(f"{path.name} is no learned voice that this version knows; {_MAKE}.")
    if voice.model != model.sha256 or sums.shape != model.means.shape or counts.shape != sums.shape[:-1]:
        raise BadVoice(f"{path.name} was learned with another acoustic model; {_MAKE}.")
    if not (np.isfinite(sums).all() and np.isfinite(counts).all() and (counts >= 0).all()):
        raise BadVoice(f"{path.name} is damaged: some of its numbers are none; {_MAKE}.")
    return voice
