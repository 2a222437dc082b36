"""The colours of scores and masks, which colour-blind people tell apart as well (Okabe and Ito 2008)."""

from __future__ import annotations

import numpy as np

Color = tuple[int, int, int]

REFERENCE: Color = (86, 180, 233)
PREDICTION: Color = (230, 159, 0)
UNDEFINED: Color = (150, 150, 150)

_SCALE = ((213, 94, 0), (240, 228, 66), (0, 158, 115))  # 0 vermilion, 0.5 yellow, 1 bluish green


def score_color(score: float | None) -> Color:
    """From red over yellow to green for a score from 0 to 1; grey without one.

    >>> score_color(0.0), score_color(0.5), score_color(1.0), score_color(None)
    ((213, 94, 0), (240, 228, 66), (0, 158, 115), (150, 150, 150))
    """
    if score is None:
        return UNDEFINED
    places = np.linspace(0.0, 1.0, len(_SCALE))
    red, green, blue = (round(float(np.interp(score, places, channel))) for channel in zip(*_SCALE, strict=True))
    return red, green, blue


def as_hex(color: Color) -> str:
    """The colour as HTML and SVG write it.

    >>> as_hex((213, 94, 0))
    '#d55e00'
    """
    return "#" + "".join(f"{channel:02x}" for channel in color)
