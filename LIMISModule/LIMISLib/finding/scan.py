"""Which slice shows an organ best: pure functions on what a network found in each slice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from LIMISLib.finding.frames import Edges

_SHARE_OF_BEST = 0.5  # of the greatest chance: slices below it are not looked at

Floats = npt.NDArray[np.float64]


def best_slice(chances: Floats, areas: Floats, is_plausible: npt.NDArray[np.bool_], *, least: float) -> int | None:
    """The place of the slice that shows the most, among confident neighbours; None where none is confident.

    A slice is confident from `least` and, with its neighbours, from half of the greatest chance on. Of several
    stretches of such slices the one with the most chance in all counts. Within it the largest area times chance wins;
    chances are means and areas medians of three slices, so that one slice's error does not win.

    >>> chances, areas = np.array([0.9, 0.1, 0.6, 0.7, 0.6]), np.array([50.0, 99.0, 10.0, 30.0, 20.0])
    >>> best_slice(chances, areas, np.ones(5, bool), least=0.3)
    3
    """
    if not chances.size or not is_plausible.any():
        return None
    smooth = _threes(chances).mean(axis=0)
    limit = max(least, _SHARE_OF_BEST * float(smooth[is_plausible].max()))
    stretches = stretches_of((smooth >= limit) & (chances >= least) & is_plausible)
    if not stretches:
        return None
    stretch = max(stretches, key=lambda one: float(smooth[one].sum()))
    shown = np.median(_threes(areas[stretch]), axis=0) * smooth[stretch]
    return int(stretch.start) + int(np.argmax(shown))


def _threes(values: Floats) -> Floats:
    """Each value with the one before and the one after, at the ends with itself (3, n)."""
    padded = np.concatenate((values[:1], values, values[-1:]))
    return np.stack((padded[:-2], padded[1:-1], padded[2:]))


def stretches_of(is_in: npt.NDArray[np.bool_]) -> Sequence[slice]:
    """The runs of true values.

    >>> stretches_of(np.array([True, True, False, True]))
    [slice(0, 2, None), slice(3, 4, None)]
    """
    steps = np.diff(np.concatenate(([0], is_in.astype(np.int8), [0])))
    return [slice(int(a), int(b)) for a, b in zip(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1), strict=True)]


def plausible(edges_mm: Edges, largest_mm: tuple[float, float]) -> npt.NDArray[np.bool_]:
    """Whether boxes (n, 4) have an area, and no side longer than the largest width and height.

    >>> plausible(np.array([[0.0, 0, 50, 20], [0, 0, 70, 20], [0, 0, 0, 5]]), (60.0, 60.0)).tolist()
    [True, False, False]
    """
    sizes = edges_mm[..., 2:] - edges_mm[..., :2]
    return np.asarray(((sizes > 0) & (sizes <= np.array(largest_mm))).all(axis=-1))
