"""What is abnormal: drawn only when it is asked for, so that a normal patient of the same seed stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import numpy.typing as npt

from AnatomyGuidedLib.grid import FloatArray, Grid
from AnatomyGuidedLib.labels import id_of, label_by_id, label_by_name, structures

WHOLE_BODY = "whole body"
# Fields of view by the heights where they begin and end, in the reference adult's mm (see `body_plan`).
FIELDS_OF_VIEW: Mapping[str, tuple[float, float]] = {
    WHOLE_BODY: (-1000.0, 1000.0),
    "head and neck": (395.0, 1000.0),
    "thorax": (150.0, 480.0),
    "abdomen": (-20.0, 300.0),
    "pelvis": (-210.0, 95.0),
}
_REMOVABLE = ("Gallbladder", "Kidney Left", "Kidney Right", "Spleen", "Uterus")
_ABSENT_SHARE, _INVERSUS_SHARE, _HERNIA_SHARE = 0.12, 0.1, 0.15
_ORDERS = tuple(permutations(range(3)))


@dataclass(frozen=True)
class Variants:
    """One patient's deviations; `normal()` has none, and `drawn` says that they were asked for."""

    drawn: bool = False
    missing: tuple[str, ...] = ()
    rib_pairs: int = 12
    situs_inversus: bool = False
    hiatal_hernia: bool = False
    scoliosis_mm: float = 0.0
    turned: tuple[float, float, float] = (0.0, 0.0, 0.0)
    shifted_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    field_of_view: str = WHOLE_BODY
    axis_order: tuple[int, int, int] = (0, 1, 2)
    axis_flips: tuple[bool, bool, bool] = (True, True, False)

    @property
    def absent(self) -> frozenset[str]:
        """Names that are not painted; a body that will be mirrored is painted without their partners."""
        lowest = ("Costa 1 Left", "Costa 1 Right") if self.rib_pairs < 12 else ()
        names = (*self.missing, *lowest)
        return frozenset(_across(name) for name in names) if self.situs_inversus else frozenset(names)

    @property
    def bent(self) -> bool:
        return bool(self.scoliosis_mm or any(self.turned) or any(self.shifted_mm))


def normal() -> Variants:
    """Nothing abnormal: the whole body, stored as scanners do (i to the left, j to the back, k up)."""
    return Variants()


def draw(rng: np.random.Generator, sex: str) -> Variants:
    """A patient in whom something may be missing, mirrored, bent, turned, cut off or stored in another way."""
    removable = [name for name in _REMOVABLE if sex == "F" or name != "Uterus"]
    missing = [name for name in removable if rng.random() < _ABSENT_SHARE]
    if {"Kidney Left", "Kidney Right"} <= set(missing):
        missing.remove("Kidney Right")
    if "Uterus" in missing:
        missing.append("Uterocervix")
    turned = [round(float(v), 4) for v in rng.uniform(-1.0, 1.0, 3) * np.array([0.05, 0.05, 0.15])]
    shifted = [round(float(v), 2) for v in rng.uniform(-1.0, 1.0, 3) * np.array([15.0, 10.0, 0.0])]
    order = _ORDERS[int(rng.integers(len(_ORDERS)))]
    flips = [bool(v) for v in rng.integers(0, 2, 3)]
    return Variants(
        drawn=True,
        missing=tuple(missing),
        rib_pairs=int(rng.choice([11, 12, 12, 12, 12, 13])),
        situs_inversus=bool(rng.random() < _INVERSUS_SHARE),
        scoliosis_mm=round(float(rng.uniform(-14.0, 14.0)), 2),
        turned=(turned[0], turned[1], turned[2]),
        shifted_mm=(shifted[0], shifted[1], shifted[2]),
        field_of_view=list(FIELDS_OF_VIEW)[int(rng.integers(len(FIELDS_OF_VIEW)))],
        axis_order=(order[0], order[1], order[2]),
        axis_flips=(flips[0], flips[1], flips[2]),
        hiatal_hernia=bool(rng.random() < _HERNIA_SHARE),
    )


