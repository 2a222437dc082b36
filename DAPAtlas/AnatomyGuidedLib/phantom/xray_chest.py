"""The thorax that is filmed: labels and HU around the lungs, and where the film hangs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import FloatArray
from AnatomyGuidedLib.labels import ids_of, label_by_id, structures
from AnatomyGuidedLib.phantom.anatomy import Body
from AnatomyGuidedLib.phantom.body_plan import BodyPlan
from AnatomyGuidedLib.phantom.shapes import Axes, Field
from AnatomyGuidedLib.phantom.xray_projection import Beam, Box, Lattice, Mask, sampled

LOBES = tuple(label.name for label in structures() if label.name.startswith("Lung"))
HEART = tuple(label.name for label in structures() if label.name.startswith("Heart"))
_SPINE = tuple(f"Vertebra T{number}" for number in range(4, 11))
_WALL = tuple(
    label.name
    for label in structures()
    if label.group in ("Ribs", "Bones", "Musculature") or label.name in ("Muscles", "Fat", "Skin", "Rib Cartilage")
)
_BEYOND_MM = 75.0  # what a film shows above the apices and below the recesses
_TO_DETECTOR_MM = 15.0
_LUNGS_OF_FILM = 0.82
_DISTANCE_STEP_MM = 3.0


@dataclass(frozen=True, eq=False)
class Chest:
    """A patient's thorax: DAP ids and HU, [i, j, k] along R, A and S; findings change both arrays."""

    labels: npt.NDArray[np.uint8]
    hu: Field
    lattice: Lattice
    plan: BodyPlan

    @property
    def spacing_mm(self) -> float:
        return self.lattice.spacing_mm

    @cached_property
    def boxes(self) -> dict[str, Box]:
        """The box around each structure that is there, as it was before any finding."""
        return boxes_of(self.labels)

    @property
    def spine_i(self) -> float:
        """The voxel coordinate along R of the spine's middle."""
        return float(self.spine_at_slices.mean())

    @cached_property
    def spine_at_slices(self) -> FloatArray:
        """The same in each slice from the lowest up: a spine may swing aside."""
        boxes = [self.boxes[name] for name in _SPINE]
        middles = [[(box[axis].start + box[axis].stop - 1) / 2 for axis in (2, 0)] for box in boxes]
        heights, across = np.array(middles[::-1]).T
        return np.asarray(np.interp(np.arange(self.labels.shape[2]), heights, across))

    @cached_property
    def lungs(self) -> tuple[tuple[str, ...], ...]:
        """The lobes that are there, the lung on the patient's right first; where they lie decides, not their names."""
        present = [name for name in LOBES if name in self.boxes]
        sides = {name: self.boxes[name][0] for name in present}
        right = tuple(name for name, side in sides.items() if (side.start + side.stop - 1) / 2 > self.spine_i)
        return tuple(lung for lung in (right, tuple(name for name in present if name not in right)) if lung)

    def mask(self, names: Iterable[str], box: Box | None = None) -> Mask:
        """The voxels of these structures, in the whole thorax or in a box of it."""
        wanted = np.zeros(256, dtype=np.bool_)
        wanted[list(ids_of(names))] = True
        return np.asarray(wanted[self.labels[box] if box else self.labels])

    def box_of(self, names: Iterable[str], more_mm: float = 0.0) -> Box:
        """The box around those of the structures that are there, and so many mm more."""
        found = [self.boxes[name] for name in names if name in self.boxes]
        more = int(np.ceil(more_mm / self.spacing_mm))
        i, j, k = (
            slice(
                max(0, min(box[n].start for box in found) - more), min(size, max(box[n].stop for box in found) + more)
            )
            for n, size in enumerate(self.labels.shape)
        )
        return i, j, k

    def box_around(self, middle: FloatArray, reach_mm: float) -> Box:
        """The box within so many mm of a voxel."""
        reach = reach_mm / self.spacing_mm + 1.0
        i, j, k = (
            slice(max(0, int(np.floor(m - reach))), min(size, int(np.ceil(m + reach)) + 1))
            for m, size in zip(middle.tolist(), self.labels.shape, strict=True)
        )
        return i, j, k

    def offsets_mm(self, box: Box, middle: FloatArray) -> Axes:
        """How far the box's voxels lie from a place (voxel coordinates) along R, A and S."""
        r, a, s = (
            ((np.arange(side.start, side.stop) - m) * self.spacing_mm).astype(np.float32)
            for side, m in zip(box, middle.tolist(), strict=True)
        )
        return r, a, s

    def blend(self, box: Box, share: Field, hu: Field | float) -> None:
        """Nothing; this share of each of the box's voxels has other HU."""
        part = self.hu[box]
        part += share * (hu - part)

    def from_wall_mm(self, lung: Iterable[str], box: Box) -> Field:
        """How far a box's voxels lie from ribs and chest muscles (not from mediastinum or diaphragm)."""
        step = max(1, int(_DISTANCE_STEP_MM / self.spacing_mm))
        wall = self.mask(_WALL, box)[::step, ::step, ::step]
        wall[self.mask(lung, box)[::step, ::step, ::step]] = False
        distance = ndimage.distance_transform_edt(~wall) if wall.any() else np.full(wall.shape, np.inf)
        return _finer(((distance - 0.5) * step * self.spacing_mm).astype(np.float32), step, box)


