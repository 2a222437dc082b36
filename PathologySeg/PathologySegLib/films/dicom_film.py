"""A film as DICOM (CR, DX): its tags say where the patient's left is, how it is to be shown, and how large pixels are.

The display window is honoured: networks learn from films as people see them, and the sets of such films were made with
"the default window settings stored in the DICOM header files" (Wang et al. 2017, ChestX-ray8, arXiv 1705.02315, of
which ChestX-Det is a part).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from AnatomyGuidedLib.dicom import UNREADABLE, is_dicom, require_all_pixels
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.refusals import refusing

from PathologySegLib.films.dicom_light import LIGHT_TAGS, dicom_lightness
from PathologySegLib.films.itk import read_stored
from PathologySegLib.films.placement import placement_on
from PathologySegLib.films.radiograph import ASSUMED, Radiograph, require_content

Header = Any  # pydicom.Dataset; pydicom has no types for the attributes of a data set

_MODALITIES = ("CR", "DX", "RG")  # computed, digital, and other radiography
_FRONTAL = ("", "PA", "AP")
_CHEST = ("CHEST", "THORAX", "TORAX", "LUNG", "RIB")
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
_TAGS = ("Modality", "BodyPartExamined", "PresentationIntentType", "ViewPosition", "ViewCodeSequence",
         "PatientOrientation", "Rows", *_SPACINGS, *LIGHT_TAGS)  # fmt: skip


def read_dicom_film(path: Path, *, force: bool = False) -> Radiograph:
    """The film of a file, or of a folder with one; `force` takes other parts of the body and raw data.

    Raises:
        AnatomyGuidedError: It is no single frontal film of a chest with the patient's left on the right.
    """
    file = _only_file(path)
    header = _header(file)
    _require_film(header, file.name)
    if not force:
        _require_chest(header, file.name)
    _require_frontal(header, file.name)
    require_all_pixels(file)
    stored = read_stored(file)
    if stored.channels != 1 or stored.values.shape[2:] != (1,):
        raise AnatomyGuidedError(f"{file.name} holds several frames or colours, but one chest film was expected.")
    placement = placement_on(stored.grid, file.name)
    image = dicom_lightness(placement.film_of(stored.values), header)
    require_content(image, file.name)
    spacing, source = _spacing(header)
    orientation = "PatientOrientation" if _sides(header) else ASSUMED
    return Radiograph(image, placement, spacing, source, orientation, str(header.get("ViewPosition") or ""))


def _only_file(path: Path) -> Path:
    if not path.is_dir():
        return path
    files = [file for file in sorted(path.rglob("*")) if is_dicom(file)]
    if len(files) != 1:
        raise AnatomyGuidedError(
            f"{path.name} holds {len(files)} DICOM files, but one chest film was expected; give one file."
        )
    return files[0]


def _header(file: Path) -> Header:
    """The tags that are used, and no others: no name of a patient gets further than this."""
    with refusing(file.name, UNREADABLE, _damaged(file)):
        header = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=list(_TAGS))
        _ = [*header.file_meta, *header.iterall()]  # pydicom reads values when asked for: a damaged one shows here
    return header


def _damaged(file: Path) -> AnatomyGuidedError:
    return AnatomyGuidedError(f"{file.name} cannot be read as DICOM: it is damaged or truncated; export it again.")


def _require_film(header: Header, name: str) -> None:
    modality = str(header.get("Modality") or "absent")
    if modality not in _MODALITIES:
        raise AnatomyGuidedError(f"{name} is DICOM of modality {modality}, but a chest film (CR or DX) was expected.")
    if "Rows" not in header:
        raise AnatomyGuidedError(f"{name} holds no image, but a chest film was expected.")


def _require_chest(header: Header, name: str) -> None:
    part = str(header.get("BodyPartExamined") or "").upper()
    if part and not any(word in part for word in _CHEST):
        raise AnatomyGuidedError(f"{name} shows the part {part}, but a chest was expected; --force if you are sure.")
    if str(header.get("PresentationIntentType") or "") == "FOR PROCESSING":
        raise AnatomyGuidedError(
            f"{name} is the detector's raw data (FOR PROCESSING), which look otherwise than a film; export the film "
            "for presentation, or --force if you are sure."
        )


def _require_frontal(header: Header, name: str) -> None:
    view = str(header.get("ViewPosition") or "").upper()
    codes = header.get("ViewCodeSequence") or [{}]
    meaning = str(codes[0].get("CodeMeaning", ""))
    view = meaning if re.search(r"\b(lateral|oblique)\b", meaning.lower()) else view
    if view not in _FRONTAL:
        raise AnatomyGuidedError(f"{name} has the view {view}, but a frontal chest film (PA or AP) was expected.")
    sides = _sides(header)
    if not sides:
        return
    along, down = sides
    if along[0] in "AP" or down[0] in "AP":
        raise AnatomyGuidedError(
            f"{name} is a film from the side (PatientOrientation {along}\\{down}), but a frontal one was expected."
        )
    if along[0] != "L" or down[0] != "F":
        raise AnatomyGuidedError(
            f"{name} is mirrored or turned: its PatientOrientation is {along}\\{down}, but columns towards the "
            "patient's left and rows towards the feet (L\\F) were expected; turn the film and its tag, and try again."
        )


def _sides(header: Header) -> tuple[str, str] | None:
    """Towards which side of the patient columns and rows run; none where the tag is absent or holds no two words."""
    value = header.get("PatientOrientation")
    words = [] if value is None or isinstance(value, str) else [str(word).upper() for word in value]
    return (words[0], words[1]) if len(words) == 2 and all(words) else None


def _spacing(header: Header) -> tuple[tuple[float, float] | None, str]:
    """The distance of rows and that of columns, and the tag that says so; on the detector unless it is calibrated."""
    for name in _SPACINGS:
        values: npt.NDArray[np.float64] = np.asarray(header.get(name) or [], dtype=np.float64)
        if values.shape == (2,) and np.isfinite(values).all() and (values > 0).all():
            return (float(values[0]), float(values[1])), name
    return None, ""
