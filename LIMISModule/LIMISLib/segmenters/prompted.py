"""What ScribblePrompt's U-Net is shown: five channels of a crop (Wong et al., ECCV 2024)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from LIMISLib.box import Box
from LIMISLib.prompt import Click, Window
from LIMISLib.segmenters.crop import Crop, Pixels

IMAGE, BOX, POSITIVE, NEGATIVE, BEFORE = range(5)
_WITHOUT_WINDOW = (0.5, 99.5)  # percentiles of the slice, as the thesis clips CT (3.3.2.3)

_SURE = 1e-4  # probabilities of an earlier mask are kept this far from 0 and 1, so that their logits are finite


def scaled(pixels_hu: Pixels, window: Window | None) -> Pixels:
    """The slice from 0 to 1: black and white at the window's ends, or at the slice's percentiles without one.

    >>> scaled(np.array([[-200, 0, 300]], np.float32), Window(0, 400)).tolist()
    [[0.0, 0.5, 1.0]]
    """
    if window is None:
        low, high = (float(value) for value in np.percentile(pixels_hu, _WITHOUT_WINDOW))
    else:
        low, high = window.low_hu, window.high_hu
    return np.asarray(np.clip((pixels_hu - low) / max(high - low, 1e-6), 0.0, 1.0), np.float32)


def channels(image: Pixels, crop: Crop, box: Box, clicks: Sequence[Click] = (), before: Pixels | None = None) -> Pixels:
    """(5, side, side): the crop's image from 0 to 1, the box, clicks one cell each, logits of the mask before.

    Clicks outside the crop are not shown.
    """
    found = np.zeros((5, crop.side, crop.side), np.float32)
    found[IMAGE] = image
    found[BOX][crop.box_cells(box)] = 1.0
    for click in clicks:
        row, column = (int(np.floor(place)) for place in crop.cell(click.row + 0.5, click.column + 0.5))
        if 0 <= row < crop.side and 0 <= column < crop.side:
            found[POSITIVE if click.is_foreground else NEGATIVE, row, column] = 1.0
    if before is not None:
        found[BEFORE] = before
    return found


def logits_of(chances: Pixels) -> Pixels:
    """Probabilities as logits.

    >>> logits_of(np.array([0.5, 0.0], np.float32)).round(2).tolist()
    [0.0, -9.210000038146973]
    """
    kept = np.clip(chances, _SURE, 1 - _SURE)
    return np.asarray(np.log(kept / (1 - kept)), np.float32)
