"""Pictures of single lesions: an axial slice with reference and prediction outlined, drawn by Slicer's own code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume
from AnatomyGuidedLib.mrml_available import scene_unavailable_reason
from AnatomyGuidedLib.progress import Progress, no_progress
from AnatomyGuidedLib.render import ImageLayer, SliceView, require_rendering, slice_picture
from AnatomyGuidedLib.render_window import RenderingUnavailable
from AnatomyGuidedLib.report import Figure
from AnatomyGuidedLib.segments import Segment

from CCMetricsLib.colors import PREDICTION, REFERENCE
from CCMetricsLib.components import Components, IntArray
from CCMetricsLib.evaluate import ComponentScore, EvaluationParameters
from CCMetricsLib.maps import dice_of, lesion_components, of_class, partition_spacing, title_of
from CCMetricsLib.partition import Partition

_SIZE = (360, 360)
_MARGIN_MM = 15.0
_LEAST_WIDTH_MM = 40.0
_FILL = 0.15
_OTHER_REGION, _OWN_REGION = 0.12, 0.32  # grey without an image


@dataclass(frozen=True, eq=False)
class CaseImages:
    """What the pictures are made of; without an image the regions are shown in two shades of grey."""

    reference: Labelmap
    prediction: Labelmap
    parameters: EvaluationParameters
    image: Volume | None = None

    def of_class(self, name: str) -> CaseImages:
        """The same with the voxels of one class alone."""
        return replace(self, reference=of_class(self.reference, name), prediction=of_class(self.prediction, name))

    def partition(self) -> Partition:
        """The regions of the reference's lesions."""
        components = lesion_components(self.reference, self.parameters)
        return Partition(components, partition_spacing(self.reference, self.parameters))


def lesion_figures(
    images: CaseImages, lesions: Sequence[ComponentScore], *, progress: Progress = no_progress
) -> list[Figure]:
    """A figure a lesion, through the slice in which the reference is largest.

    Raises:
        RenderingUnavailable: Slicer's libraries are missing here, or cannot draw.
    """
    reason = scene_unavailable_reason()
    if reason:
        raise RenderingUnavailable(f"No picture can be drawn: {reason}")
    require_rendering()
    by_class = {name: images.of_class(name) for name in {lesion.class_name for lesion in lesions}}
    partitions = {name: own.partition() for name, own in by_class.items()}
    figures = []
    for index, lesion in enumerate(lesions):
        progress(index / len(lesions), f"Drawing lesion {lesion.component}")
        figures.append(_figure(by_class[lesion.class_name], partitions[lesion.class_name], lesion))
    return figures


def _figure(images: CaseImages, partition: Partition, lesion: ComponentScore) -> Figure:
    components = partition.components
    voxels = _voxels(components, lesion.component)
    box = _box(voxels, images.reference.grid)
    crop = _cropped_grid(images.reference.grid, box)
    background = _background(images, partition, lesion.component, box)
    picture = _draw(
        Volume(background, crop),
        [images.reference.values[box], images.prediction.values[box]],
        _middle_ras(voxels, images.reference.grid),
        grey=images.image is None,
    )
    width_mm = max(size * mm for size, mm in zip(crop.shape[:2], crop.spacing_mm[:2], strict=True))
    told = "missed" if lesion.missed else f"Dice {dice_of(lesion) or 0.0:.3f}"
    return Figure(picture, f"{title_of(lesion)}: {told}, {lesion.volume_ml:.3g} ml; {width_mm:.0f} mm across", 19)


def _draw(
    background: Volume, masks: Sequence[npt.NDArray[Any]], ras_mm: tuple[float, float, float], *, grey: bool
) -> npt.NDArray[np.uint8]:
    from AnatomyGuidedLib import mrml

    scene = mrml.new_scene()
    layer = ImageLayer(mrml.add_volume(scene, background, "Background"), *_window(background, grey))
    segments = (Segment(1, "Reference", REFERENCE), Segment(2, "Prediction", PREDICTION))
    nodes = [
        mrml.add_segmentation(scene, _numbered(mask, segment.value, background.grid), [segment], segment.name)
        for mask, segment in zip(masks, segments, strict=True)
    ]
    node = nodes[0]  # its two segments overlap, so each needs an image of its own
    node.GetSegmentation().CopySegmentFromSegmentation(nodes[1].GetSegmentation(), f"Segment_{segments[1].value}")
    display = node.GetDisplayNode()
    display.SetOpacity2DFill(_FILL)
    display.SetSliceIntersectionThickness(2)
    return slice_picture(layer, SliceView("axial", ras_mm, _SIZE), segmentation=node)


def _numbered(mask: npt.NDArray[Any], number: int, grid: Grid) -> Labelmap:
    return Labelmap(np.where(mask > 0, np.uint8(number), np.uint8(0)), grid)


def _window(background: Volume, grey: bool) -> tuple[float, float]:
    """Window and level: all greys, or 98 % of the image's values."""
    if grey:
        return 1.0, 0.5
    low, high = (float(value) for value in np.percentile(background.values, (1, 99)))
    return max(high - low, 1e-3), (low + high) / 2


def _background(
    images: CaseImages, partition: Partition, component: int, box: tuple[slice, ...]
) -> npt.NDArray[np.float32]:
    if images.image is not None:
        return np.asarray(images.image.values[box])
    voxels = np.stack(np.meshgrid(*(np.arange(part.start, part.stop) for part in box), indexing="ij"), axis=-1)
    regions = partition.region_of(voxels.reshape(-1, 3).astype(np.int32))
    own = partition.components.ids[regions - 1] == component
    return np.where(own, _OWN_REGION, _OTHER_REGION).reshape(voxels.shape[:3]).astype(np.float32)


def _voxels(components: Components, component: int) -> IntArray:
    number = int(np.flatnonzero(components.ids == component)[0]) + 1
    return np.asarray(components.voxels_ijk[components.numbers == number])


def _box(voxels_ijk: IntArray, grid: Grid) -> tuple[slice, ...]:
    """The lesion with a margin, at least `_LEAST_WIDTH_MM` wide along each axis, inside the image."""
    spacing = np.array(grid.spacing_mm)
    low, high = voxels_ijk.min(axis=0), voxels_ijk.max(axis=0) + 1
    half_mm = np.maximum((high - low) * spacing / 2 + _MARGIN_MM, _LEAST_WIDTH_MM / 2).max()
    middle = (low + high) / 2
    starts = np.maximum(np.floor(middle - half_mm / spacing), 0).astype(int)
    stops = np.minimum(np.ceil(middle + half_mm / spacing), grid.shape).astype(int)
    return tuple(slice(int(start), int(stop)) for start, stop in zip(starts, stops, strict=True))


def _cropped_grid(grid: Grid, box: tuple[slice, ...]) -> Grid:
    affine = np.array(grid.affine)
    affine[:3, 3] = grid.ras_from_ijk([part.start for part in box])
    i, j, k = (part.stop - part.start for part in box)
    return Grid((i, j, k), affine)


def _middle_ras(voxels_ijk: IntArray, grid: Grid) -> tuple[float, float, float]:
    """The middle of the lesion's largest section along the axis that runs most towards the head."""
    axis = int(np.argmax(np.abs(grid.directions[2])))
    values, counts = np.unique(voxels_ijk[:, axis], return_counts=True)
    section = voxels_ijk[voxels_ijk[:, axis] == values[counts.argmax()]]
    r, a, s = (float(mm) for mm in grid.ras_from_ijk(section.mean(axis=0)))
    return r, a, s
