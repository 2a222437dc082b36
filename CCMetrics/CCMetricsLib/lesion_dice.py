"""Lesion Dice as BraTS 2023 computes it, with its choices as named parameters (thesis, equation 16 and 5.1.4.3)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import UsageError

from CCMetricsLib.component_pairs import components_of_voxels, counted_pairs
from CCMetricsLib.components import Components, IntArray, Spacing
from CCMetricsLib.metrics import NO_PREDICTION, EmptyPolicy, Score

DilationUnit = Literal["steps", "mm"]
SizeUnit = Literal["voxels", "ml"]

NO_COUNTED_LESION = "the reference has no lesion that is large enough to count"

_ROUNDING = 1e-9  # relative: 50 voxels of 1 mm3 and 0.05 ml are one size, whichever way they are computed


@dataclass(frozen=True)
class LesionDiceParameters:
    """The choices that lesion Dice leaves to an expert; the defaults are those of BraTS 2023 for metastases.

    dilation: how far the reference is dilated. Lesions whose dilated masks meet are one, and a predicted component
        belongs to every lesion whose dilated mask it meets.
    dilation_unit: "steps" of 18 neighbours each, as BraTS counts, or "mm" between voxel centres.
    ignored_reference: lesions up to this size are not scored; what is predicted at them is no false positive.
    ignored_prediction: predicted components up to this size are no false positives.
    size_unit: "voxels" or "ml", for both sizes.

    Raises:
        UsageError: A unit is unknown, a number is negative or not finite, or steps are not whole.
    """

    dilation: float = 1
    dilation_unit: DilationUnit = "steps"
    ignored_reference: float = 2
    ignored_prediction: float = 0
    size_unit: SizeUnit = "voxels"

    def __post_init__(self) -> None:
        for name, kind in (("dilation_unit", DilationUnit), ("size_unit", SizeUnit)):
            known, value = get_args(kind), getattr(self, name)
            if value not in known:
                raise UsageError(f"Lesion Dice's {name} must be one of {', '.join(known)}, but is {value!r}.")
        for name in ("dilation", "ignored_reference", "ignored_prediction"):
            number = getattr(self, name)
            if not (np.isfinite(number) and number >= 0):
                raise UsageError(f"Lesion Dice's {name} must be a finite number from 0 upwards, but is {number}.")
        if self.dilation_unit == "steps" and self.dilation != int(self.dilation):
            raise UsageError(f"Lesion Dice's dilation must be a whole number of steps, but is {self.dilation}.")

    def reference_limit_voxels(self, spacing_mm: Spacing) -> float:
        """The size in voxels above which a lesion counts."""
        return self._in_voxels(self.ignored_reference, spacing_mm)

    def prediction_limit_voxels(self, spacing_mm: Spacing) -> float:
        """The size in voxels above which a predicted component can be a false positive."""
        return self._in_voxels(self.ignored_prediction, spacing_mm)

    def _in_voxels(self, size: float, spacing_mm: Spacing) -> float:
        voxel = 1.0 if self.size_unit == "voxels" else float(np.prod(spacing_mm)) / 1000
        return size / voxel * (1 + _ROUNDING)


_METASTASES = LesionDiceParameters()
_GLIOMA = LesionDiceParameters(dilation=3, ignored_reference=50)
BRATS_2023 = MappingProxyType(
    {
        "GLI": _GLIOMA,
        "SSA": _GLIOMA,
        "PED": _GLIOMA,
        "MEN": LesionDiceParameters(dilation=1, ignored_reference=50),
        "MET": _METASTASES,
    }
)


def lesion_dice(
    reference: Components,
    prediction: Components,
    *,
    spacing_mm: Spacing,
    parameters: LesionDiceParameters,
    policy: EmptyPolicy,
) -> Score:
    """The Dice of every lesion with all predicted components at it, over lesions and false positives together; 0 to 1.

    A predicted component at several lesions counts in full at each of them. Both sides are 26-connected in BraTS.

    >>> from CCMetricsLib.components import connected_components
    >>> lesions = connected_components(np.array([1, 1, 1, 0, 0, 0, 1, 1, 1]).reshape(9, 1, 1))
    >>> found = connected_components(np.array([1, 1, 1, 0, 0, 0, 0, 0, 0]).reshape(9, 1, 1))
    >>> options = {"spacing_mm": (1.0, 1.0, 1.0), "parameters": LesionDiceParameters(), "policy": EmptyPolicy()}
    >>> lesion_dice(lesions, found, **options).value
    0.5
    """
    merged = dilated(reference, spacing_mm=spacing_mm, parameters=parameters)
    size = merged.count + 1
    lesion_voxels = np.bincount(merged.at(reference.voxels_ijk), minlength=size)
    counted = np.flatnonzero(lesion_voxels > parameters.reference_limit_voxels(spacing_mm))

    lesion_at = merged.at(prediction.voxels_ijk)
    near, hit = lesion_at > 0, reference.at(prediction.voxels_ijk) > 0
    lesion, found, _ = counted_pairs(lesion_at[near], prediction.numbers[near])
    predicted_voxels = np.bincount(lesion, prediction.sizes_voxels[found - 1], size)
    shared_voxels = np.bincount(lesion_at[hit], minlength=size)

    stray = prediction.sizes_voxels > parameters.prediction_limit_voxels(spacing_mm)
    stray[found - 1] = False
    false_positives = int(np.count_nonzero(stray))
    if not counted.size:
        return Score(policy.no_reference if false_positives else policy.both_empty, NO_COUNTED_LESION)
    if not prediction.count:
        return Score(policy.no_prediction, NO_PREDICTION)
    scores = 2 * shared_voxels[counted] / (lesion_voxels[counted] + predicted_voxels[counted])
    return Score(float(scores.sum() / (counted.size + false_positives)))


def dilated(components: Components, *, spacing_mm: Spacing, parameters: LesionDiceParameters) -> Components:
    """The 26-connected components of the dilated mask, inside the image.

    Only the mask's surface is moved: what lies around it has a nearest voxel there.

    >>> from CCMetricsLib.components import connected_components
    >>> ends = connected_components(np.array([1, 0, 0, 1]).reshape(4, 1, 1))
    >>> dilated(ends, spacing_mm=(1.0, 1.0, 1.0), parameters=LesionDiceParameters(dilation=1)).count
    1
    """
    if not components.count:
        return components
    offsets, steps = _neighbours(spacing_mm, parameters)
    reach = np.abs(offsets).max(axis=0, initial=0) * steps
    low = components.voxels_ijk.min(axis=0) - reach
    size = components.voxels_ijk.max(axis=0) + 1 + reach - low
    closed = np.ones(size, np.bool_, order="F")  # what is taken, and what lies outside of the image
    image = tuple(slice(max(-first, 0), last - first) for first, last in zip(low, components.shape, strict=True))
    closed[image] = False
    stride = np.array([1, size[0], size[0] * size[1]])
    fronts = [(components.voxels_ijk - low) @ stride]
    closed.reshape(-1, order="F")[fronts[0]] = True
    front = fronts[0][components.surface()]
    for _ in range(steps):
        front = _grow(closed.reshape(-1, order="F"), front, offsets @ stride)
        fronts.append(front)
    voxels = np.stack(np.unravel_index(np.sort(np.concatenate(fronts)), tuple(size), order="F"), axis=1) + low
    return components_of_voxels(voxels.astype(np.int32), components.shape, connectivity=26)


def _neighbours(spacing_mm: Spacing, parameters: LesionDiceParameters) -> tuple[IntArray, int]:
    """The offsets of one step, and how many steps there are: a ball in mm is a single step."""
    if parameters.dilation_unit == "steps":
        cube = np.array(list(product((-1, 0, 1), repeat=3)))
        return cube[np.isin(np.abs(cube).sum(axis=1), (1, 2))], int(parameters.dilation)
    reach = [int(parameters.dilation / mm * (1 + _ROUNDING)) for mm in spacing_mm]
    box = np.array(list(product(*(range(-voxels, voxels + 1) for voxels in reach))))
    distance_mm = np.linalg.norm(box * np.array(spacing_mm), axis=1)
    return box[(distance_mm > 0) & (distance_mm <= parameters.dilation * (1 + _ROUNDING))], 1


def _grow(closed: npt.NDArray[np.bool_], front: IntArray, offsets: IntArray) -> IntArray:
    """The open places that one step from the front reaches; they are closed afterwards."""
    reached = [front[:0]]
    for offset in offsets:
        moved = front + offset
        moved = moved[~closed[moved]]
        closed[moved] = True
        reached.append(moved)
    return np.concatenate(reached)
