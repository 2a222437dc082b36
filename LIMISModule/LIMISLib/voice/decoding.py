"""One sound through one search of a pocketsphinx decoder: the words or phones that fit best, with their scores."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from LIMISLib.voice.fit import Word
from LIMISLib.voice.speech import Speech

if TYPE_CHECKING:
    from pocketsphinx import Decoder

PHONES = "phones"  # the name of the search for phones in any order

_PHONE_SCALE = 1024  # the all-phone search tells its scores divided by this, the others do not
_LEAST = 1e-320


def decoded(decoder: Decoder, search: str, sound: Speech, *, mean: str = "") -> list[Word]:
    """The words that fit best, none where none do; nothing of the sounds before is remembered.

    `mean` is a cepstral mean that takes the place of the sound's own.
    """
    decoder.reinit_feat()
    decoder.activate_search(search)
    if mean:
        decoder.set_cmn(mean)
    decoder.start_utt()
    decoder.process_raw(sound.tobytes(), full_utt=not mean)
    decoder.end_utt()
    if not decoder.hyp():
        return []
    scale = _PHONE_SCALE if search == PHONES else 1
    return [
        Word(one.word, one.start_frame, one.end_frame, scale * math.log(max(one.ascore, _LEAST)))
        for one in decoder.seg()
    ]
