"""A chest film as the networks take it: its image, the shadows of anatomy, and findings as instances."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.phantom.xray_files import ANATOMY, IMAGE, INSTANCES, mask_of
from AnatomyGuidedLib.phantom.xray_findings import CATEGORIES

from PathologySegLib.apex.paxray import from_dap, paxray_classes

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Film:
    """An image (height, width) from 0 to 1; by name of PAXRay++ the anatomy's masks; findings as category and mask.

    A category is its place among ChestX-Det's 13, from 0.
    """

    name: str
    image: npt.NDArray[np.float32]
    anatomy: Mapping[str, Mask]
    findings: tuple[tuple[int, Mask], ...]


def shrunk(film: Film, pixels: int) -> Film:
    """The film in pixels x pixels: means of the image, masks where half of a pixel is covered, or the best covered one.

    Raises:
        AnatomyGuidedError: The film is no square whose side is a multiple of that.
    """
    height, width = film.image.shape
    if height != width or height % pixels:
        raise AnatomyGuidedError(
            f"{film.name} has {height} x {width} pixels, but a square with a multiple of {pixels} was expected."
        )
    image = _means(film.image, pixels)
    return Film(
        film.name,
        image,
        {name: _coarse(mask, pixels) for name, mask in film.anatomy.items()},
        tuple((category, _coarse(mask, pixels)) for category, mask in film.findings),
    )


def read_image(path: Path) -> npt.NDArray[np.float32]:
    """A grey or coloured picture of 8 bit as values from 0 to 1.

    Raises:
        AnatomyGuidedError: It cannot be read.
    """
    import SimpleITK

    try:
        values = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path))).astype(np.float32)
    except RuntimeError as error:
        raise AnatomyGuidedError(f"{path.name} cannot be read as a picture; a PNG of 8 bit was expected.") from error
    grey = values if values.ndim == 2 else values[..., :3].mean(-1)
    return np.asarray(grey / 255, np.float32)


def named_anatomy(path: Path, names: Sequence[str]) -> dict[str, Mask]:
    """The masks of a COCO file for PAXRay++'s classes, given by those names or as the shadows of DAP structures."""
    return _named(list(_coco(path)), names)


def read_film(folder: Path, names: Sequence[str], name: str = "") -> Film:
    """The film of a folder with image.png, instances.json and anatomy.json, both in COCO's form.

    Findings' categories are ChestX-Det's by name. Anatomy's are PAXRay++'s by name, as any 2D model may have predicted
    them, or DAP's, whose shadows are joined to the classes asked for.

    Raises:
        AnatomyGuidedError: A file is missing or of another form.
    """
    try:
        image = read_image(folder / IMAGE)
        findings = [(CATEGORIES.index(name), mask) for name, mask in _coco(folder / INSTANCES)]
        anatomy = named_anatomy(folder / ANATOMY, names)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, AnatomyGuidedError):
            raise
        raise AnatomyGuidedError(
            f"{folder.name} cannot be read as a chest film ({error}); {IMAGE}, {INSTANCES} and {ANATOMY} in COCO's "
            "form with run lengths were expected."
        ) from error
    return Film(name or folder.name, image, anatomy, tuple(findings))


def _coco(path: Path) -> list[tuple[str, Mask]]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    names = {entry["id"]: str(entry["name"]) for entry in content["categories"]}
    return [(names[one["category_id"]], mask_of(one["segmentation"])) for one in content["annotations"]]


def _named(found: Sequence[tuple[str, Mask]], names: Sequence[str]) -> dict[str, Mask]:
    of_paxray = {one.name for one in paxray_classes()}
    shadows = dict(found)
    direct = {name: shadows[name] for name in names if name in shadows and name in of_paxray}
    return {**from_dap(shadows, [name for name in names if name not in direct]), **direct}


def _means(image: npt.NDArray[Any], pixels: int) -> npt.NDArray[np.float32]:
    side = image.shape[0] // pixels
    return np.asarray(image.reshape(pixels, side, pixels, side).mean((1, 3)), np.float32)


def _coarse(mask: Mask, pixels: int) -> Mask:
    shares = _means(mask.astype(np.float32), pixels)
    return np.asarray(shares >= min(0.5, float(shares.max()))) & (shares > 0)
