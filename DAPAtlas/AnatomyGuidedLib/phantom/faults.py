"""Named faults, injected into a label map as networks make them, each with its ground truth.

They are what the anatomical rules are tried on. A fault is a function that paints on a `FaultCanvas`; to add one, write
it in a `fault_*.py`, name it in `FAULTS`, and describe it in docs/phantom_faults.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.grid import Grid, Labelmap
from AnatomyGuidedLib.labels import label_by_id
from AnatomyGuidedLib.phantom.fault_borders import borders
from AnatomyGuidedLib.phantom.fault_canvas import FaultCanvas, NotPossible
from AnatomyGuidedLib.phantom.fault_extent import cropped, lobe_missing
from AnatomyGuidedLib.phantom.fault_places import (
    bladder_in_abdomen,
    bronchi_above_lungs,
    colon_in_head,
    gonads_in_head,
    thyroid_in_cheeks,
)
from AnatomyGuidedLib.phantom.fault_ribs import rib_missing, rib_split
from AnatomyGuidedLib.phantom.fault_series import ribs_merged, ribs_shifted, vertebra_fragment, vertebrae_shifted
from AnatomyGuidedLib.phantom.fault_sides import left_right_swap, left_right_swap_whole
from AnatomyGuidedLib.phantom.fault_strays import other_sex, satellites

__all__ = ["FAULTS", "Fault", "Injected", "NotPossible", "described", "inject"]

FORMAT = "anatomyguided-phantom-fault"


@dataclass(frozen=True)
class Fault:
    """One kind of error: its name, one sentence about it, and the function that paints it and says what it did."""

    name: str
    title: str
    paint: Callable[[FaultCanvas, np.random.Generator], dict[str, object]]


@dataclass(frozen=True, eq=False)
class Injected:
    """A label map with a fault, the true one on the same grid, where they differ, and what was done."""

    fault: str
    labelmap: Labelmap
    original: Labelmap
    changed: npt.NDArray[np.bool_]
    details: Mapping[str, object]


_FAULTS = (
    Fault("left-right-swap", "Patches of paired structures carry the name of the other side.", left_right_swap),
    Fault("left-right-swap-whole", "Whole structures carry the name of their partner.", left_right_swap_whole),
    Fault("vertebrae-shifted", "Vertebrae from a level on are named one level off.", vertebrae_shifted),
    Fault("vertebra-fragment", "A piece of a vertebra carries its neighbour's name.", vertebra_fragment),
    Fault("ribs-merged", "Two neighbouring ribs share one name.", ribs_merged),
    Fault("rib-split", "One rib carries two names.", rib_split),
    Fault("rib-missing", "A rib is overlooked, and those above it are counted one too low.", rib_missing),
    Fault("ribs-shifted", "Ribs from one on carry the next rib's name.", ribs_shifted),
    Fault("satellites", "Small pieces of structures that occur once lie elsewhere in the body.", satellites),
    Fault("colon-in-head", "A piece of the nasal cavity is named Colon.", colon_in_head),
    Fault("gonads-in-head", "Eyeballs are named Gonads.", gonads_in_head),
    Fault("bladder-in-abdomen", "A piece of an organ well above the pelvis is named Bladder.", bladder_in_abdomen),
    Fault("bronchi-above-lungs", "A stretch of the trachea above the lungs is named Bronchus.", bronchi_above_lungs),
    Fault("thyroid-in-cheeks", "A part of a cheek is named Thyroid.", thyroid_in_cheeks),
    Fault("other-sex", "Small organs of the other sex lie in the pelvis.", other_sex),
    Fault("lobe-missing", "A lobe of a lung is lost to its neighbour or to Unknown Tissue.", lobe_missing),
    Fault("cropped", "The field of view is cut along an axis of the body.", cropped),
    Fault("borders", "Borders between structures are blurred.", borders),
)
FAULTS: Mapping[str, Fault] = MappingProxyType({fault.name: fault for fault in _FAULTS})


def inject(name: str, labelmap: Labelmap, *, rng: np.random.Generator) -> Injected:
    """The label map with a fault (uint8), and the truth.

    The axes may be stored in any order and direction; on the same voxels the same `rng` makes the same fault. The grid
    is the input's; `cropped` alone cuts it, and its truth with it.

    Raises:
        UsageError: There is no fault of this name.
        UnknownLabel: The label map holds values that are no DAP id.
        NotPossible: The map lacks what the fault needs.
    """
    if name not in FAULTS:
        raise UsageError(f"There is no fault {name!r}; known are {', '.join(FAULTS)}.")
    canvas = FaultCanvas(labelmap)
    details = FAULTS[name].paint(canvas, rng)
    storage, window = canvas.storage, canvas.window
    grid = _windowed(labelmap.grid, storage.order, storage.flips, window)
    after, before = (storage.as_stored(values[window]) for values in (canvas.labels, canvas.true))
    return Injected(name, Labelmap(after, grid), Labelmap(before, grid), np.asarray(after != before), details)


def described(injected: Injected) -> dict[str, object]:
    """The fault in words and numbers, for JSON: what was done, and voxels by true and by wrong name."""
    voxel_ml = injected.labelmap.grid.voxel_volume_ml
    count = int(np.count_nonzero(injected.changed))
    return {
        "format": FORMAT,
        "version": 1,
        "fault": injected.fault,
        "title": FAULTS[injected.fault].title,
        "changed_voxels": count,
        "changed_ml": round(count * voxel_ml, 3),
        "moved": _moves(injected),
        "details": dict(injected.details),
    }


def _moves(injected: Injected) -> list[dict[str, object]]:
    true, wrong = (m.values[injected.changed].astype(np.uint16) for m in (injected.original, injected.labelmap))
    codes, counts = np.unique(true * np.uint16(256) + wrong, return_counts=True)
    return [
        {"from": label_by_id(code // 256).name, "to": label_by_id(code % 256).name, "voxels": voxels}
        for code, voxels in zip(codes.tolist(), counts.tolist(), strict=True)
    ]


def _windowed(
    grid: Grid, order: tuple[int, int, int], flips: tuple[bool, bool, bool], window: tuple[slice, slice, slice]
) -> Grid:
    """The grid of the voxels in a window along R, A and S, stored as before."""
    first, shape = [0, 0, 0], [0, 0, 0]
    for axis, flipped, side in zip(order, flips, window, strict=True):
        first[axis] = grid.shape[axis] - side.stop if flipped else side.start
        shape[axis] = side.stop - side.start
    affine = np.array(grid.affine)
    affine[:3, 3] = grid.ras_from_ijk(first)
    return Grid((shape[0], shape[1], shape[2]), affine)
