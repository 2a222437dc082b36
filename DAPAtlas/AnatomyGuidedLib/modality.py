"""Telling a CT or an SUV image by its histogram, so that a wrong file is refused instead of measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from AnatomyGuidedLib.errors import AnatomyGuidedError

_AIR_HU = (-1100.0, -850.0)
_FAT_HU = (-140.0, -60.0)
_SOFT_TISSUE_HU = (0.0, 100.0)
_SOFT_TISSUE_PEAK_HU = (-5.0, 130.0)
_FAT_LIKE_HU = (-200.0, -15.0)
_FAT_PEAK_HU = (-135.0, -60.0)
_HISTOGRAM_HU = (-300.0, 400.0)
_BIN_HU = 5.0
_SMOOTHING_BINS = 2.0
_LEAST_PROMINENCE = 0.2
_LEAST_AIR_SHARE = 0.005
_LEAST_TISSUE_SHARE = 0.005
_STORED_OFFSET_HU = 1024.0
_HIGHEST_SUV = 500.0
_TYPICAL_BODY_SUV = 60.0
_NEGATIVE_NOISE_SUV = -1.0
_MANY_LABELS = 50
_FEW_LEVELS = 4
_MOSTLY = 0.8


def require_ct(values: npt.NDArray[Any], name: str) -> None:
    """Nothing if the histogram is a CT's: soft tissue at 0 to 100 HU, and air near -1000 HU or fat near -100 HU.

    Raises:
        AnatomyGuidedError: It is not; the message says what is missing.
    """
    missing = _missing_in_ct(values)
    if not missing:
        return
    hint = "give a CT in HU, or --force if you are sure"
    if not _missing_in_ct(values - np.asarray(_STORED_OFFSET_HU, dtype=values.dtype)):
        hint = f"if its values are HU stored with {_STORED_OFFSET_HU:g} added, subtract that first"
    raise AnatomyGuidedError(
        f"{name} was taken for no CT: it has {' and '.join(missing)} "
        f"(its values run from {float(values.min()):g} to {float(values.max()):g}); {hint}."
    )


def is_ct(values: npt.NDArray[Any]) -> bool:
    """Whether the histogram is a CT's."""
    return not _missing_in_ct(values)


def require_suv(values: npt.NDArray[Any], name: str) -> None:
    """Nothing if the range can be that of a PET in SUVbw.

    Raises:
        AnatomyGuidedError: It cannot: a CT, activity in Bq/ml, a label map, or values scaled to 0..1.
    """
    low, high = float(values.min()), float(values.max())
    typical = float(np.percentile(values, 95))
    reason = ""
    if low < _NEGATIVE_NOISE_SUV:
        reason = f"it goes down to {low:g} (a CT?)"
    elif high > _HIGHEST_SUV or typical > _TYPICAL_BODY_SUV:
        reason = f"it goes up to {high:g} (activity in Bq/ml?)"
    elif _is_label_map(values):
        reason = "it holds whole numbers alone, and few of them (a label map?)"
    elif high <= 1.0:
        reason = f"it does not go above {high:g} (values scaled to 0..1?)"
    if reason:
        raise AnatomyGuidedError(
            f"{name} was taken for no PET in SUVbw: {reason}; convert it to SUVbw, or give its DICOM series."
        )


def _is_label_map(values: npt.NDArray[Any]) -> bool:
    """Whether there are fewer than 50 values, all of them whole, and no slopes between them.

    Values between -1 and 500 are expected. A PET that was rounded to whole SUV falls off from voxel to voxel in steps
    of one; labels lie beside the background whatever their number.
    """
    if not _are_whole(values.ravel()[:: max(1, values.size // 10_000)]) or not _are_whole(values):
        return False
    levels = int(np.count_nonzero(np.bincount(np.rint(values + 1).astype(np.int64).ravel())))
    return levels < _MANY_LABELS and not (levels > _FEW_LEVELS and _share_of_single_steps(values) >= _MOSTLY)


def _are_whole(values: npt.NDArray[Any]) -> bool:
    return bool((values == np.rint(values)).all())


def _share_of_single_steps(values: npt.NDArray[Any]) -> float:
    """Of the neighbours along the axes that differ, those that differ by one."""
    steps = [np.abs(np.diff(values, axis=axis)) for axis in range(values.ndim)]
    changed = sum(int(np.count_nonzero(step)) for step in steps)
    return sum(int(np.count_nonzero(step == 1)) for step in steps) / max(1, changed)


def _missing_in_ct(values: npt.NDArray[Any]) -> list[str]:
    """What keeps the histogram from being a CT's, in words; nothing if it is one."""
    has_air = _share(values, _AIR_HU) >= _LEAST_AIR_SHARE
    has_fat = _share(values, _FAT_HU) >= _LEAST_TISSUE_SHARE
    peaks = _peaks(values)
    missing = []
    if _share(values, _SOFT_TISSUE_HU) < _LEAST_TISSUE_SHARE or not _within(peaks, _SOFT_TISSUE_PEAK_HU):
        missing.append("no soft-tissue peak between 0 and 100 HU")
    if not has_air and not has_fat:
        missing.append("no air near -1000 HU and no fat near -100 HU")
    fat_like = _within(peaks, _FAT_LIKE_HU)
    if fat_like and not _within(fat_like, _FAT_PEAK_HU):
        missing.append(f"its fat at {next(iter(fat_like)):.0f} HU instead of near -100 HU")
    return missing


def _peaks(values: npt.NDArray[Any]) -> dict[float, float]:
    """Peaks of the histogram between -300 and 400 HU that stand out: HU and height, the highest first."""
    from scipy import signal  # takes a third of a second, and only this needs it

    low, high = _HISTOGRAM_HU
    counts, edges = np.histogram(values, bins=int((high - low) / _BIN_HU), range=_HISTOGRAM_HU)
    smooth = ndimage.gaussian_filter1d(counts.astype(np.float64), _SMOOTHING_BINS, mode="constant")
    found, facts = signal.find_peaks(smooth, prominence=0)
    clear = found[facts["prominences"] >= _LEAST_PROMINENCE * smooth[found]]
    order = clear[np.argsort(-smooth[clear], kind="stable")]
    return {float(edges[bin_] + _BIN_HU / 2): float(smooth[bin_]) for bin_ in order}


def _within(peaks: Mapping[float, float], window: tuple[float, float]) -> dict[float, float]:
    return {hu: height for hu, height in peaks.items() if window[0] <= hu <= window[1]}


def _share(values: npt.NDArray[Any], window: tuple[float, float]) -> float:
    low, high = window
    return int(np.count_nonzero((values >= low) & (values <= high))) / values.size
