"""The demo's pictures: where to cut, what to lay over what, which surfaces to show."""

from __future__ import annotations

import numpy as np

from AnatomyGuidedLib.demo_scene import DemoScene
from AnatomyGuidedLib.grid import Labelmap
from AnatomyGuidedLib.io import read_pet
from AnatomyGuidedLib.labels import labels
from AnatomyGuidedLib.progress import Progress
from AnatomyGuidedLib.render import (
    ImageLayer,
    Picture,
    Plane,
    SliceView,
    SurfaceView,
    projection_picture,
    slice_picture,
    surface_picture,
)
from AnatomyGuidedLib.report import Figure

_WINDOW_HU, _LEVEL_HU = 400.0, 40.0
_SIZE = (440, 520)
_LESION_FILL = 0.1  # more would hide the uptake under it
_PLANES: tuple[Plane, ...] = ("axial", "coronal", "sagittal")
_SURFACE_GROUPS = ("Vertebras", "Ribs", "Bones", "Digestive", "Urinary", "Cardiovascular", "Immune", "Nervous")


def uptake_figure(pet_path: str) -> Figure:
    """The PET's maximum-intensity projection from the front; it needs no Slicer."""
    return Figure(
        projection_picture(read_pet(pet_path)), "PET, maximum-intensity projection from the front, SUV 0 to 10"
    )


def atlas_figures(scene: DemoScene, progress: Progress) -> list[Figure]:
    """Three planes with the atlas over the CT, and the surfaces of bones and organs."""
    figures = []
    background = ImageLayer(scene.ct_node, _WINDOW_HU, _LEVEL_HU)
    for index, plane in enumerate(_PLANES):
        progress(index / 4, f"Drawing the atlas, {plane}")
        view = SliceView(plane, _middle_ras(scene), _SIZE)
        figures.append(Figure(slice_picture(background, view, segmentation=scene.atlas_node), f"CT and atlas, {plane}"))
    progress(0.75, "Drawing the atlas in 3D")
    chosen = _segment_ids(scene, _SURFACE_GROUPS)
    if chosen:
        figures.append(Figure(_surfaces(scene, chosen), "Bones, vessels and organs from the front"))
    return figures


def lesion_figures(scene: DemoScene, progress: Progress) -> list[Figure]:
    """The CT with the PET and the lesions, through the hottest lesion; none without a lesion."""
    position = _hottest_ras(scene)
    if position is None:
        return []
    background, uptake = (
        ImageLayer(scene.ct_node, _WINDOW_HU, _LEVEL_HU),
        ImageLayer(scene.pet_node, 10.0, 5.0, "PET-Heat"),
    )
    scene.lesions_node.GetDisplayNode().SetOpacity2DFill(_LESION_FILL)
    figures = []
    for index, plane in enumerate(_PLANES[:2]):
        progress(index / 2, f"Drawing the lesions, {plane}")
        view = SliceView(plane, position, _SIZE)
        picture = slice_picture(background, view, foreground=uptake, segmentation=scene.lesions_node)
        figures.append(Figure(picture, f"CT, PET and lesions through the hottest lesion, {plane}"))
    return figures


def limis_figures(scene: DemoScene, structure: str) -> list[Figure]:
    """The slice on which the sentences worked."""
    if scene.limis_node is None:
        return []
    from AnatomyGuidedLib import mrml

    mask = mrml.labelmap_from_segmentation_node(scene.limis_node, scene.ct.grid)
    view = SliceView("axial", _center_ras(mask), _SIZE)
    picture = slice_picture(ImageLayer(scene.ct_node, _WINDOW_HU, _LEVEL_HU), view, segmentation=scene.limis_node)
    return [Figure(picture, f"{structure}, from the sentences below")]


def _surfaces(scene: DemoScene, segment_ids: set[str]) -> Picture:
    return surface_picture(scene.atlas_node, segment_ids, SurfaceView("anterior", _SIZE, voxel_mm=4.0))


def _segment_ids(scene: DemoScene, groups: tuple[str, ...]) -> set[str]:
    from AnatomyGuidedLib import mrml

    wanted = {label.display_name for label in labels() if label.group in groups}
    return {segment_id for segment_id, name in mrml.segment_names(scene.atlas_node).items() if name in wanted}


def _middle_ras(scene: DemoScene) -> tuple[float, float, float]:
    """The middle of the body, a little in front of the spine."""
    from AnatomyGuidedLib import mrml

    return _center_ras(mrml.labelmap_from_segmentation_node(scene.atlas_node, scene.ct.grid))


def _center_ras(mask: Labelmap) -> tuple[float, float, float]:
    voxels = np.argwhere(mask.values > 0)
    center = voxels.mean(axis=0) if len(voxels) else (np.array(mask.grid.shape) - 1) / 2
    r, a, s = (float(value) for value in mask.grid.ras_from_ijk(center))
    return r, a, s


def _hottest_ras(scene: DemoScene) -> tuple[float, float, float] | None:
    from AnatomyGuidedLib import mrml

    lesions = mrml.labelmap_from_segmentation_node(scene.lesions_node, scene.pet.grid)
    if not lesions.values.any():
        return None
    inside = np.where(lesions.values > 0, scene.pet.values, -np.inf)
    r, a, s = (float(v) for v in scene.pet.grid.ras_from_ijk(np.unravel_index(int(inside.argmax()), inside.shape)))
    return r, a, s
