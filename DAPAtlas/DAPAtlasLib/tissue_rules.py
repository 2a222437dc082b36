"""The expert that needs no network: body, skin, fat and muscle from HU and morphology.

Fat and muscle are voxels inside the tissue's HU window (Aubrey et al. 2014, doi 10.1111/apha.12224, for both windows),
away from air and bone. A voxel is called muscle only where position says so too: in the wall of the trunk and limbs, or
between a bone and the skin. Everything else in the body stays Unknown Tissue; organs are for other experts.

Positions are computed on a coarse copy of about 3 mm, HU windows on the CT itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.components import connected_components, without_dust
from AnatomyGuidedLib.grid import Labelmap, Volume
from AnatomyGuidedLib.labels import id_of
from scipy import ndimage

from DAPAtlasLib.body import AIR_BELOW_HU, CROSS, MUSCLE_HU, coarse_body, fine_body
from DAPAtlasLib.coarse import Coarse, Mask, axial_last, disk, filled_in_plane, opened, within

FAT_HU = (-190.0, -30.0)
_BONE_FROM_HU = 180.0
_SKIN_MM = 2.0
_WALL_MM = 10.0
_BONE_COVER_MM = 20.0
_DEEPEST_COVER_MM = 35.0
_LEAST_APPROACH = 0.3
_ENVELOPE_CLOSING_MM = 30.0
_LEAST_BONE_ML = 2.0
_LEAST_PATCH_ML = 0.1  # smaller patches are noise, or too small to be trusted
_LARGE_HOLE_MM2 = 2000.0
_MOST_FAT_IN_SKULL = 0.2


def tissue_labelmap(ct: Volume) -> Labelmap:
    """Skin, Fat, Muscles and Unknown Tissue; 0 outside the body (table, air).

    Raises:
        AnatomyGuidedError: No body of at least 50 ml is in the image.
    """
    standing = axial_last(ct)
    coarse = Coarse.of(standing)
    body_near = coarse_body(coarse)
    body = fine_body(standing.values, coarse, body_near)
    skin = body & ~_shrunk(body, standing.spacing_mm)
    near_air = ndimage.binary_dilation(body & (standing.values < AIR_BELOW_HU), CROSS)
    dense = _dense(coarse, body_near)
    inside = body & ~skin & ~near_air & ~coarse.spread(dense)
    tissues = np.zeros(body.shape, dtype=np.uint8)
    tissues[inside & within(standing.values, FAT_HU)] = id_of("Fat")
    muscle_zone = coarse.spread(_muscle_zone(coarse, body_near, dense))
    tissues[inside & muscle_zone & within(standing.values, MUSCLE_HU)] = id_of("Muscles")
    labels = without_dust(tissues, least_voxels=_least_patch_voxels(standing.spacing_mm))
    labels[body & (labels == 0)] = id_of("Unknown Tissue")
    labels[skin] = id_of("Skin")
    return Labelmap(np.ascontiguousarray(np.moveaxis(labels, -1, standing.axial_axis)), ct.grid)


def _least_patch_voxels(spacing_mm: tuple[float, float, float]) -> int:
    return int(np.ceil(_LEAST_PATCH_ML * 1000.0 / np.prod(spacing_mm)))


def _shrunk(body: Mask, spacing_mm: tuple[float, float, float]) -> Mask:
    """The body without its outermost 2 mm (one voxel where voxels are larger); the image's border is no skin."""
    reach = disk(max(_SKIN_MM, *spacing_mm[:2]), spacing_mm)
    return np.asarray(ndimage.binary_erosion(body, reach, border_value=1))


def _dense(coarse: Coarse, body: Mask) -> Mask:
    """Bones with their marrow and the space they enclose, plus whatever contrast makes as dense."""
    dense = body & (coarse.values > _BONE_FROM_HU)
    closed = ndimage.binary_closing(np.pad(dense, 3), CROSS, iterations=2)[3:-3, 3:-3, 3:-3] | dense
    parts = connected_components(closed)
    kept = coarse.ml(1) * np.bincount(parts.ravel()) >= _LEAST_BONE_ML
    kept[0] = False
    firm: Mask = kept[parts]
    holes = _in_plane_components(filled_in_plane(firm) & ~firm)
    return np.asarray(firm | _enclosed_by_bone(coarse, holes)[holes])


def _enclosed_by_bone(coarse: Coarse, holes: npt.NDArray[Any]) -> Mask:
    """Which holes count as bone: small ones (marrow, spinal canal), and large ones with little fat (a skull's)."""
    counts = np.bincount(holes.ravel())
    fat = np.bincount(holes.ravel(), weights=within(coarse.values, FAT_HU).ravel())
    area_mm2 = counts * coarse.spacing_mm[0] * coarse.spacing_mm[1]
    enclosed = (area_mm2 < _LARGE_HOLE_MM2) | (fat < _MOST_FAT_IN_SKULL * counts)
    enclosed[0] = False
    return np.asarray(enclosed)


def _muscle_zone(coarse: Coarse, body: Mask, dense: Mask) -> Mask:
    """Where soft tissue is muscle by position: the wall's outer 10 mm, or before a deeper bone."""
    firm = body & ~within(coarse.values, FAT_HU) & ~_outermost(body)
    inside_wall = _closed_in_plane(opened(firm, CROSS), coarse.spacing_mm) & body
    depth_mm = _depth_mm(inside_wall, coarse.spacing_mm)
    in_wall = (depth_mm > 0) & (depth_mm <= _WALL_MM)
    if not dense.any():
        return in_wall
    to_bone_mm = ndimage.distance_transform_edt(~dense, sampling=coarse.spacing_mm)
    bone_is_deeper = _change_inwards(to_bone_mm, depth_mm, coarse.spacing_mm) < -_LEAST_APPROACH
    shallow = (depth_mm > 0) & (depth_mm <= _DEEPEST_COVER_MM)
    return np.asarray(in_wall | (shallow & bone_is_deeper & (to_bone_mm <= _BONE_COVER_MM)))


def _change_inwards(
    field_mm: npt.NDArray[np.float64], depth_mm: npt.NDArray[np.float32], spacing_mm: tuple[float, float, float]
) -> npt.NDArray[np.float64]:
    """How much a field changes a mm on the way away from the skin, in each axial slice; 0 in a slab of one voxel."""
    if min(depth_mm.shape[:2]) < 2:
        return np.zeros(depth_mm.shape)
    inwards = np.gradient(depth_mm, *spacing_mm[:2], axis=(0, 1))
    change = np.gradient(field_mm, *spacing_mm[:2], axis=(0, 1))
    return np.asarray(inwards[0] * change[0] + inwards[1] * change[1])


def _outermost(body: Mask) -> Mask:
    return np.asarray(body & ~ndimage.binary_erosion(body, CROSS, border_value=1))


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
    parts = connected_components(closed)
    counts = np.bincount(parts.ravel())
    counts[0] = 0
    return np.asarray(closed & (counts >= 0.05 * counts.max())[parts])


def _in_plane_components(mask: Mask) -> npt.NDArray[np.int32]:
    structure = np.zeros((3, 3, 3), dtype=bool)
    structure[:, 1, 1] = structure[1, :, 1] = True
    return np.asarray(ndimage.label(mask, structure)[0], dtype=np.int32)
