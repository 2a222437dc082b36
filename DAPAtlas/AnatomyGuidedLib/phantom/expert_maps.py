"""Partial experts: label maps as five specialised models would give them of one patient, for the aggregation to merge.

Each knows some structures only, sees a box of the body only, draws its borders its own way, and has a confusion of its
own (thesis, 3.1.3 and Figure 7: body composition, bones, organs, vessels and heart, head and neck).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume, require_same_grid
from AnatomyGuidedLib.labels import UNKNOWN_TISSUE, Label, ids_where, label_by_name
from AnatomyGuidedLib.phantom.fault_borders import Labels, MayTrade, blurred, traded
from AnatomyGuidedLib.phantom.fault_canvas import FaultCanvas, Mask, points_ras
from AnatomyGuidedLib.phantom.faults import NotPossible, inject

_EDGE_MM = (
    -10.0,
    25.0,
)  # how far a field of view may reach beyond the structures that it is made for, or stop short of them


@dataclass(frozen=True)
class RasBox:
    """A field of view: the lowest and the highest R, A and S in mm; infinite where it is as wide as the scan."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]

    def mask(self, grid: Grid) -> Mask:
        """Which of a grid's voxels lie in the box."""
        inside = np.ones(grid.shape, dtype=np.bool_)
        i, j, k = np.ogrid[tuple(slice(0, count) for count in grid.shape)]
        for row, low, high in zip(grid.affine[:3], self.low, self.high, strict=True):
            if np.isfinite((low, high)).any():
                place = (i * row[0] + row[3]).astype(np.float32) + (j * row[1] + k * row[2]).astype(np.float32)
                inside &= (place >= np.float32(low)) & (place <= np.float32(high))
        return inside


@dataclass(frozen=True, eq=False)
class ExpertMap:
    """One expert's label map, 0 where it knows nothing; the ids it knows; where it looks; its confusion or ""."""

    name: str
    labelmap: Labelmap
    known: frozenset[int]
    covers: RasBox
    fault: str


@dataclass(frozen=True)
class Speciality:
    """What a kind of expert knows, the structures that its field of view is made for, and its likely confusions."""

    name: str
    knows: Callable[[Label], bool]
    around: tuple[str, ...]
    faults: tuple[str, ...]


_CHEST = (
    *(f"Lung {lobe} Lobe {side}" for side in ("Left", "Right") for lobe in ("Upper", "Lower")),
    "Sternum Manubrium",
    "Liver",
)
_VESSELS = (
    *_CHEST,
    *(f"{name} {side}" for side in ("Left", "Right") for name in ("Artery Common Carotid", "Iliac Artery")),
)
_HEAD = ("Skull", "Brain", "Vertebra C1", "Vertebra C7", "Thyroid Left", "Thyroid Right", "Artery Subclavian Left")
_BONES = ("Vertebras", "Ribs", "Bones")
_ORGANS_ALSO = (
    *("Brain", "Aorta", "Inferior Vena Cava", "Portal Vein and Splenic Vein"),
    *(f"{vessel} {side}" for vessel in ("Iliac Artery", "Iliac Vena") for side in ("Left", "Right")),
    *(f"{muscle} {side}" for muscle in ("Autochthon", "Iliopsoas", "Gluteus Maximus") for side in ("Left", "Right")),
)
_ORGANS = ("Digestive", "Urinary", "Endocrine", "Reproductive", "Immune", "Respiratory")
_TISSUES = ("Tissues", "Musculature")
_GREAT_VESSELS = ("Aorta", "Inferior Vena Cava", "Portal Vein and Splenic Vein")

SPECIALITIES = (
    Speciality(
        "bones",
        lambda label: label.group in _BONES or label.name == "Spinal Canal",
        (),
        ("vertebrae-shifted", "ribs-shifted", "rib-missing", "ribs-merged", "vertebra-fragment", "left-right-swap"),
    ),
    Speciality(
        "organs",
        lambda label: (
            label.group in (*_ORGANS, *_BONES) or label.name.startswith("Heart") or label.name in _ORGANS_ALSO
        ),
        (),
        ("gonads-in-head", "bladder-in-abdomen", "colon-in-head", "satellites", "other-sex", "left-right-swap"),
    ),
    Speciality(
        "vessels-heart",
        lambda label: label.group in ("Cardiovascular", "Respiratory") or label.name == "Esophagus",
        _VESSELS,
        ("bronchi-above-lungs", "lobe-missing", "left-right-swap", "satellites"),
    ),
    Speciality(
        "body-composition",
        lambda label: label.group in _TISSUES or label.name in ("Spinal Canal", UNKNOWN_TISSUE),
        (),
        ("left-right-swap", "left-right-swap-whole"),
    ),
    Speciality(
        "head-neck",
        lambda label: "head-neck" in label.body_part and label.group not in ("", "Tissues"),
        _HEAD,
        ("thyroid-in-cheeks", "vertebra-fragment", "left-right-swap"),
    ),
    Speciality(
        "thorax",
        lambda label: (label.body_part[0] == "thorax" and label.group != "Tissues") or label.name in _GREAT_VESSELS,
        _CHEST,
        ("lobe-missing", "ribs-merged", "rib-split", "left-right-swap"),
    ),
    Speciality(
        "abdomen-pelvis",
        lambda label: bool({"abdomen", "pelvis"} & set(label.body_part)) and label.group != "Tissues",
        ("Liver", "Spleen", "Hip Left", "Hip Right", "Femur Left"),
        ("bladder-in-abdomen", "left-right-swap-whole", "satellites", "left-right-swap"),
    ),
)


