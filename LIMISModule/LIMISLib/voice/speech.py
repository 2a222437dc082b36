"""Sound as all recognisers take it: one channel of 16-bit samples, 16,000 a second; read from WAV files of any kind."""

from __future__ import annotations

import math
import struct
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import AnatomyGuidedError

Speech = npt.NDArray[np.int16]

RATE_HZ = 16_000
LONGEST_S = 30.0

_FULL_SCALE = 32768.0
_RATES_HZ = range(4_000, 768_001)
_DITHER = 6.0  # of 32768; digital silence has no cepstrum, and recognisers fail on it
_DITHER_SHARE = 10 ** (-36 / 20)  # of the speech: 36 dB below it, where made speech was understood best
_SEED = 20
_ABOVE_NOISE = 3.0  # times the noise
_BEFORE, _BEHIND = (
    20,
    3,
)  # hundredths of a second; with more noise behind it, a British "forty" is heard as "forty eight"
_DIGITAL_SILENCE = 2  # of 32768: nothing, perhaps dithered
_LOUDEST_NOISE = 0.1  # of the speech; what is louder is speech without a pause

WANTED = "A WAV file of one sentence was expected, for example from a phone's recorder, saved as WAV."


class BadSound(AnatomyGuidedError):
    """A sound file is damaged, empty, too long, or no WAV file."""


def read_wav(path: Path) -> Speech:
    """The file's sound: 8, 16, 24 or 32 bits or floating point, any rate, its channels averaged.

    Raises:
        BadSound: It does not exist, is no WAV file, is cut off, empty or longer than `LONGEST_S`.
    """
    from scipy.io import wavfile

    if not path.is_file():
        what = "is a folder or no ordinary file" if path.exists() else "does not exist"
        raise BadSound(f"{path.name} {what}, but a WAV file was expected; check the path.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)  # chunks it does not know: dates, names
            rate_hz, samples = wavfile.read(path)
    except (
        struct.error,
        ValueError,
        EOFError,
        OSError,
        TypeError,
        ZeroDivisionError,
        OverflowError,
        MemoryError,
    ) as error:
        raise BadSound(f"{path.name} cannot be read as a WAV file. {WANTED}") from error
    return from_samples(samples, rate_hz, name=path.name)


def from_samples(samples: npt.NDArray[np.generic], rate_hz: int, *, name: str = "the recording") -> Speech:
    """Samples of any width, shape (n,) or (n, channels), as speech.

    >>> from_samples(np.zeros((44100, 2), dtype=np.int16), 44100).shape
    (16000,)

    Raises:
        BadSound: There are none, they are too many, their rate is no sound's, or some are not finite.
    """
    if samples.size == 0:
        raise BadSound(f"There is no sound in {name}. {WANTED}")
    if rate_hz not in _RATES_HZ:
        raise BadSound(f"{name} says it has {rate_hz} samples a second, which no recorder makes. {WANTED}")
    seconds = len(samples) / rate_hz
    if seconds > LONGEST_S:
        raise BadSound(f"{name} is {seconds:.0f} s long; a sentence of at most {LONGEST_S:.0f} s was expected.")
    wave = _as_shares(samples)
    if not np.isfinite(wave).all():
        raise BadSound(f"{name} is damaged: some of its samples are no numbers. {WANTED}")
    wave = wave if wave.ndim == 1 else wave.mean(axis=1)
    if rate_hz != RATE_HZ:
        from scipy.signal import resample_poly  # takes most of a second to import

        shared = math.gcd(rate_hz, RATE_HZ)
        wave = resample_poly(wave, RATE_HZ // shared, rate_hz // shared)
    scaled: Speech = np.clip(np.round(wave * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)
    return scaled


def dithered(speech: Speech) -> Speech:
    """The speech with a faint noise, always the same, over it; louder for louder speech.

    >>> np.abs(dithered(np.zeros(16000, dtype=np.int16))).mean() > 1
    np.True_
    """
    level = max(_DITHER, loudness(speech) * _FULL_SCALE * _DITHER_SHARE)
    noise = np.random.default_rng(_SEED).normal(0, level, len(speech))
    return np.clip(speech + np.round(noise), -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)


def loudness(speech: Speech) -> float:
    """Root mean square of the loudest tenth of a second, as a share of full scale.

    >>> loudness(np.zeros(16000, dtype=np.int16)), loudness(np.full(4000, 16384, dtype=np.int16))
    (0.0, 0.5)
    """
    size = min(len(speech), RATE_HZ // 10)
    if not size:
        return 0.0
    frames = speech[: len(speech) // size * size].reshape(-1, size).astype(np.float64) / _FULL_SCALE
    return float(np.sqrt((frames**2).mean(axis=1).max()))


def _as_shares(samples: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    """Samples from -1 to 1; 8-bit ones have their zero at 128, 24-bit ones come as the upper part of 32."""
    if samples.dtype == np.uint8:
        return (samples.astype(np.float64) - 128) / 128
    if np.issubdtype(samples.dtype, np.integer):
        return samples.astype(np.float64) / 2.0 ** (8 * samples.dtype.itemsize - 1)
    return samples.astype(np.float64)


def trimmed(speech: Speech) -> Speech:
    """The speech from a fifth of a second before its first loud moment to three hundredths after its last one.

    Steady noise sounds like a consonant, and a long stretch of it before or after a sentence like further words.
    Digital silence around the recording changes nothing; where too little is left around the speech, noise as loud as
    the recording's own goes on.

    >>> sound = np.random.default_rng(1).normal(0, 900, 16000).astype(np.int16)
    >>> np.array_equal(trimmed(np.pad(sound, 5000)), trimmed(sound))
    True
    """
    speech = _without_digital_silence(speech)
    size = RATE_HZ // 100
    frames = speech[: len(speech) // size * size].reshape(-1, size).astype(np.float64)
    if not len(frames):
        return speech
    loud = np.sqrt(np.convolve((frames**2).mean(axis=1), np.ones(3) / 3, "same"))
    noise, loudest = float(np.percentile(loud, 10)), float(loud.max())
    spoken = np.flatnonzero(loud > max(noise * _ABOVE_NOISE, loudest / 100))
    if not len(spoken):
        return speech
    first, last = int(spoken[0]) - _BEFORE, int(spoken[-1]) + 1 + _BEHIND
    level = min(noise, loudest * _LOUDEST_NOISE)
    lacking = max(0, -first) * size, max(0, last * size - len(speech))
    return _with_noise(speech[max(0, first) * size : last * size], lacking, level)


def _without_digital_silence(speech: Speech) -> Speech:
    """The speech without the samples at both ends that are zero or nearly so; all of it where there are no others."""
    sounding = np.flatnonzero(np.abs(speech.astype(np.int32)) > _DIGITAL_SILENCE)
    return speech[sounding[0] : sounding[-1] + 1] if len(sounding) else speech


def _with_noise(speech: Speech, samples: tuple[int, int], level: float) -> Speech:
    """The speech with that many samples of noise before and behind it."""
    before, behind = (np.random.default_rng(_SEED + 1).normal(0, level, count) for count in samples)
    return np.concatenate([before.astype(np.int16), speech, behind.astype(np.int16)])
