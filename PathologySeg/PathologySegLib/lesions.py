"""From a PET to numbered lesions, by a threshold reading, minus physiological uptake where anatomy is known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.components import connected_components
from AnatomyGuidedLib.grid import Labelmap, Volume, require_same_grid
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress
from scipy import ndimage

from PathologySegLib.hot_spots import SHARE_OF_MAXIMUM, hot_spots
from PathologySegLib.lesion_table import LesionResult, counted, measured
from PathologySegLib.parameters import LesionParameters
from PathologySegLib.percist import liver_reference
from PathologySegLib.physiology import physiological_organs, physiological_uptake
from PathologySegLib.whole_organs import whole_organs

BASELINE_NOTE = "A threshold reading is a baseline: it cannot tell a lesion from healthy uptake by intensity."
NO_ANATOMY_NOTE = (
    "No anatomy was given, so that healthy uptake (brain, heart, kidneys, bladder, bowel) counts as lesions, as far as "
    "the PET shows it, and the sum is no tumour volume; give an anatomy (--anatomy, or --anatomy-model)."
)
_ADVICE = "; suv41 grows over one where noise reaches the threshold, suv4 and percist do not grow"


def find_lesions(
    pet: Volume,
    parameters: LesionParameters,
    *,
    anatomy: Labelmap | None = None,
    progress: Progress = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> LesionResult:
    """The lesions that the reading finds; none is an empty label map and no rows.

    Args:
        pet: SUVbw.
        parameters: The reading.
        anatomy: DAP ids on the PET's grid; organs with physiological uptake are taken off.
        progress: Told how far the work is.
        cancelled: Asked between two hot spots.

    Raises:
        NotEvaluable: The percist reading without a usable liver.
        GridMismatch: The anatomy lies on another grid.
    """
    if anatomy is not None:
        require_same_grid(anatomy.grid, pet.grid, names=("the anatomy", "the PET"))
    progress(0.1, f"Reading the PET by {parameters.reading}")
    found, reading = _read(pet, parameters, anatomy, cancelled)
    if anatomy is not None:
        progress(0.6, "Taking physiological uptake off")
        found, taken_ml = _without_physiology(found, pet, anatomy, reading)
        organs = physiological_organs(anatomy)
        reading = {**reading, "physiological_organs": organs, "physiological_uptake_removed_ml": taken_ml}
    progress(0.8, "Measuring the lesions")
    labelmap, rows = measured(found, pet, anatomy)
    progress(1.0, counted(len(rows), "lesion"))
    notes = (NO_ANATOMY_NOTE,) if anatomy is None else whole_organs(labelmap, rows, anatomy, advice=_ADVICE)
    return LesionResult(labelmap, tuple(rows), reading, (BASELINE_NOTE, *notes))


def _read(
    pet: Volume, parameters: LesionParameters, anatomy: Labelmap | None, cancelled: CancelCheck
) -> tuple[npt.NDArray[np.int32], dict[str, object]]:
    least = parameters.least_suv
    if parameters.reading == "suv41":
        spots = hot_spots(pet.values, least_maximum=least, cancelled=cancelled)
        return spots, {"name": "suv41", "least_maximum_suv": least, "share_of_maximum": SHARE_OF_MAXIMUM}
    reading: dict[str, object] = {"name": parameters.reading, "threshold_suv": least}
    if parameters.reading == "percist":
        liver = liver_reference(pet, anatomy)
        least = liver.threshold_suv
        reading = {
            "name": "percist",
            "threshold_suv": round(least, 4),
            "liver_mean_suv": round(liver.mean_suv, 4),
            "liver_sd_suv": round(liver.sd_suv, 4),
            "liver_center_ras_mm": [round(value, 2) for value in liver.center_ras],
            "normalisation": "SUVbw (PERCIST is defined on SUL)",
        }
    return connected_components(pet.values >= np.float32(least)), reading


def _without_physiology(
    found: npt.NDArray[np.int32], pet: Volume, anatomy: Labelmap, reading: Mapping[str, object]
) -> tuple[npt.NDArray[np.int32], float]:
    """The rest outside the organs; a hot spot that peaks in an organ goes as a whole, a component falls apart."""
    physiological = physiological_uptake(anatomy)
    gone = physiological.copy()
    if reading["name"] == "suv41" and found.any():
        peaks = ndimage.maximum_position(pet.values, found, np.arange(1, int(found.max()) + 1))
        in_organ = [number for number, peak in enumerate(peaks, start=1) if physiological[tuple(map(int, peak))]]
        gone |= np.isin(found, in_organ)
    taken_ml = int(np.count_nonzero(gone & (found > 0))) * pet.grid.voxel_volume_ml
    rest = np.where(gone, np.int32(0), found)
    return (rest if reading["name"] == "suv41" else connected_components(rest > 0)), round(taken_ml, 3)