def boxes_of(labels: npt.NDArray[np.uint8]) -> dict[str, Box]:
    """The box around each structure of a label map, by name."""
    found = ndimage.find_objects(labels)
    return {label_by_id(n).name: box for n, box in enumerate(found, 1) if box is not None}


def cut_out(body: Body, hu: Field) -> Chest:
    """The body's whole width and depth from below the lungs to above them, as it lies.

    Raises:
        AnatomyGuidedError: The HU are not the body's, or the body has no whole thorax.
    """
    if hu.shape != body.labels.shape:
        raise AnatomyGuidedError(
            f"HU on the body's grid of {body.labels.shape} voxels were expected, but {hu.shape} came; "
            "pass what make_ct returned for this body."
        )
    box = _box_of_thorax(body)
    r, a, s = (float(v) for v in body.grid.affine[:3, 3])
    lattice = Lattice((r, a, s), body.spacing_mm).part(box)
    return Chest(body.labels[box].copy(), hu[box].astype(np.float32), lattice, body.plan)


def beam_for(chest: Chest) -> Beam:
    """Tube, detector and collimation for this patient: the lungs fill most of the film."""
    box = chest.box_of(LOBES)
    r, a, s = (chest.lattice.at(n, (side.start + side.stop - 1) / 2) for n, side in enumerate(box))
    front = chest.lattice.at(1, float(np.flatnonzero(chest.labels.any(axis=(0, 2)))[-1])) + _TO_DETECTOR_MM
    beam = Beam(round(r, 3), round(s, 3), round(front, 3))
    size = max(box[n].stop - box[n].start for n in (0, 2)) * chest.spacing_mm * beam.magnification(a)
    return replace(beam, pixel_mm=round(size / _LUNGS_OF_FILM / beam.pixels, 3))


def _box_of_thorax(body: Body) -> Box:
    present = boxes_of(body.labels)
    missing = [name for name in _SPINE if name not in present]
    missing += [kind for kind, names in (("any heart", HEART), ("any lobe", LOBES)) if not present.keys() & {*names}]
    if missing:
        raise AnatomyGuidedError(
            f"A chest X-ray needs a whole thorax, but this body lacks {', '.join(missing)} "
            f'(its field of view is "{body.variants.field_of_view}"); make one whose field of view holds the thorax.'
        )
    lungs = [present[name][2] for name in LOBES if name in present]
    more = int(np.ceil(_BEYOND_MM / body.spacing_mm))
    i, j, k = body.labels.shape
    low, high = min(side.start for side in lungs) - more, max(side.stop for side in lungs) + more
    return slice(0, i), slice(0, j), slice(max(0, low), min(k, high))


def _finer(values: Field, step: int, box: Box) -> Field:
    """Every `step`th voxel's values, joined linearly for all voxels of a box."""
    if step == 1:
        return values
    for axis, side in enumerate(box):
        places = np.minimum(np.arange(side.stop - side.start) / step, values.shape[axis] - 1.0)
        flat = np.moveaxis(values, axis, 0)
        joined = sampled(flat.reshape(flat.shape[0], -1), places).reshape(-1, *flat.shape[1:])
        values = np.moveaxis(joined, 0, axis)
    return np.ascontiguousarray(values)
