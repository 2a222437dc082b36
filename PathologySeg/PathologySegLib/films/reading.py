"""Chest films from files: pictures (PNG, JPEG, TIFF), DICOM, and single slices in NIfTI or NRRD."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib import dicom
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.files import full_suffix
from AnatomyGuidedLib.io import VOLUME_FORMATS, read_grid
from AnatomyGuidedLib.modality import is_ct

from PathologySegLib.films.dicom_film import read_dicom_film
from PathologySegLib.films.itk import Stored, read_stored
from PathologySegLib.films.placement import Placement, placement_on
from PathologySegLib.films.radiograph import ASSUMED, Radiograph, lightness, require_content

PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
_VOLUMES = (*VOLUME_FORMATS, ".nhdr")
BY_OPTION = "--pixel-mm"


def read_radiograph(path: Path, *, pixel_mm: float | None = None, force: bool = False) -> Radiograph:
    """The film of a file, or of a folder with one DICOM file; `pixel_mm` goes before what the file says.

    A picture's left side is taken for the patient's right, as films are hung. `force` takes a DICOM film of another
    part of the body or raw data, and a slice with the histogram of a CT.

    Raises:
        AnatomyGuidedError: It cannot be read, or is no frontal chest film, with the reason.
    """
    if not path.exists():
        raise AnatomyGuidedError(f"{path.name} does not exist; check the path.")
    suffix = full_suffix(path)
    if path.is_dir() or suffix == ".dcm" or dicom.is_dicom(path):
        film = read_dicom_film(path, force=force)
    elif suffix in _VOLUMES:
        film = _slice(path, force=force)
    elif suffix in PICTURES:
        film = _picture(path)
    else:
        raise AnatomyGuidedError(
            f"{path.name} is none of a film's formats: {', '.join(PICTURES)}, DICOM, or one slice in NIfTI or NRRD."
        )
    return replace(film, pixel_mm=(pixel_mm, pixel_mm), pixel_mm_from=BY_OPTION) if pixel_mm else film


def _picture(path: Path) -> Radiograph:
    """Resolutions of pictures are those of a print or screen, so that no size in the patient is taken from them."""
    stored = read_stored(path)
    placement = placement_on(stored.grid, path.name)
    return Radiograph(_light(placement, _grey(stored, path.name), path.name), placement)


def _slice(path: Path, *, force: bool) -> Radiograph:
    stored = read_stored(path)
    grid = read_grid(path) if stored.axes == 3 else stored.grid
    placement = placement_on(grid, path.name)
    values = _grey(stored, path.name)
    if not force and is_ct(values):
        raise AnatomyGuidedError(
            f"{path.name} has the histogram of a CT in HU, but a chest film was expected; --force if you are sure."
        )
    turned = placement.is_picture and (placement.rows_turned or placement.columns_turned)
    note = f"The film is stored as an axial slice with the axes {grid.axis_codes}: it is taken as viewers show it."
    return Radiograph(
        _light(placement, values, path.name),
        placement,
        placement.pixel_mm,
        "the file's grid",
        ASSUMED if placement.is_picture else f"the file's axes ({grid.axis_codes})",
        notes=(note,) if turned else (),
    )


def _light(placement: Placement, values: npt.NDArray[np.generic], name: str) -> npt.NDArray[np.float32]:
    require_content(values, name)
    return lightness(placement.film_of(values))


def _grey(stored: Stored, name: str) -> npt.NDArray[np.generic]:
    """The values [i, j, k]; of colours that are all grey, one channel.

    Raises:
        AnatomyGuidedError: There are colours.
    """
    if stored.channels == 1:
        return stored.values
    red, green, blue = (stored.values[..., min(place, _last_colour(stored))] for place in range(3))
    if not (np.array_equal(red, green) and np.array_equal(red, blue)):
        raise AnatomyGuidedError(f"{name} is a picture in colours, but a grey chest film was expected.")
    return red


def _last_colour(stored: Stored) -> int:
    """Of grey and opacity 0, of colours 2."""
    return 0 if stored.channels == 2 else 2
