"""Left is the patient's left, however the image is stored: the bundled segmenter's network through a session."""

from __future__ import annotations

import numpy as np
import pytest
from AnatomyGuidedLib.grid import Labelmap, Volume
from LIMISLib.session import Session
from made_images import abdomen, reoriented

pytest.importorskip("torch", reason="torch is not installed")

from LIMISLib.segmenters.scribbleprompt import scribbleprompt


@pytest.mark.parametrize(
    ("order", "flips"),
    [((0, 1, 2), (True, False, False)), ((2, 0, 1), (True, False, True)), ((1, 2, 0), (False, True, True))],
)
def test_scribbleprompts_mask_lies_on_the_same_side_of_the_patient(order, flips):
    image, labels = abdomen()
    stored = Volume(*reoriented(image.values, image.grid, order, flips), "HU")
    known = Labelmap(*reoriented(labels.values, labels.grid, order, flips))
    segmenter = scribbleprompt()
    one, other = Session(image, labels, segmenter=segmenter), Session(stored, known, segmenter=segmenter)
    for sentence in ("segment the right kidney", "move the box 4 mm to the patient's right"):
        assert one.say(sentence).done
        assert other.say(sentence).done
    mask = one.result().values
    assert mask.any()
    assert np.array_equal(reoriented(mask, image.grid, order, flips)[0], other.result().values)
