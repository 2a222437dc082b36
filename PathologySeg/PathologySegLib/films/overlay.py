"""The film with its findings drawn on: outlines in the classes' colours, each with its number in the table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.phantom.xray_findings import CATEGORIES
from scipy import ndimage

from PathologySegLib.films.table import Finding

Picture = npt.NDArray[np.uint8]

_COLORS = ((230, 60, 50), (250, 190, 60), (70, 130, 240), (60, 190, 90), (230, 120, 30), (0, 180, 200),
           (150, 110, 230), (170, 200, 60), (250, 110, 180), (200, 60, 140), (255, 225, 100), (110, 220, 160),
           (130, 190, 250))  # fmt: skip
_DIGITS = ("75557", "26227", "71747", "71717", "55711", "74717", "74757", "71222", "75757", "75717")  # rows of 3 bits
_LINES_A_SIDE, _DIGIT_CELLS_A_SIDE = 400, 250


def overlay(image: npt.NDArray[np.float32], findings: Sequence[Finding]) -> Picture:
    """The film (height, width, 3) with the findings' outlines and numbers, the surest on top."""
    picture = np.repeat(np.rint(255 * image).astype(np.uint8)[..., None], 3, axis=2)
    side = min(image.shape)
    for number, finding in reversed(list(enumerate(findings, start=1))):
        color, (x, y, width, height) = color_of(finding.name), finding.box_xywh
        top = (y, int(np.argmax(finding.mask[y])))
        box = np.s_[y : y + height, x : x + width]
        picture[box][_outline(finding.mask[box], max(1, side // _LINES_A_SIDE))] = color
        _write(picture, str(number), top, max(1, side // _DIGIT_CELLS_A_SIDE), color)
    return picture


def color_of(name: str) -> tuple[int, int, int]:
    """The colour of a class of ChestX-Det."""
    return _COLORS[CATEGORIES.index(name)]


def _outline(mask: npt.NDArray[np.bool_], line: int) -> npt.NDArray[np.bool_]:
    return np.asarray(mask & ~ndimage.binary_erosion(mask, iterations=line))


def _write(picture: Picture, digits: str, corner: tuple[int, int], cell: int, color: tuple[int, int, int]) -> None:
    """Nothing; the digits stand on the picture, moved so that they end within it."""
    lines = np.hstack([np.pad(_digit(one), 1)[:, :-1] for one in digits] + [np.zeros((7, 1), np.bool_)])
    text = np.kron(lines, np.ones((cell, cell), np.bool_))[: picture.shape[0], : picture.shape[1]]
    top, left = (min(start, whole - own) for start, whole, own in zip(corner, picture.shape, text.shape, strict=False))
    place = picture[top : top + text.shape[0], left : left + text.shape[1]]
    place[:] = np.where(text[..., None], np.array(color, np.uint8), 0)


def _digit(one: str) -> npt.NDArray[np.bool_]:
    return np.array([[row & 4, row & 2, row & 1] for row in map(int, _DIGITS[int(one)])], np.bool_)
