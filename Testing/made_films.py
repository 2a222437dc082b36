"""Made chest films for tests: a phantom's, and files of every kind that hold one."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
import SimpleITK
from AnatomyGuidedLib.phantom import make_body
from AnatomyGuidedLib.phantom.ct import make_ct
from AnatomyGuidedLib.phantom.lesions import make_lesions
from AnatomyGuidedLib.phantom.xray import Xray, make_xray
from pydicom.dataset import Dataset, FileMetaDataset


@cache
def phantom_xray(seed: int = 1) -> Xray:
    """A film of a large heart and an effusion."""
    rng = np.random.default_rng(seed)
    body = make_body(spacing_mm=10.0, sex="F", seed=seed)
    hu = make_ct(body, make_lesions(body, count=0, rng=rng), rng=rng)
    return make_xray(body, hu, rng=rng, categories=["Cardiomegaly", "Effusion"])


def write_picture(path: Path, values: npt.NDArray[np.generic]) -> Path:
    """The file with rows and columns (and colours) as they are."""
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values, isVector=values.ndim == 3), str(path))
    return path


def write_dicom_film(path: Path, values: npt.NDArray[np.unsignedinteger], **tags: object) -> Path:
    """A DX file of 8 or 12 bit, uncompressed, with the patient's left on the right; `tags` come last, None removes."""
    film = Dataset()
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    film.file_meta.MediaStorageSOPClassUID = film.SOPClassUID = pydicom.uid.DigitalXRayImageStorageForPresentation
    film.file_meta.MediaStorageSOPInstanceUID = film.SOPInstanceUID = pydicom.uid.generate_uid()
    film.Modality, film.BodyPartExamined, film.ViewPosition = "DX", "CHEST", "PA"
    film.PatientOrientation, film.PhotometricInterpretation = ["L", "F"], "MONOCHROME2"
    film.PatientName = "Miller^Anna"
    film.Rows, film.Columns = values.shape[:2]
    film.SamplesPerPixel, film.PixelRepresentation = 1, 0
    film.BitsAllocated = 8 * values.itemsize
    film.BitsStored = 8 if values.itemsize == 1 else 12
    film.HighBit = film.BitsStored - 1
    film.PixelData = values.tobytes()
    for name, value in tags.items():
        setattr(film, name, value)
        if value is None:
            delattr(film, name)
    film.save_as(path, enforce_file_format=True)
    return path
