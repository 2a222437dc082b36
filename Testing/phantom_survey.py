"""What made patients hold, counted without the maker's own code: volumes, pieces, neighbours, order.

`Testing/benchmarks/phantom_table.py` prints it over many seeds; the tests assert it on a few.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import AnatomyGuidedLib
import cc3d
import numpy as np
from AnatomyGuidedLib.grid import Labelmap
from AnatomyGuidedLib.labels import id_of, label_by_id, structures

SIDES = ("Left", "Right")
SPINE = [f"{part}{number}" for part, count in (("C", 7), ("T", 12), ("L", 5)) for number in range(1, count + 1)]
RANGES_FILE = Path(AnatomyGuidedLib.__file__).parent / "data" / "organ_volumes.csv"

# What touches in every normal body, by face, edge or corner.
NEIGHBOURS: tuple[tuple[str, str], ...] = (
    ("Gallbladder", "Liver"),
    ("Aorta", "Heart Ventricle Left"),
    *[("Aorta", name) for name in ("Iliac Artery Left", "Iliac Artery Right", "Artery Brachiocephalic")],
    *[("Aorta", name) for name in ("Celiac Trunk", "Artery Subclavian Left", "Artery Common Carotid Left")],
    *[("Artery Brachiocephalic", name) for name in ("Artery Subclavian Right", "Artery Common Carotid Right")],
    *[(f"Artery Common Carotid {side}", f"Artery Internal Carotid {side}") for side in SIDES],
    *[(f"Internal Jugular Vein {side}", f"Vein Brachiocephalic {side}") for side in SIDES],
    ("Vein Brachiocephalic Left", "Vein Brachiocephalic Right"),
    *[("Inferior Vena Cava", name) for name in ("Iliac Vena Left", "Iliac Vena Right", "Heart Atrium Right")],
    ("Portal Vein and Splenic Vein", "Liver"),
    ("Portal Vein and Splenic Vein", "Spleen"),
    ("Pulmonary Artery", "Heart Ventricle Right"),
    ("Trachea", "Bronchus"),
    ("Lung Upper Lobe Left", "Lung Lower Lobe Left"),
    ("Lung Upper Lobe Right", "Lung Lower Lobe Right"),
    ("Lung Middle Lobe Right", "Lung Upper Lobe Right"),
    ("Lung Middle Lobe Right", "Lung Lower Lobe Right"),
    ("Esophagus", "Stomach"),
    ("Stomach", "Duodenum"),
    ("Duodenum", "Small Bowel"),
    ("Small Bowel", "Colon"),
    ("Pancreas", "Duodenum"),
    ("Heart Myocardium", "Heart Ventricle Left"),
    ("Brain", "Spinal Canal"),
    ("Brain", "Skull"),
    ("Vertebra C1", "Skull"),
    ("Vertebra L5", "Sacrum"),
    *[(f"Kidney {side}", "Fat") for side in SIDES],
    *[(f"Eyeball {side}", "Fat") for side in SIDES],
    *[(f"Femur {side}", f"Hip {side}") for side in SIDES],
    *[(f"Hip {side}", "Sacrum") for side in SIDES],
    *[(f"Humerus {side}", f"Scapula {side}") for side in SIDES],
    *[(f"Clavicula {side}", name) for side in SIDES for name in ("Sternum Manubrium", f"Scapula {side}")],
    *[(f"Costa {13 - rib} {side}", f"Vertebra T{rib}") for rib in range(1, 13) for side in SIDES],
    *[(f"Costa {13 - rib} {side}", "Rib Cartilage") for rib in range(1, 11) for side in SIDES],
    *[(f"Vertebra {level}", "Spinal Canal") for level in SPINE],
)  # fmt: skip
OF_WOMEN = (("Uterus", "Uterocervix"), ("Uterus", "Bladder"))
OF_MEN = (("Prostate", "Bladder"),)


@dataclass(frozen=True)
class Findings:
    """One patient: ml and pieces by name, broken neighbourhoods, and sentences about what is out of place."""

    sex: str
    volumes_ml: dict[str, float]
    pieces: dict[str, int]
    apart: tuple[tuple[str, str], ...]
    faults: tuple[str, ...]


def neighbours_of(sex: str) -> tuple[tuple[str, str], ...]:
    """The pairs that touch in a normal body of this sex."""
    return NEIGHBOURS + (OF_WOMEN if sex == "F" else OF_MEN)


def findings(anatomy: Labelmap, sex: str) -> Findings:
    """What a normal patient's label map holds."""
    values = np.asarray(anatomy.values)
    voxels = np.bincount(values.ravel(), minlength=256)
    touching = _touching(values)
    apart = tuple(pair for pair in neighbours_of(sex) if frozenset(id_of(name) for name in pair) not in touching)
    return Findings(
        sex=sex,
        volumes_ml={label.name: float(voxels[label.id] * anatomy.grid.voxel_volume_ml) for label in structures()},
        pieces=_pieces(values),
        apart=apart,
        faults=tuple(_faults(anatomy, voxels, sex)),
    )


