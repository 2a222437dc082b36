"""The expert that needs no network: body, skin, fat and muscle from HU and morphology.

Fat and muscle are voxels inside the tissue's HU window (Aubrey et al. 2014, doi 10.1111/apha.12224, for both windows),
away from air and bone. A voxel is called muscle only where position says so too: in the wall of the trunk and limbs, or
between a bone and the skin. Everything else in the body stays Unknown Tissue; organs are for other experts.

Positions are computed on a coarse copy of about 3 mm, HU windows on the CT itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cc3d
import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Labelmap, Volume
from AnatomyGuidedLib.labels import id_of
from scipy import ndimage

Mask = npt.NDArray[np.bool_]

FAT_HU = (-190.0, -30.0)
MUSCLE_HU = (-29.0, 150.0)
_AIR_BELOW_HU = -300.0
_BONE_FROM_HU = 180.0
_COARSE_MM = 3.0
_TABLE_THICKNESS_MM = 6.0
_SKIN_MM = 2.0
_WALL_MM = 10.0
_BONE_COVER_MM = 20.0
_DEEPEST_COVER_MM = 35.0
_ENVELOPE_CLOSING_MM = 30.0
_LEAST_BODY_ML = 50.0
_LEAST_LIMB_SOFT_SHARE = 0.3
_LEAST_BONE_ML = 2.0
_LARGE_HOLE_MM2 = 2000.0
_MOST_FAT_IN_SKULL = 0.2
_CROSS = ndimage.generate_binary_structure(3, 1)


def tissue_labelmap(ct: Volume) -> Labelmap:
    """Skin, Fat, Muscles and Unknown Tissue; 0 outside the body (table, air).

    Raises:
        AnatomyGuidedError: No body of at least 50 ml is in the image.
    """
    standing = _axial_last(ct)
    coarse = _Coarse.of(standing)
    body_near = _body(coarse)
    body = _fine_body(standing.values, coarse, body_near)
    skin = body & ~_shrunk(body, standing.spacing_mm)
    near_air = ndimage.binary_dilation(body & (standing.values < _AIR_BELOW_HU), _CROSS)
    dense = _dense(coarse, body_near)
    inside = body & ~skin & ~near_air & ~coarse.spread(dense)
    labels = np.where(body, np.uint8(id_of("Unknown Tissue")), np.uint8(0))
    labels[inside & _within(standing.values, FAT_HU)] = id_of("Fat")
    muscle_zone = coarse.spread(_muscle_zone(coarse, body_near, dense))
    labels[inside & muscle_zone & _within(standing.values, MUSCLE_HU)] = id_of("Muscles")
    labels[skin] = id_of("Skin")
    return Labelmap(np.ascontiguousarray(np.moveaxis(labels, -1, standing.axial_axis)), ct.grid)


@dataclass(frozen=True)
class _Standing:
    """The CT's values with the axis closest to superior last."""

    values: npt.NDArray[np.float32]
    spacing_mm: tuple[float, float, float]
    axial_axis: int


@dataclass(frozen=True)
class _Coarse:
    """Block means of about 3 mm, and the way back to the CT's voxels."""

    values: npt.NDArray[np.float32]
    spacing_mm: tuple[float, float, float]
    factors: tuple[int, int, int]
    fine_shape: tuple[int, int, int]

    @classmethod
    def of(cls, standing: _Standing) -> _Coarse:
        fine, spacing = standing.values, standing.spacing_mm
        i, j, k = (max(1, round(_COARSE_MM / side)) for side in spacing)
        values = fine
        for axis, factor in enumerate((i, j, k)):
            values = _block_means(values, axis, factor)
        shape = (fine.shape[0], fine.shape[1], fine.shape[2])
        return cls(values, (spacing[0] * i, spacing[1] * j, spacing[2] * k), (i, j, k), shape)

    def spread(self, mask: Mask) -> Mask:
        for axis, factor in enumerate(self.factors):
            mask = np.repeat(mask, factor, axis=axis) if factor > 1 else mask
        return mask[tuple(slice(n) for n in self.fine_shape)]

    def ml(self, voxels: float) -> float:
        return voxels * float(np.prod(self.spacing_mm)) / 1000.0