def partial_experts(
    anatomy: Labelmap, ct: Volume | None = None, *, rng: np.random.Generator, experts: int = 5
) -> tuple[ExpertMap, ...]:
    """What so many experts (1 to 7) say of a patient; the first five know all structures between them.

    With a CT they move borders only where it shows little contrast (250 HU), as models do.

    Raises:
        AnatomyGuidedError: There are not that many kinds of experts.
        UnknownLabel: The label map holds values that are no DAP id.
        GridMismatch: The CT lies on another grid.
    """
    if not 1 <= experts <= len(SPECIALITIES):
        raise AnatomyGuidedError(f"Experts must be 1 to {len(SPECIALITIES)}, but came as {experts}.")
    if ct is not None:
        require_same_grid(anatomy.grid, ct.grid, names=("the anatomy", "the CT"))
    streams = rng.spawn(experts)
    pairs = zip(SPECIALITIES, streams, strict=False)
    return tuple(_expert(speciality, anatomy, ct, stream) for speciality, stream in pairs)


def _expert(speciality: Speciality, anatomy: Labelmap, ct: Volume | None, rng: np.random.Generator) -> ExpertMap:
    canvas = FaultCanvas(anatomy)
    known = frozenset(ids_where(speciality.knows)) | _tissue_ids(speciality)
    covers = _field_of_view(canvas, speciality.around, rng)
    seen = covers.mask(canvas.grid) & (canvas.true > 0)
    table = np.zeros(256, dtype=np.uint8)
    table[list(known)] = list(known)
    hu = None if ct is None else canvas.storage.along_ras(ct.values)
    drawn = blurred(canvas.labels, canvas.grid.spacing_mm, rng=rng, hu=hu)
    confused, fault = _confused(Labelmap(drawn, canvas.grid), speciality.faults, table, seen, rng)
    said = np.where(seen, table[confused.values], np.uint8(0))
    said = np.where(seen, traded(said, canvas.grid.spacing_mm, _habit(rng), rng=rng, hu=hu), np.uint8(0))
    return ExpertMap(speciality.name, Labelmap(canvas.storage.as_stored(said), anatomy.grid), known, covers, fault)


def _confused(
    drawn: Labelmap, faults: tuple[str, ...], table: Labels, seen: Mask, rng: np.random.Generator
) -> tuple[Labelmap, str]:
    """The map with the first possible of an expert's faults that shows in what it knows and sees; its name."""
    for number in rng.permutation(len(faults)).tolist():
        try:
            injected = inject(faults[number], drawn, rng=rng)
        except NotPossible:
            continue
        places = injected.changed & seen
        if (table[injected.labelmap.values[places]] != table[injected.original.values[places]]).any():
            return injected.labelmap, faults[number]
    return drawn, ""


def _habit(rng: np.random.Generator) -> MayTrade:
    """An expert draws what it knows too large, or too small, along some stretches of its outline."""
    large = bool(rng.integers(2))
    return lambda new, old: (new > 0) & (old == 0) if large else (new == 0) & (old > 0)


def _tissue_ids(speciality: Speciality) -> frozenset[int]:
    unknown = label_by_name(UNKNOWN_TISSUE)
    return frozenset({unknown.id}) if speciality.knows(unknown) else frozenset()


def _field_of_view(canvas: FaultCanvas, around: tuple[str, ...], rng: np.random.Generator) -> RasBox:
    """A box around structures, somewhat wider or tighter; as wide as the scan where none of them is in it."""
    edges = np.round(rng.uniform(*_EDGE_MM, (2, 3)), 1)
    found = canvas.present(around)
    if not found:
        return RasBox((-np.inf, -np.inf, -np.inf), (np.inf, np.inf, np.inf))
    points = points_ras(canvas, *found)
    low, high = (points.min(axis=0) - edges[0]).tolist(), (points.max(axis=0) + edges[1]).tolist()
    return RasBox((low[0], low[1], low[2]), (high[0], high[1], high[2]))
