"""How well words fit a sound: expected values by hand."""

from __future__ import annotations

import math

import pytest
from LIMISLib.voice.fit import Fit, Word, fit_of

_PHONES = [
    Word("SIL", 0, 9, -30.0),
    *(Word("AH", start, start + 9, -40.0) for start in range(10, 60, 10)),  # 4 nats a frame
    Word("SIL", 60, 69, -30.0),
]


def test_words_that_cover_all_speech_are_as_bad_as_they_fit():
    heard = [Word("<sil>", 0, 9, -30.0), Word("undo", 10, 29, -90.0), Word("that", 30, 59, -180.0)]
    found = fit_of(heard, _PHONES)
    assert (found.left_over, found.pause) == (0, 0.0)
    assert found.worse == pytest.approx(((90 - 80) + (180 - 120)) / 50)
    assert found.worst_word == pytest.approx(60 / 30)


def test_speech_before_and_behind_the_words_is_left_over():
    found = fit_of([Word("keep(2)", 22, 51, -120.0)], _PHONES)
    assert found.left_over == (22 - 10) + (59 - 51)
    assert found.worse == pytest.approx(0.0)


def test_speech_between_words_that_is_taken_for_a_pause_counts():
    heard = [Word("keep", 10, 19, -40.0), Word("<sil>", 20, 49, -300.0), Word("it", 50, 59, -40.0)]
    found = fit_of(heard, _PHONES)
    assert found.pause == pytest.approx(30 / 50)
    assert found.worse == pytest.approx(0.0)


@pytest.mark.parametrize("worse_fit", [Fit(1.6, 2.0), Fit(1.5, 7.0), Fit(1.5, 2.0, 10), Fit(1.5, 2.0, 0, 0.1)])
def test_each_sign_of_other_talk_raises_the_doubt(worse_fit):
    assert worse_fit.doubt > Fit(1.5, 2.0).doubt


def test_no_fit_is_beyond_all_doubt():
    assert math.isinf(Fit().doubt)


def test_silence_alone_is_no_fit():
    assert fit_of([Word("<sil>", 0, 69, -300.0)], _PHONES) == Fit()