def _axial_last(ct: Volume) -> _Standing:
    axis = int(np.argmax(np.abs(ct.grid.directions[2])))
    spacing = [*ct.grid.spacing_mm]
    spacing.append(spacing.pop(axis))
    return _Standing(np.moveaxis(ct.values, axis, -1), (spacing[0], spacing[1], spacing[2]), axis)


def _block_means(values: npt.NDArray[np.float32], axis: int, factor: int) -> npt.NDArray[np.float32]:
    if factor == 1:
        return values
    starts = np.arange(0, values.shape[axis], factor)
    counts = np.diff([*starts, values.shape[axis]]).astype(np.float32)
    shape = [1, 1, 1]
    shape[axis] = -1
    return np.asarray(np.add.reduceat(values, starts, axis=axis) / counts.reshape(shape), dtype=np.float32)


def _body(coarse: _Coarse) -> Mask:
    """The patient without table and clothes, lungs and bowel gas filled in."""
    dense = coarse.values > _AIR_BELOW_HU
    disk = _disk(_TABLE_THICKNESS_MM, coarse.spacing_mm)
    parts = _components(ndimage.binary_opening(_extended(dense), disk)[1:-1, 1:-1, :])
    kept = _patient_parts(coarse, parts)
    body = ndimage.binary_dilation(kept, disk, mask=dense) if kept.any() else kept
    return _filled(body)


def _patient_parts(coarse: _Coarse, parts: npt.NDArray[Any]) -> Mask:
    """The largest part, and others (arms, legs) that are mostly soft tissue."""
    counts = np.bincount(parts.ravel())
    counts[0] = 0
    if coarse.ml(float(counts.max(initial=0))) < _LEAST_BODY_ML:
        raise AnatomyGuidedError(
            f"No body was found in the CT: no connected tissue above {_AIR_BELOW_HU:g} HU of at least "
            f"{_LEAST_BODY_ML:g} ml; check that the image is a CT in HU."
        )
    soft = np.bincount(parts.ravel(), weights=_within(coarse.values, MUSCLE_HU).ravel(), minlength=len(counts))
    limb = (soft >= _LEAST_LIMB_SOFT_SHARE * counts) & (coarse.ml(1) * counts >= _LEAST_BODY_ML)
    limb[int(np.argmax(counts))] = True
    limb[0] = False
    return np.asarray(limb[parts])


def _fine_body(values: npt.NDArray[np.float32], coarse: _Coarse, body: Mask) -> Mask:
    if coarse.factors == (1, 1, 1):
        return body
    sure = coarse.spread(ndimage.binary_erosion(body, _CROSS, border_value=1))
    near = coarse.spread(ndimage.binary_dilation(body, _CROSS))
    return sure | (near & (values > _AIR_BELOW_HU))


def _shrunk(body: Mask, spacing_mm: tuple[float, float, float]) -> Mask:
    """The body without its outermost 2 mm (one voxel where voxels are larger); the image's border is no skin."""
    disk = _disk(max(_SKIN_MM, max(spacing_mm[:2])), spacing_mm)
    return np.asarray(ndimage.binary_erosion(body, disk, border_value=1))


def _dense(coarse: _Coarse, body: Mask) -> Mask:
    """Bones with their marrow and the space they enclose, plus whatever contrast makes as dense."""
    dense = body & (coarse.values > _BONE_FROM_HU)
    closed = ndimage.binary_closing(np.pad(dense, 3), _CROSS, iterations=2)[3:-3, 3:-3, 3:-3] | dense
    parts = _components(closed)
    kept = coarse.ml(1) * np.bincount(parts.ravel()) >= _LEAST_BONE_ML
    kept[0] = False
    firm: Mask = kept[parts]
    holes = _components(_filled(firm) & ~firm, in_plane=True)
    return np.asarray(firm | _enclosed_by_bone(coarse, holes)[holes])


def _enclosed_by_bone(coarse: _Coarse, holes: npt.NDArray[Any]) -> Mask:
    """Which holes count as bone: small ones (marrow, spinal canal), and large ones with little fat (a skull's)."""
    counts = np.bincount(holes.ravel())
    fat = np.bincount(holes.ravel(), weights=_within(coarse.values, FAT_HU).ravel())
    area_mm2 = counts * coarse.spacing_mm[0] * coarse.spacing_mm[1]
    enclosed = (area_mm2 < _LARGE_HOLE_MM2) | (fat < _MOST_FAT_IN_SKULL * counts)
    enclosed[0] = False
    return np.asarray(enclosed)


