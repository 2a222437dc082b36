"""CTs with reference labels in a folder, in the layouts that data sets come in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Labelmap, require_same_grid
from AnatomyGuidedLib.io import read_labelmap
from AnatomyGuidedLib.labels import Scheme

_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha")
_IMAGE_FOLDERS, _LABEL_FOLDERS = (
    ("images", "imagesTr", "imagesTs", "imagesVa", "img"),
    (
        "labels",
        "labelsTr",
        "labelsTs",
        "labelsVa",
        "label",
    ),
)
_IMAGE_NAMES = ("ct", "image", "imaging")
_LABEL_NAMES = ("labels", "label", "segmentation", "anatomy")
_MASKS = "segmentations"


@dataclass(frozen=True)
class LabelledCase:
    """A CT and its reference: one label map, or a folder of one mask a structure."""

    name: str
    ct: Path
    reference: Path

    def labelmap(self, scheme: Scheme) -> Labelmap:
        """The reference in the scheme's values.

        Raises:
            AnatomyGuidedError: A file cannot be read, or masks lie on different grids.
        """
        if not self.reference.is_dir():
            return read_labelmap(self.reference)
        by_name = {name: value for value, name in scheme.names.items()}
        found: Labelmap | None = None
        values = np.zeros((1, 1, 1), np.uint16)
        for file in sorted(self.reference.iterdir()):
            name = _stem(file)
            if name not in by_name:
                continue
            mask = read_labelmap(file)
            if found is None:
                found, values = mask, np.zeros(mask.grid.shape, np.uint16)
            require_same_grid(found.grid, mask.grid, names=(f"the masks of {self.name}", file.name))
            values[mask.values > 0] = by_name[name]
        if found is None:
            raise AnatomyGuidedError(f"{self.name} has no mask that is named as a structure of {scheme.name}.")
        return Labelmap(values, found.grid)


def labelled_cases(folder: Path) -> list[LabelledCase]:
    """The cases of a folder, by name.

    Either `images` and `labels` (also imagesTr and labelsTr, ...) with files of the same name, but for "_0000", "img"
    and "label"; or a folder a case with a CT (`ct`, `image`) and a label map (`labels`, `segmentation`, `anatomy`) or a
    folder `segmentations` of masks.

    Raises:
        AnatomyGuidedError: There is none.
    """
    if not folder.is_dir():
        raise AnatomyGuidedError(f"{folder.name} is no folder; give one with CTs and reference labels.")
    cases = _side_by_side(folder) or _one_folder_each(folder)
    if not cases:
        raise AnatomyGuidedError(
            f"{folder.name} holds no CT with a reference: expected were folders images and labels with files of one "
            "name, or one folder a case with ct.nii.gz and labels.nii.gz."
        )
    return cases


def _side_by_side(folder: Path) -> list[LabelledCase]:
    cases = []
    for image_folder, label_folder in zip(_IMAGE_FOLDERS, _LABEL_FOLDERS, strict=True):
        labels = {_key(file): file for file in _images(folder / label_folder)}
        for file in _images(folder / image_folder):
            if _key(file) in labels:
                cases.append(LabelledCase(_key(file), file, labels[_key(file)]))
    return cases


def _one_folder_each(folder: Path) -> list[LabelledCase]:
    cases = []
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        ct, reference = _named(place, _IMAGE_NAMES), _named(place, _LABEL_NAMES)
        masks = place / _MASKS
        if ct and (reference or masks.is_dir()):
            cases.append(LabelledCase(place.name, ct, reference or masks))
    return cases


def _named(folder: Path, names: tuple[str, ...]) -> Path | None:
    by_stem = {_stem(file): file for file in _images(folder)}
    return next((by_stem[name] for name in names if name in by_stem), None)


def _images(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("*") if file.is_file() and file.name.endswith(_SUFFIXES))


def _key(file: Path) -> str:
    """A case's name, the same for its image and its labels (BTCV: img0001 and label0001)."""
    name = _stem(file).removesuffix("_0000")
    return name.removeprefix("img").removeprefix("label") or name


def _stem(file: Path) -> str:
    return next((file.name.removesuffix(s) for s in _SUFFIXES if file.name.endswith(s)), file.stem)