def ranges_ml() -> dict[tuple[str, str], tuple[float, float, str]]:
    """Published lowest and highest volume, and its source, by structure and sex."""
    with RANGES_FILE.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return {(r["name"], r["sex"]): (float(r["low_ml"]), float(r["high_ml"]), r["source"]) for r in rows}


def middle_ras(anatomy: Labelmap, name: str) -> np.ndarray:
    """The mean place of a structure in mm; NaN where it has no voxel."""
    places = np.argwhere(anatomy.values == id_of(name))
    return anatomy.grid.ras_from_ijk(places).mean(axis=0) if len(places) else np.full(3, np.nan)


def heights_are_ordered(anatomy: Labelmap, names: Sequence[str]) -> bool:
    """Whether the structures that are there follow each other from head to foot."""
    heights = np.array([middle_ras(anatomy, name)[2] for name in names])
    return bool((np.diff(heights[np.isfinite(heights)]) < 0).all())


def _faults(anatomy: Labelmap, voxels: np.ndarray, sex: str) -> Iterator[str]:
    for label in structures():
        if bool(voxels[label.id]) != (label.sex in ("", sex)):
            yield f"{label.name} is {'there' if voxels[label.id] else 'not there'}"
    for label_id in sorted(_at_the_air(np.asarray(anatomy.values)) - {0, id_of("Skin")}):
        yield f"{label_by_id(label_id).name} lies at the air"
    if not heights_are_ordered(anatomy, [f"Vertebra {level}" for level in SPINE]):
        yield "the vertebrae are out of order"
    for side, sign in (("Left", -1.0), ("Right", 1.0)):
        if not heights_are_ordered(anatomy, [f"Costa {number} {side}" for number in range(12, 0, -1)]):
            yield f"the ribs on the {side.lower()} are out of order"
        for label in structures():
            if label.side == side.lower() and label.partner and middle_ras(anatomy, label.name)[0] * sign < 0:
                yield f"{label.name} lies on the other side"


def _at_the_air(values: np.ndarray) -> set[int]:
    """The labels that share a face with air."""
    found: set[int] = set()
    for axis in range(3):
        one, other = (np.moveaxis(values, axis, 0)[part] for part in (slice(1, None), slice(None, -1)))
        found |= {*np.unique(one[other == 0]).tolist(), *np.unique(other[one == 0]).tolist()}
    return found


def _pieces(values: np.ndarray) -> dict[str, int]:
    """The number of 26-connected components of each structure."""
    pieces, count = cc3d.connected_components(
        np.asfortranarray(values), connectivity=26, out_dtype=np.uint32, return_N=True
    )
    owner = np.zeros(count + 1, np.uint8)
    owner[pieces.ravel(order="F")] = values.ravel(order="F")
    counts = np.bincount(owner[1:], minlength=256)
    return {label.name: int(counts[label.id]) for label in structures()}


def _touching(values: np.ndarray) -> set[frozenset[int]]:
    """Every pair of labels that have voxels side by side, by face, edge or corner."""
    found = np.zeros((256, 256), np.bool_)
    for step in product((-1, 0, 1), repeat=3):
        if step > (0, 0, 0):
            here = tuple(slice(max(-d, 0), n - max(d, 0)) for d, n in zip(step, values.shape, strict=True))
            there = tuple(slice(max(d, 0), n - max(-d, 0)) for d, n in zip(step, values.shape, strict=True))
            pairs = values[here].astype(np.uint16) << 8 | values[there]
            codes = np.flatnonzero(np.bincount(pairs.ravel(), minlength=65536))
            found[codes >> 8, codes & 255] = True
    return {frozenset((int(a), int(b))) for a, b in np.argwhere(found) if a != b}
