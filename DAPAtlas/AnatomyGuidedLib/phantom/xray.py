"""A chest film of the made body: image, projected anatomy, and findings as instances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from AnatomyGuidedLib.labels import id_of
from AnatomyGuidedLib.phantom.anatomy import Body
from AnatomyGuidedLib.phantom.shapes import Field
from AnatomyGuidedLib.phantom.xray_change import Change
from AnatomyGuidedLib.phantom.xray_chest import Chest, beam_for, boxes_of, cut_out
from AnatomyGuidedLib.phantom.xray_detector import displayed, exposed
from AnatomyGuidedLib.phantom.xray_findings import add_findings, draw_categories
from AnatomyGuidedLib.phantom.xray_projection import Beam, Box, Mask, Point, attenuation, line_integrals
from AnatomyGuidedLib.phantom.xray_standing import stand_up

_EVERYWHERE = ("Background", "Unknown Tissue", "Muscles", "Fat", "Skin")  # what covers the film shows no structure
_COLLIMATED_MM = 4.0
_CRUMB = 0.1


@dataclass(frozen=True, eq=False)
class Finding:
    """One abnormality: its mask on the film, the box around that, and where its host holds it in the body.

    `box_xywh` is in pixels, from the film's upper left; the corners of its 3D box are RAS mm of the lying body.
    """

    category: str
    host: str
    mask: Mask
    box_xywh: tuple[int, int, int, int]
    low_ras_mm: Point
    high_ras_mm: Point


@dataclass(frozen=True, eq=False)
class Xray:
    """A PA film: rows from the head downwards, the patient's right on the image's left.

    Anatomy holds a mask for each structure that the film shows; structures lie in front of each other.
    """

    image: npt.NDArray[np.uint8]
    pixel_mm: float
    anatomy: Mapping[str, Mask]
    instances: tuple[Finding, ...]


def make_xray(
    body: Body,
    hu: Field,
    *,
    rng: np.random.Generator,
    findings: int | None = None,
    categories: Sequence[str] | None = None,
) -> Xray:
    """The chest film of a body.

    Args:
        body: A body whose field of view holds the thorax.
        hu: Its CT, [i, j, k] along R, A and S on the body's grid.
        rng: The source of all that is drawn.
        findings: How many kinds of finding; None draws 1 to 3. A finding of both lungs is two instances.
        categories: Exactly these kinds, in this order, instead of drawn ones; one whose host is missing is left out.

    Raises:
        AnatomyGuidedError: The body has no whole thorax, the HU are not on its grid, the number is below 0, or there
            is no such category.
    """
    posture, drawn, film = (np.random.default_rng(int(seed)) for seed in rng.integers(2**63, size=3))
    wanted = draw_categories(findings, drawn) if categories is None else tuple(categories)
    chest = cut_out(body, hu)
    stand_up(chest, posture)
    beam = beam_for(chest)
    changes = add_findings(chest, wanted, drawn)
    open_field = _open_field(chest, beam)
    integrals = line_integrals(attenuation(chest.hu), chest.lattice, beam, spill=True)
    image = displayed(exposed(integrals, beam.pixel_mm, film), open_field, beam.pixel_mm)
    seen = (_finding(chest, beam, change, open_field) for change in changes)
    return Xray(
        image, beam.pixel_mm, projected_anatomy(chest, beam, open_field), tuple(f for f in seen if f is not None)
    )


def projected_anatomy(chest: Chest, beam: Beam, open_field: Mask) -> Mapping[str, Mask]:
    """The mask of each structure that shows on the film, in the order of DAP ids."""
    masks = {}
    for name, box in boxes_of(chest.labels).items():
        if name not in _EVERYWHERE:
            mask = _shadow(chest.labels[box] == id_of(name), chest, box, beam, 0.0) & open_field
            if mask.any():
                masks[name] = mask
    return MappingProxyType(masks)


def _open_field(chest: Chest, beam: Beam) -> Mask:
    """Where the beam is open: as high and low as the field of view goes, at the lungs' depth."""
    box = chest.box_of([name for lung in chest.lungs for name in lung])
    a = chest.lattice.at(1, (box[1].start + box[1].stop - 1) / 2)
    low, high = chest.lattice.at(2, 0.0), chest.lattice.at(2, chest.labels.shape[2] - 1.0)
    s = beam.s_at(a)
    rows = (s > low + _COLLIMATED_MM) & (s < high - _COLLIMATED_MM)
    return np.broadcast_to(rows[:, None], (beam.pixels, beam.pixels))


def _shadow(voxels: Mask, chest: Chest, box: Box, beam: Beam, visible_mm: float) -> Mask:
    """Pixels whose ray runs `visible_mm` through these voxels, but half a voxel at least."""
    thickness = line_integrals(voxels, chest.lattice.part(box), beam)
    return np.asarray(thickness >= max(0.5 * chest.spacing_mm, visible_mm))


def _finding(chest: Chest, beam: Beam, change: Change, open_field: Mask) -> Finding | None:
    """None for what the film does not show."""
    mask = _shadow(change.where, chest, change.box, beam, change.visible_mm) & open_field
    if not mask.any():
        mask = _shadow(change.where, chest, change.box, beam, 0.0) & open_field
    mask = _closed(mask, change.closing_mm / beam.pixel_mm) if change.closing_mm else mask
    mask = _without_crumbs(mask)
    if not mask.any():
        return None
    rows, columns = ndimage.find_objects(mask.astype(np.uint8))[0]
    voxels = [np.flatnonzero(change.where.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
    lattice = chest.lattice.part(change.box)
    low = lattice.ras((voxels[0][0] - 0.5, voxels[1][0] - 0.5, voxels[2][0] - 0.5))
    high = lattice.ras((voxels[0][-1] + 0.5, voxels[1][-1] + 0.5, voxels[2][-1] + 0.5))
    box_xywh = (columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)
    return Finding(change.category, change.host, mask, box_xywh, low, high)


def _closed(mask: Mask, reach: float) -> Mask:
    """The mask with the gaps between its parts filled."""
    around = np.pad(mask, int(reach) + 1)
    wider = ndimage.distance_transform_edt(~around) <= reach
    filled = ndimage.binary_fill_holes(ndimage.distance_transform_edt(wider) > reach)
    side = int(reach) + 1
    return np.asarray(filled[side:-side, side:-side] | mask)


def _without_crumbs(mask: Mask) -> Mask:
    """The parts of a mask that have a tenth of its largest part's pixels, and more."""
    parts, count = ndimage.label(mask, np.ones((3, 3), dtype=np.bool_))
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    sizes[0] = 0
    return np.asarray((sizes >= max(_CRUMB * sizes.max(), 1))[parts])
