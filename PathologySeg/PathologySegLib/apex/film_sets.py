"""Films of a data set: folders as the phantom writes them, or ChestX-Det's own layout.

| layout | files |
|---|---|
| folders | `*/image.png, instances.json` (COCO with run lengths) and the anatomy as `film_anatomy` reads it with the stem `anatomy`; also one level deeper |
| ChestX-Det | `NAME.json`, a list of `file_name`, `syms`, `polygons`; images beside it or in any folder below; the anatomy of an image, for arms that learn it, in `anatomy/` as `film_anatomy` reads it with the image's stem |
"""  # noqa: E501

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.phantom.xray_files import INSTANCES
from AnatomyGuidedLib.phantom.xray_findings import CATEGORIES

from PathologySegLib.apex.film import Film, read_film, read_image, shrunk
from PathologySegLib.apex.film_anatomy import anatomy_beside, read_anatomy

ANATOMY = "anatomy"  # the folder of the films' anatomy beside ChestX-Det's list
Mask = npt.NDArray[np.bool_]


def films_of(
    source: Path, names: Sequence[str], pixels: int, *, needs_anatomy: bool = False
) -> list[list[Film]]:  # fmt: skip
    """By patient the films that show a finding, in pixels x pixels.

    Patients of ChestX-Det (of NIH's ChestX-ray14) are the first word of an image's name; a folder is a patient, also
    where it holds folders of films.

    Raises:
        AnatomyGuidedError: There is no film, a file is missing or of another form, or a film lacks needed anatomy.
    """
    films = _from_list(source, names) if source.is_file() else _from_folders(source, names)
    shown = [(whose, film) for whose, film in films if film.findings]
    if needs_anatomy:
        _require_anatomy([film for _, film in shown], source)
    by_patient: dict[str, list[Film]] = {}
    for whose, film in shown:
        by_patient.setdefault(whose, []).append(shrunk(film, pixels))
    if not by_patient:
        raise AnatomyGuidedError(
            f"{source.name} holds no film with a finding; folders with image.png, {INSTANCES} and anatomy.json, or a "
            "JSON file in ChestX-Det's form were expected."
        )
    return list(by_patient.values())


def _require_anatomy(films: Sequence[Film], source: Path) -> None:
    lacking = [film.name for film in films if not film.anatomy]
    if lacking:
        file = (
            f"{source.parent.name}/{ANATOMY}/{lacking[0]}.json, .png or .nii.gz, or a folder of masks"
            if source.is_file()
            else f"anatomy.json, .png or .nii.gz of {lacking[0]}, or a folder of masks"
        )
        raise AnatomyGuidedError(
            f"{len(lacking)} of {len(films)} films of {source.name} have no anatomy, which the arm learns beside the "
            f"findings; give that of the classes of the setting film_anatomy ({file}), or choose an arm that learns "
            "none, such as baseline."
        )


def _from_folders(source: Path, names: Sequence[str]) -> list[tuple[str, Film]]:
    """Each film with whose it is."""
    folders = sorted({path.parent for pattern in ("*", "*/*") for path in source.glob(f"{pattern}/{INSTANCES}")})
    places = [folder.relative_to(source).parts for folder in folders]
    return [(parts[0], read_film(source.joinpath(*parts), names, "_".join(parts))) for parts in places]


def _from_list(source: Path, names: Sequence[str]) -> list[tuple[str, Film]]:
    """Each film with whose it is."""
    try:
        rows = json.loads(source.read_text(encoding="utf-8"))
        films = [_listed(row, source.parent, names) for row in rows if row["syms"]]
        return [(film.name.split("_")[0], film) for film in films]
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, AnatomyGuidedError):
            raise
        raise AnatomyGuidedError(
            f"{source.name} cannot be read as ChestX-Det's annotations ({error}); a list of file_name, syms and "
            "polygons was expected."
        ) from error


def _listed(row: Mapping[str, Any], folder: Path, names: Sequence[str]) -> Film:
    name = str(row["file_name"])
    image = next(iter(sorted(folder.rglob(name))), None)
    if image is None:
        raise AnatomyGuidedError(f"The image {name} is not in {folder.name} or below; put the images there.")
    pixels = read_image(image)
    findings = [
        (CATEGORIES.index(category), polygon_mask(polygon, (pixels.shape[0], pixels.shape[1])))
        for category, polygon in zip(row["syms"], row["polygons"], strict=True)
    ]
    anatomy = anatomy_beside(folder / ANATOMY, image.stem)
    shadows = read_anatomy(anatomy, names, (pixels.shape[0], pixels.shape[1])) if anatomy else {}
    return Film(image.stem, pixels, shadows, tuple(findings))


def polygon_mask(points: Sequence[Sequence[float]], size: tuple[int, int]) -> Mask:
    """The pixels (rows, columns) within a polygon of points x, y.

    >>> int(polygon_mask([[1, 1], [4, 1], [4, 3], [1, 3]], (4, 6)).sum())
    6
    """
    from pycocotools import mask as lengths

    flat = [float(value) for point in points for value in point]
    encoded = lengths.merge(lengths.frPyObjects([flat], *size))
    return np.asarray(lengths.decode(encoded), np.bool_)
