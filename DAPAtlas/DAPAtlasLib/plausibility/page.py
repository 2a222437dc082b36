"""The plausibility report as one HTML page: what to look at first, with pictures, then every structure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from AnatomyGuidedLib.grid import Labelmap, Volume
from AnatomyGuidedLib.io import dap_segments
from AnatomyGuidedLib.labels import label_by_id
from AnatomyGuidedLib.progress import Progress, no_progress
from AnatomyGuidedLib.render_views import Plane
from AnatomyGuidedLib.report import Figure, Section, report_page

from DAPAtlasLib.plausibility.assess import COLUMNS, Assessment, counts, to_look_at

NOTE = (
    "Checks find what is implausible; what is plausible and wrong they cannot see. Research software: no result may be "
    "used to treat a patient."
)
_MOST_PICTURES = 12
_WINDOW_HU, _LEVEL_HU = 400.0, 40.0
_SIZE = (380, 380)
_PLANES: tuple[Plane, ...] = ("axial", "coronal")


def plausibility_page(
    rows: Sequence[Assessment], labelmap: Labelmap, ct: Volume | None, *, progress: Progress = no_progress
) -> str:
    """The page; without a CT, or where nothing can be drawn, it says so in place of pictures."""
    doubtful = to_look_at(rows)
    figures, not_done = _figures(doubtful, labelmap, ct, progress)
    told = ", ".join(f"{number} {verdict}" for verdict, number in counts(rows).items())
    first = Section(
        "Look at these first",
        f"Of {len(rows)} structures: {told}. Positions are RAS in mm." if doubtful else f"Nothing: {told}.",
        COLUMNS,
        [row.row() for row in doubtful],
        figures,
        1,
    )
    ranked = [row.row() for row in rows if row not in doubtful]
    everything = Section("All other structures", "", [name for name in COLUMNS if name != "evidence"], ranked, (), 1)
    return report_page("Plausibility of a label map", NOTE, [first, everything], not_done)


def _figures(
    doubtful: Sequence[Assessment], labelmap: Labelmap, ct: Volume | None, progress: Progress
) -> tuple[list[Figure], list[str]]:
    from AnatomyGuidedLib.render import RenderingUnavailable

    if ct is None:
        return [], ["Pictures: no CT was given."]
    try:
        return _drawn([row for row in doubtful if row.place_ras_mm][:_MOST_PICTURES], labelmap, ct, progress), []
    except RenderingUnavailable as unavailable:
        return [], [f"Pictures: {unavailable}"]


def _drawn(rows: Sequence[Assessment], labelmap: Labelmap, ct: Volume, progress: Progress) -> list[Figure]:
    """An axial and a coronal slice through each place, with the structures that are to be looked at."""
    from AnatomyGuidedLib.render import ImageLayer, SliceView, require_rendering, slice_picture

    require_rendering()
    if not rows:
        return []
    from AnatomyGuidedLib import mrml

    scene = mrml.new_scene()
    background = ImageLayer(mrml.add_volume(scene, ct, "CT"), _WINDOW_HU, _LEVEL_HU)
    shown = [row.label for row in rows]
    alone = Labelmap(np.where(np.isin(labelmap.values, shown), labelmap.values, 0).astype(np.uint8), labelmap.grid)
    atlas = mrml.add_segmentation(scene, alone, dap_segments(shown), "Atlas")
    figures = []
    for number, row in enumerate(rows):
        name = label_by_id(row.label).display_name
        progress(number / len(rows), f"Drawing {name}")
        for plane in _PLANES:
            view = SliceView(plane, row.place_ras_mm, _SIZE)
            picture = slice_picture(background, view, segmentation=atlas)
            figures.append(Figure(picture, f"{name}, {plane} through its place: {row.sentence}", 18))
    return figures
