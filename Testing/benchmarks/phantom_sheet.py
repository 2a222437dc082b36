"""The made patient on one sheet: CT, anatomy over it, bones, vessels and organs in 3D, PET, X-ray.

python Testing/benchmarks/phantom_sheet.py docs/phantom.png [--seed 1] [--sex M] [--spacing 2.5] [--real CT.nii.gz]

With --real a row of a real CT's slices at the same window stands below, to be compared with (never commit that one).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "DAPAtlas")]

import matplotlib.pyplot as plt  # noqa: E402
from AnatomyGuidedLib import mrml  # noqa: E402
from AnatomyGuidedLib.io import dap_segments, read_ct, write_labelmap  # noqa: E402
from AnatomyGuidedLib.labels import labels  # noqa: E402
from AnatomyGuidedLib.phantom import PatientOptions, make_images, stored_patient  # noqa: E402
from AnatomyGuidedLib.phantom.xray import make_xray  # noqa: E402
from AnatomyGuidedLib.render import (  # noqa: E402
    ImageLayer,
    SliceView,
    SurfaceView,
    projection_picture,
    slice_picture,
    surface_picture,
)

WINDOW = {"window": 400.0, "level": 40.0}
HEIGHTS_S = (-95.0, 30.0, 125.0, 200.0, 340.0, 640.0)  # in the reference adult's mm
GROUPS = {
    "bones": ("Vertebras", "Ribs", "Bones"),
    "heart, vessels, airways": ("Cardiovascular",),
    "organs": ("Digestive", "Urinary", "Immune", "Nervous", "Reproductive", "Endocrine"),
}


def main() -> int:
    """0; the sheet is written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sex", choices=("F", "M"), default="M")
    parser.add_argument("--spacing", type=float, default=2.5, metavar="MM")
    parser.add_argument("--real", type=Path, metavar="CT")
    options = parser.parse_args()
    images = make_images(PatientOptions(options.spacing, options.sex, options.seed, phase="portal-venous"))
    rows = [*patient_rows(images)]
    if options.real:
        rows.append(real_row(options.real))
    draw(rows, options.output)
    return 0


def patient_rows(images) -> list[list[tuple[str, np.ndarray]]]:
    """Three rows of titled pictures."""
    patient, scene = stored_patient(images), mrml.new_scene()
    node = mrml.add_volume(scene, patient.ct, "CT")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "anatomy.seg.nrrd"
        write_labelmap(patient.anatomy, path, dap_segments(np.unique(patient.anatomy.values)[1:].tolist()))
        atlas = mrml.add_segmentation_file(scene, path, "Anatomy")
    layer, scale = ImageLayer(node, **WINDOW), images.body.plan.scale[2]
    axial = [
        (f"S = {s:g} mm", slice_picture(layer, SliceView("axial", (0.0, 0.0, s * scale), (460, 300))))
        for s in HEIGHTS_S
    ]
    middle = (4.0, -20.0, 190.0 * scale)
    tall = [
        (title, slice_picture(layer, SliceView(plane, middle, (330, 560)), segmentation=over))
        for plane in ("coronal", "sagittal")
        for title, over in ((plane, None), (f"{plane}, with anatomy", atlas))
    ]
    third = [(name, surfaces(atlas, groups)) for name, groups in GROUPS.items()]
    film = make_xray(images.body, images.hu, rng=np.random.default_rng(images.options.seed))
    shown = [("PET, maximum projection", projection_picture(patient.pet)), ("chest X-ray", film.image)]
    return [axial, [*tall, third[0]], [*third[1:], *shown]]


def surfaces(atlas, groups: tuple[str, ...]) -> np.ndarray:
    """The structures of these groups from the front."""
    wanted = {label.display_name for label in labels() if label.group in groups or label.name in groups}
    chosen = {segment for segment, name in mrml.segment_names(atlas).items() if name in wanted}
    return surface_picture(atlas, chosen, SurfaceView("anterior", (330, 560), voxel_mm=2.5))


def real_row(path: Path) -> list[tuple[str, np.ndarray]]:
    """Slices of a real CT, from its lowest to its highest."""
    ct, scene = read_ct(path), mrml.new_scene()
    layer = ImageLayer(mrml.add_volume(scene, ct, "real CT"), **WINDOW)
    corners = ct.grid.ras_from_ijk([[0, 0, 0], np.array(ct.grid.shape) - 1])
    middle = corners.mean(axis=0)
    heights = np.linspace(corners[:, 2].min(), corners[:, 2].max(), 8)[1:-1]
    return [("real CT", slice_picture(layer, SliceView("axial", (*middle[:2], s), (460, 300)))) for s in heights]


def draw(rows: list[list[tuple[str, np.ndarray]]], output: Path) -> None:
    """Nothing; the rows stand below each other in one picture."""
    heights = [max(picture.shape[0] / picture.shape[1] for _, picture in row) / len(row) for row in rows]
    figure = plt.figure(figsize=(16, 16 * sum(heights) + 0.4 * len(rows)))
    grid = figure.add_gridspec(len(rows), 1, height_ratios=heights, hspace=0.08)
    for row, place in zip(rows, grid, strict=True):
        for (title, picture), cell in zip(row, place.subgridspec(1, len(row), wspace=0.03), strict=True):
            axes = figure.add_subplot(cell)
            axes.imshow(picture, cmap="gray")
            axes.set_title(title, fontsize=8)
            axes.axis("off")
    figure.savefig(output, dpi=72, bbox_inches="tight")


if __name__ == "__main__":
    sys.exit(main())
