"""How well the words of a command fit a sound: against phones in any order, which know no words.

Other talk that was forced into the words of a command betrays itself in four ways: all words fit worse than phones do,
one of them fits far worse, speech before or behind them is left over, or speech between them is taken for a pause.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SILENT = ("<s>", "</s>", "<sil>", "SIL", "[NOISE]", "[SPEECH]", "+NSN+", "+SPN+")  # what is no word and no phone

# What each counts beside `worse`, in nats a frame.
_WORD_LIMIT, _OF_WORD = 5.5, 0.5
_OF_LEFT_OVER = 0.04
_OF_PAUSE = 10.0


@dataclass(frozen=True)
class Word:
    """A word, or a phone, and where it lies in the sound."""

    word: str
    start: int
    end: int  # the last frame
    score: float  # log-likelihood of the sound


@dataclass(frozen=True)
class Fit:
    """How well words fit; the defaults are no fit at all.

    `worse`: by how many nats a frame phones in any order fit better, over the words; `worst_word`: the same for the
    word that fits worst; `left_over`: frames of speech before or behind all words; `pause`: the share of pauses.
    """

    worse: float = math.inf
    worst_word: float = math.inf
    left_over: int = 0
    pause: float = 0.0

    @property
    def doubt(self) -> float:
        """All in one number: how many nats a frame the words are too bad.

        >>> Fit(1.5, 4.0, 0, 0.0).doubt, Fit(1.5, 4.0, 50, 0.0).doubt
        (1.5, 3.5)
        """
        return (
            self.worse
            + _OF_WORD * max(0.0, self.worst_word - _WORD_LIMIT)
            + _OF_LEFT_OVER * self.left_over
            + _OF_PAUSE * self.pause
        )


def fit_of(words: Sequence[Word], phones: Sequence[Word]) -> Fit:
    """How well the words fit a sound that fits these phones best; no fit at all where there are none but silence.

    >>> heard = [Word("no", 2, 3, -20.0), Word("<sil>", 4, 5, -9.0)]
    >>> fit_of(heard, [Word("SIL", 0, 1, -4.0), Word("N", 2, 3, -12.0), Word("OW", 4, 5, -8.0)])
    Fit(worse=4.0, worst_word=4.0, left_over=2, pause=0.0)
    """
    said = [one for one in words if one.word not in SILENT]
    if not said:
        return Fit()
    first, last = said[0].start, said[-1].end
    frames = 1 + max(one.end for one in (*words, *phones))
    freely, speech = _scores(phones, frames), ~_silent(phones, frames)
    each = [(float(freely[one.start : one.end + 1].sum()) - one.score, one.end - one.start + 1) for one in said]
    pauses = last - first + 1 - sum(length for _, length in each)
    return Fit(
        worse=sum(worse for worse, _ in each) / sum(length for _, length in each),
        worst_word=max(worse / length for worse, length in each),
        left_over=int(speech[:first].sum() + speech[last + 1 :].sum()),
        pause=pauses / (last - first + 1),
    )


def _scores(found: Iterable[Word], frames: int) -> npt.NDArray[np.float64]:
    """The score of each frame: its phone's, shared out evenly."""
    scores = np.zeros(frames)
    for one in found:
        scores[one.start : one.end + 1] = one.score / (one.end - one.start + 1)
    return scores


def _silent(found: Iterable[Word], frames: int) -> npt.NDArray[np.bool_]:
    silent = np.ones(frames, dtype=np.bool_)
    for one in found:
        if one.word not in SILENT:
            silent[one.start : one.end + 1] = False
    return silent