def _muscle_zone(coarse: _Coarse, body: Mask, dense: Mask) -> Mask:
    """Where soft tissue is muscle by position: the wall's outer 10 mm, or before a deeper bone."""
    firm = body & ~_within(coarse.values, FAT_HU) & ~_outermost(body)
    firm = ndimage.binary_opening(firm, _CROSS)
    depth_mm = _depth_mm(_closed_in_plane(firm, coarse.spacing_mm) & body, coarse.spacing_mm)
    in_wall = (depth_mm > 0) & (depth_mm <= _WALL_MM)
    if not dense.any():
        return in_wall
    to_bone_mm, nearest = ndimage.distance_transform_edt(~dense, sampling=coarse.spacing_mm, return_indices=True)
    covers_bone = (to_bone_mm <= _BONE_COVER_MM) & (depth_mm[tuple(nearest)] > depth_mm + _COARSE_MM)
    return np.asarray(in_wall | (covers_bone & (depth_mm > 0) & (depth_mm <= _DEEPEST_COVER_MM)))


def _outermost(body: Mask) -> Mask:
    return body & ~ndimage.binary_erosion(body, _CROSS, border_value=1)


def _depth_mm(mask: Mask, spacing_mm: tuple[float, float, float]) -> npt.NDArray[np.float32]:
    """In each axial slice the distance to the mask's border; the image's border is none."""
    depth = np.zeros(mask.shape, dtype=np.float32)
    for k in range(mask.shape[2]):
        if mask[:, :, k].any():
            depth[:, :, k] = ndimage.distance_transform_edt(mask[:, :, k], sampling=spacing_mm[:2])
    return depth


def _closed_in_plane(mask: Mask, spacing_mm: tuple[float, float, float]) -> Mask:
    """In each axial slice the largest part of the mask closed over 30 mm, holes filled: what lies inside the wall."""
    margin = int(np.ceil(_ENVELOPE_CLOSING_MM / min(spacing_mm[:2]))) + 2
    closed = np.zeros_like(mask)
    for k in range(mask.shape[2]):
        if mask[:, :, k].any():
            plane = np.pad(mask[:, :, k], margin)
            grown = ndimage.distance_transform_edt(~plane, sampling=spacing_mm[:2]) <= _ENVELOPE_CLOSING_MM
            shrunk = ndimage.distance_transform_edt(grown, sampling=spacing_mm[:2]) > _ENVELOPE_CLOSING_MM
            closed[:, :, k] = ndimage.binary_fill_holes(shrunk | plane)[margin:-margin, margin:-margin]
    parts = _components(closed)
    counts = np.bincount(parts.ravel())
    counts[0] = 0
    return np.asarray(closed & (counts >= 0.05 * counts.max())[parts])


def _filled(mask: Mask) -> Mask:
    filled = np.zeros_like(mask)
    for k in range(mask.shape[2]):
        filled[:, :, k] = ndimage.binary_fill_holes(mask[:, :, k])
    return filled


def _components(mask: Mask, *, in_plane: bool = False) -> npt.NDArray[np.int32]:
    if not in_plane:
        return np.asarray(cc3d.connected_components(mask, connectivity=26, out_dtype=np.uint32)).astype(np.int32)
    structure = np.zeros((3, 3, 3), dtype=bool)
    structure[:, 1, 1] = structure[1, :, 1] = True
    return np.asarray(ndimage.label(mask, structure)[0], dtype=np.int32)


def _extended(mask: Mask) -> Mask:
    """The mask repeated one voxel past the image's border in plane, so that opening does not eat what the border cuts."""
    return np.pad(mask, ((1, 1), (1, 1), (0, 0)), mode="edge")


def _disk(radius_mm: float, spacing_mm: tuple[float, float, float]) -> Mask:
    i, j = (int(radius_mm / side + 1e-6) for side in spacing_mm[:2])
    x, y = np.mgrid[-i : i + 1, -j : j + 1]
    return np.asarray((x * spacing_mm[0]) ** 2 + (y * spacing_mm[1]) ** 2 <= radius_mm**2 + 1e-6)[:, :, None]


def _within(values: npt.NDArray[np.float32], window: tuple[float, float]) -> Mask:
    return (values >= window[0]) & (values <= window[1])
