"""Pictures of segments' surfaces, made and drawn by Slicer."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import ExitStack
from typing import Any

import numpy as np
import numpy.typing as npt
import slicer
from scipy import ndimage

from AnatomyGuidedLib import mrml
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.grid import Grid
from AnatomyGuidedLib.render_scene import borrow_segmentation, new_stage, shown_by
from AnatomyGuidedLib.render_views import Picture, SurfaceView
from AnatomyGuidedLib.render_window import add_letters, drawn, off_screen

_TOWARDS_VIEWER = {
    "anterior": (0, 1, 0),
    "posterior": (0, -1, 0),
    "left": (-1, 0, 0),
    "right": (1, 0, 0),
    "superior": (0, 0, 1),
    "inferior": (0, 0, -1),
}
_MARGIN = 1.08


def draw(segmentation_node: Any, segment_ids: Collection[str] | None, view: SurfaceView) -> Picture:
    """The picture as `render.surface_picture` describes it."""
    mrml.require_untransformed(segmentation_node)
    pieces = _pieces(segmentation_node, _chosen(segmentation_node, segment_ids), view.voxel_mm)
    stage = new_stage()
    node = borrow_segmentation(stage, segmentation_node, pieces)
    node.GetDisplayNode().SetPreferredDisplayRepresentationName3D("Closed surface")
    node.GetDisplayNode().SetVisibility3D(True)
    node.CreateClosedSurfaceRepresentation()
    with ExitStack() as stack:
        window, renderer = stack.enter_context(off_screen(view.size, view.background))
        manager = slicer.vtkMRMLSegmentationsDisplayableManager3D()
        view_node = stage.scene.AddNode(slicer.vtkMRMLViewNode())
        stack.enter_context(shown_by(stage, manager, view_node, renderer))
        _see_through(window, renderer)
        right_ras, up_ras = _aim(renderer, view)
        if view.letters:
            add_letters(renderer, right_ras, up_ras)
        return drawn(window)


def _chosen(node: Any, segment_ids: Collection[str] | None) -> set[str]:
    known = mrml.segment_names(node)
    chosen = set(known) if segment_ids is None else set(segment_ids)
    unknown = sorted(chosen - set(known))
    if unknown:
        raise UsageError(f"The segmentation {node.GetName()!r} has no segments with the ids {', '.join(unknown)}.")
    return chosen


def _pieces(node: Any, chosen: set[str], voxel_mm: float) -> Any:
    """A segmentation of the chosen segments only, each cut out of its layer and thinned, so that surfaces are quick."""
    segmentation = slicer.vtkSegmentation()
    segmentation.SetSourceRepresentationName(mrml.BINARY_LABELMAP)
    for layer in mrml.segmentation_layers(node):
        wanted = {value: segment_id for value, segment_id in layer.segment_ids.items() if segment_id in chosen}
        for value, (mask, grid) in _cut_out(layer, wanted, voxel_mm).items():
            original = node.GetSegmentation().GetSegment(wanted[value])
            segmentation.AddSegment(_piece(original, mask, grid), wanted[value])
    if segmentation.GetNumberOfSegments() == 0:
        raise AnatomyGuidedError(f"The segmentation {node.GetName()!r} has no voxels to show in the chosen segments.")
    return segmentation


def _piece(original: Any, mask: npt.NDArray[np.uint8], grid: Grid) -> Any:
    piece = slicer.vtkSegment()
    piece.SetName(original.GetName())
    piece.SetColor(original.GetColor())
    piece.AddRepresentation(mrml.BINARY_LABELMAP, mrml.oriented_image(mask, grid))
    return piece


def _cut_out(
    layer: mrml.SegmentationLayer, wanted: Collection[int], voxel_mm: float
) -> dict[int, tuple[npt.NDArray[np.uint8], Grid]]:
    """The mask of each wanted value within its own box, on every n-th voxel along each axis, and its grid."""
    steps = [max(1, round(voxel_mm / spacing)) for spacing in layer.grid.spacing_mm]
    thinned = layer.values[:: steps[0], :: steps[1], :: steps[2]]
    boxes = ndimage.find_objects(thinned.astype(np.int32), max_label=max(wanted, default=1))
    return {
        value: ((thinned[box] == value).astype(np.uint8), _grid_of(box, steps, layer.grid))
        for value, box in enumerate(boxes, start=1)
        if box is not None and value in wanted
    }


def _grid_of(box: tuple[slice, ...], steps: list[int], grid: Grid) -> Grid:
    first = np.array([side.start * step for side, step in zip(box, steps, strict=True)])
    affine = grid.affine @ np.diag([*steps, 1.0])
    affine[:3, 3] = grid.ras_from_ijk(first)
    i, j, k = (side.stop - side.start for side in box)
    return Grid((i, j, k), affine)


def _see_through(window: Any, renderer: Any) -> None:
    """Nothing; translucent surfaces are drawn in the right order, edges without steps."""
    window.SetAlphaBitPlanes(True)
    renderer.SetUseDepthPeeling(True)
    renderer.SetMaximumNumberOfPeels(8)
    renderer.SetUseFXAA(True)


def _aim(renderer: Any, view: SurfaceView) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Where the picture's right and top point to, in RAS, now that the camera sees all surfaces from the side."""
    towards = np.array(_TOWARDS_VIEWER[view.side], dtype=np.float64)
    up = np.array([0.0, 1.0, 0.0] if towards[2] else [0.0, 0.0, 1.0])
    right = np.cross(up, towards)
    bounds = [0.0] * 6
    renderer.ComputeVisiblePropBounds(bounds)
    low, high = np.array(bounds[::2]), np.array(bounds[1::2])
    camera = renderer.GetActiveCamera()
    camera.SetParallelProjection(True)
    camera.SetFocalPoint((low + high) / 2)
    camera.SetPosition((low + high) / 2 + towards * np.linalg.norm(high - low))
    camera.SetViewUp(up)
    width, height = np.abs(right) @ (high - low), np.abs(up) @ (high - low)
    camera.SetParallelScale(_MARGIN / 2 * max(height, width * view.size[1] / view.size[0]))
    renderer.ResetCameraClippingRange()
    return right, up
