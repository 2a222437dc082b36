"""A review sheet: random cases with pictures for an expert to look at, and a table to fill in (thesis, 3.1.6)."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from AnatomyGuidedLib.grid import Labelmap, Volume
from AnatomyGuidedLib.io import dap_segments, read_ct, read_labelmap
from AnatomyGuidedLib.labels import label_by_id, labels
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, stop_if
from AnatomyGuidedLib.report import Figure, Section, report_page

COLUMNS = (
    *("case", "reviewer", "date", "quality_1_poor_to_5_excellent", "swapped_sides", "wrong_vertebrae", "wrong_ribs"),
    *("wrong_structures", "missing_structures", "comment"),
)
NOTE = (
    "Labels are computed; this page is for a radiologist to judge them. Look at the case itself in 3D Slicer before "
    "you write down a fault, and fill in review.csv, a line a case."
)
_WINDOW_HU, _LEVEL_HU = 400.0, 40.0
_SIZE, _SURFACE_SIZE = (300, 520), (340, 520)
_SURFACE_MM = 4.0
_SURFACES = ("Vertebras", "Ribs", "Bones", "Digestive", "Urinary", "Cardiovascular", "Immune", "Nervous")
_BEHIND, _BEFORE = "Vertebras", "Digestive"


def chosen_for_review(names: Sequence[str], number: int, seed: int) -> list[str]:
    """So many of the cases, drawn at random; the order in which they are given plays no part.

    >>> chosen_for_review(["b", "a"], 25, 0)
    ['a', 'b']
    """
    ordered = sorted(names)
    return sorted(random.Random(seed).sample(ordered, min(number, len(ordered))))


def review_rows(names: Sequence[str]) -> list[dict[str, object]]:
    """The table to fill in: a line a case, all but its name empty."""
    return [{"case": name} for name in names]


def review_page(
    cases: Sequence[tuple[str, Path, Path]],
    doubts: Mapping[str, Sequence[str]],
    *,
    progress: Progress = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> str:
    """The page; `cases` are names with the paths of CT and label map, `doubts` the plausibility report's sentences.

    Where nothing can be drawn, the page says so in place of pictures.

    Raises:
        AnatomyGuidedError: A CT or a label map is gone or unreadable.
        Cancelled: The user stopped the work.
    """
    from AnatomyGuidedLib.render import RenderingUnavailable, require_rendering

    not_done = []
    try:
        require_rendering()
    except RenderingUnavailable as unavailable:
        not_done = [f"Pictures: {unavailable}"]
    sections = []
    for number, (name, ct, labelmap) in enumerate(cases):
        stop_if(cancelled)
        progress(number / len(cases), f"Drawing {name}")
        figures = [] if not_done else _figures(read_ct(ct, force=True), read_labelmap(labelmap))
        rows = [{"check": sentence} for sentence in doubts.get(name, ())]
        text = "The plausibility report doubts these:" if rows else "The plausibility report has no doubt."
        sections.append(Section(name, text, ("check",), rows, figures, as_text=("check",)))
    return report_page("Review of a data set of label maps", NOTE, sections, not_done)


def _figures(ct: Volume, labelmap: Labelmap) -> list[Figure]:
    """Coronal slices through the spine and before it, a sagittal one through the spine, and surfaces from the front."""
    from AnatomyGuidedLib import mrml
    from AnatomyGuidedLib.render import ImageLayer, SliceView, SurfaceView, slice_picture, surface_picture

    present = [int(label) for label in np.flatnonzero(np.bincount(labelmap.values.ravel())) if label]
    scene = mrml.new_scene()
    background = ImageLayer(mrml.add_volume(scene, ct, "CT"), _WINDOW_HU, _LEVEL_HU)
    atlas = mrml.add_segmentation(scene, labelmap, dap_segments(present), "Atlas")
    spine, front = (_middle_ras(labelmap, group) for group in (_BEHIND, _BEFORE))
    views = (
        (SliceView("coronal", spine, _SIZE), "coronal through the spine"),
        (SliceView("coronal", front, _SIZE), "coronal before the spine"),
        (SliceView("sagittal", spine, _SIZE), "sagittal through the spine"),
    )
    figures = [Figure(slice_picture(background, view, segmentation=atlas), told, 30) for view, told in views]
    shown = {label_by_id(label).display_name for label in present if label_by_id(label).group in _SURFACES}
    segments = {segment for segment, name in mrml.segment_names(atlas).items() if name in shown}
    if segments:
        view = SurfaceView("anterior", _SURFACE_SIZE, voxel_mm=_SURFACE_MM)
        figures.append(Figure(surface_picture(atlas, segments, view), "bones, vessels and organs from the front", 30))
    return figures


def _middle_ras(labelmap: Labelmap, group: str) -> tuple[float, float, float]:
    """The middle of a group's structures; of the whole map where it has none of them."""
    ids = [label.id for label in labels() if label.group == group]
    voxels = np.argwhere(np.isin(labelmap.values, ids))
    if not len(voxels):
        voxels = np.argwhere(labelmap.values > 0)
    r, a, s = (float(mm) for mm in labelmap.grid.ras_from_ijk(voxels.mean(axis=0)))
    return r, a, s
