"""The demo's scene: images and results as nodes, and as a bundle that Slicer opens."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from AnatomyGuidedLib.grid import Volume
from AnatomyGuidedLib.io import read_ct, read_pet


@dataclass(frozen=True)
class DemoScene:
    """The nodes that pictures are made of; a result that does not exist is None."""

    scene: Any
    ct: Volume
    pet: Volume
    ct_node: Any
    pet_node: Any
    atlas_node: Any
    lesions_node: Any
    limis_node: Any | None


def open_scene(ct_path: str, pet_path: str, folder: Path) -> DemoScene:
    """The scene of the results in the folder; it is also written there as `scene.mrb`."""
    from AnatomyGuidedLib import mrml

    scene = mrml.new_scene()
    ct, pet = read_ct(ct_path, force=True), read_pet(pet_path)
    nodes = DemoScene(
        scene,
        ct,
        pet,
        mrml.add_volume(scene, ct, "CT"),
        mrml.add_volume(scene, pet, "PET (SUVbw)"),
        mrml.add_segmentation_file(scene, folder / "atlas.seg.nrrd", "DAP Atlas"),
        mrml.add_segmentation_file(scene, folder / "lesions.seg.nrrd", "Lesions"),
        _optional_segmentation(scene, folder / "limis.seg.nrrd", "LIMIS"),
    )
    for name, title in (
        ("atlas.csv", "DAP Atlas volumes"),
        ("lesions.csv", "Lesions"),
        ("evaluation.csv", "CC-Metrics"),
    ):
        if (folder / name).exists():
            _add_csv(scene, folder / name, title)
    mrml.save_scene(scene, folder / "scene.mrb")
    return nodes


def _optional_segmentation(scene: Any, path: Path, name: str) -> Any | None:
    from AnatomyGuidedLib import mrml

    return mrml.add_segmentation_file(scene, path, name) if path.exists() else None


def _add_csv(scene: Any, path: Path, title: str) -> None:
    from AnatomyGuidedLib import mrml

    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        rows = list(reader)
        mrml.add_table(scene, title, list(reader.fieldnames or []), rows)