def description(variants: Variants) -> dict[str, object]:
    """The deviations in words and numbers."""
    return {
        "missing": list(variants.missing),
        "rib_pairs": variants.rib_pairs,
        "situs_inversus": variants.situs_inversus,
        "hiatal_hernia": variants.hiatal_hernia,
        "scoliosis_mm": variants.scoliosis_mm,
        "turned_radians": list(variants.turned),
        "shifted_mm": list(variants.shifted_mm),
        "field_of_view": variants.field_of_view,
    }


def mirrored_body(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Situs inversus, for [i, j, k] along R, A and S: the mirror image, with the sides' names exchanged.

    The middle lobe keeps the only name that it has, though it then lies on the left; so do the heart's chambers,
    which are named after their circulation.
    """
    table = np.arange(256, dtype=np.uint8)
    for label in structures():
        if label.partner:
            table[label.id] = label.partner
    left, right = id_of("Lung Upper Lobe Left"), id_of("Lung Upper Lobe Right")
    table[left], table[right] = right, left
    return np.asarray(table[labels[::-1]])


def bent_body(labels: npt.NDArray[np.uint8], spacing_mm: float, variants: Variants) -> npt.NDArray[np.uint8]:
    """The body turned, shifted and with a spine that swings aside, in the same field of view ([i, j, k] along RAS).

    The turns are small; they shear the slices (three shears turn a body), so that no voxel's place needs a sine.
    """
    middles = [(n - 1) / 2 for n in labels.shape]
    i, j = np.meshgrid(np.arange(labels.shape[0]), np.arange(labels.shape[1]), indexing="ij")
    bent = np.empty_like(labels)
    for k in range(labels.shape[2]):
        r, a, s = _sources((i - middles[0], j - middles[1], k - middles[2]), middles, spacing_mm, variants)
        places = [np.rint(v + m).astype(np.intp) for v, m in zip((r, a, s), middles, strict=True)]
        inside = np.logical_and.reduce([(p >= 0) & (p < n) for p, n in zip(places, labels.shape, strict=True)])
        found = labels[tuple(np.clip(p, 0, n - 1) for p, n in zip(places, labels.shape, strict=True))]
        bent[:, :, k] = np.where(inside, found, 0)
    return bent


def stored(labels: npt.NDArray[Any], grid: Grid, variants: Variants) -> tuple[npt.NDArray[Any], Grid]:
    """The same voxels at the same places, with axes in another order or direction."""
    to_ras = np.array(grid.affine)
    for axis, flipped in enumerate(variants.axis_flips):
        if flipped:
            labels = np.flip(labels, axis)
            to_ras[:3, 3] += to_ras[:3, axis] * (labels.shape[axis] - 1)
            to_ras[:3, axis] *= -1.0
    order = variants.axis_order
    to_ras[:, :3] = to_ras[:, list(order)]
    labels = np.ascontiguousarray(labels.transpose(order))
    i, j, k = labels.shape
    return labels, Grid((i, j, k), to_ras)


def _across(name: str) -> str:
    """The name of the same structure on the other side."""
    partner = label_by_name(name).partner
    return label_by_id(partner).name if partner else name


def _sources(
    offsets: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], float],
    middles: list[float],
    spacing_mm: float,
    variants: Variants,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Where the voxels of one slice come from, as offsets from the middle, in voxels."""
    (r, a, s), (about_r, about_a, about_s) = offsets, variants.turned
    height = s / max(middles[2], 1.0)
    swing = variants.scoliosis_mm * (1.0 - height * height) * height * 2.6  # an S: one way below, the other above
    r = r - (variants.shifted_mm[0] + swing) / spacing_mm
    a = a - variants.shifted_mm[1] / spacing_mm
    half = about_s / 2.0
    r = r + half * a
    a = a - about_s * r
    r = r + half * a
    r = r + about_a * s
    up = s - about_a * r
    a = a - about_r * up
    return r, a, up + about_r * a
