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

from PathologySegLib.apex.film_anatomy import anatomy_beside, read_anatomy
from PathologySegLib.films.radiograph import lightness, require_content

_ANATOMY = Path(ANATOMY).stem
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
    """A grey or coloured picture as values from 0 to 1, as light as the command `lesions` takes it.

    Raises:
        AnatomyGuidedError: It is missing, cannot be read, or has more than 8 bit and is constant.
    """
    import SimpleITK

    if not path.is_file():
        raise AnatomyGuidedError(f"The film {path.parent.name}/{path.name} is missing; put it there.")
    try:
        values = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    except RuntimeError as error:
        raise AnatomyGuidedError(f"{path.name} cannot be read as a picture; a PNG was expected.") from error
    if values.dtype != np.uint8:
        require_content(values, path.name)
    if values.ndim == 2:
        return lightness(values)
    colours = 1 if values.shape[-1] == 2 else 3  # what comes after them is opacity
    return np.asarray(lightness(values[..., :colours]).mean(-1), np.float32)


def read_film(folder: Path, names: Sequence[str], name: str = "") -> Film:
    """The film of a folder with image.png, instances.json in COCO's form, and its anatomy if there is one.

    Findings' categories are ChestX-Det's by name. The anatomy is `anatomy.json`, a label map `anatomy.png`, or a folder
    `anatomy` of masks, as any 2D model may have predicted it (see `film_anatomy`).

    Raises:
        AnatomyGuidedError: A file is missing or of another form.
    """
    try:
        image = read_image(folder / IMAGE)
        findings = [(CATEGORIES.index(name), mask) for name, mask in _coco(folder / INSTANCES)]
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, AnatomyGuidedError):
            raise
        raise AnatomyGuidedError(
            f"{folder.name} cannot be read as a chest film ({error}); {IMAGE} and {INSTANCES} in COCO's form with run "
            "lengths were expected."
        ) from error
    path = anatomy_beside(folder, _ANATOMY)
    anatomy = read_anatomy(path, names, (image.shape[0], image.shape[1])) if path else {}
    return Film(name or folder.name, image, anatomy, tuple(findings))


def _coco(path: Path) -> list[tuple[str, Mask]]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    names = {entry["id"]: str(entry["name"]) for entry in content["categories"]}
    return [(names[one["category_id"]], mask_of(one["segmentation"])) for one in content["annotations"]]


def _means(image: npt.NDArray[Any], pixels: int) -> npt.NDArray[np.float32]:
    side = image.shape[0] // pixels
    return np.asarray(image.reshape(pixels, side, pixels, side).mean((1, 3)), np.float32)


def _coarse(mask: Mask, pixels: int) -> Mask:
    shares = _means(mask.astype(np.float32), pixels)
    return np.asarray(shares >= min(0.5, float(shares.max()))) & (shares > 0)
