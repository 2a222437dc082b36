"""The tags of a made PET/CT: who the patient is, one study on one frame of reference, and the two kinds of slices.

Modules and their Type 1 and 2 attributes follow DICOM PS3.3 (CT Image IOD, A.3; PET Image IOD, A.21).
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.valuerep import format_number_as_ds

from AnatomyGuidedLib.dicom_write_study import HALF_LIFE_S, Injection, PatientDetails, Study, activity_per_suv
from AnatomyGuidedLib.grid import Grid

Header = Any  # pydicom.Dataset; pydicom has no types for the attributes of a data set

INTERCEPT_HU = -1024

_CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
_PET_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.128"
_LPS = np.diag([-1.0, -1.0, 1.0])
_MADE = "made by rules; no patient"
_CT_START = datetime(2000, 1, 1, 9, 58)
_PET_START = datetime(2000, 1, 1, 10, 0)
_PET_DURATION_S = 240


def decimal(value: float) -> str:
    """The closest number that DICOM's 16 characters hold.

    >>> decimal(-1 / 3), decimal(-0.0)
    ('-0.3333333333333', '0.0')
    """
    return str(format_number_as_ds(float(value) + 0.0))


def place_slice(header: Header, study: Study, k: int) -> None:
    """Nothing; the header says where the slice lies, in DICOM's frame (L, P, S), and which it is of its series."""
    position = _LPS @ study.grid.ras_from_ijk((0, 0, k))
    i, j, _ = (_LPS @ study.grid.directions).T
    header.ImagePositionPatient = [decimal(v) for v in position]
    header.SliceLocation = decimal(float(position @ np.cross(i, j)))
    header.InstanceNumber = k + 1
    if header.Modality == "PT":
        header.ImageIndex = k + 1


def ct_header(study: Study) -> Header:
    """All tags of the CT's slices that do not differ between them."""
    return _header(
        _CT_IMAGE_STORAGE,
        {
            **_common_tags(study, "ct", _CT_START),
            "Modality": "CT",
            "SeriesNumber": 1,
            "PatientPosition": "HFS",  # the PET says it in codes, and may not say it twice (PS3.3, C.7.3.1)
            "SeriesDescription": f"CT, {_MADE}",
            "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
            "PixelRepresentation": 1,
            "RescaleIntercept": INTERCEPT_HU,
            "RescaleType": "HU",
            "WindowCenter": 40,
            "WindowWidth": 400,
            "KVP": 120,
            "AcquisitionNumber": 1,
        },
    )


def pet_header(study: Study) -> Header:
    """All tags of the PET's slices that do not differ between them: what SUV is computed from is among them."""
    return _header(
        _PET_IMAGE_STORAGE,
        {
            **_common_tags(study, "pet", _PET_START),
            **_orientation_tags(),
            **_decay_tags(),
            "Modality": "PT",
            "SeriesNumber": 2,
            "SeriesDescription": f"PET FDG, {_MADE}",
            "ImageType": ["ORIGINAL", "PRIMARY"],
            "PixelRepresentation": 0,
            "RescaleIntercept": 0,
            "WindowCenter": decimal(5.0 * activity_per_suv(study)),  # SUV 0 to 10
            "WindowWidth": decimal(10.0 * activity_per_suv(study)),
            "Units": "BQML",
            "CountsSource": "EMISSION",
            "SeriesType": ["STATIC", "IMAGE"],
            "NumberOfSlices": study.grid.shape[2],
            "CorrectedImage": ["DECY", "ATTN", "SCAT", "DTIM", "RAN", "NORM"],
            "CollimatorType": "NONE",
            "RadiopharmaceuticalInformationSequence": [_tracer(study.injection)],
        },
    )


def _common_tags(study: Study, series: str, start: datetime) -> dict[str, object]:
    return {
        **_patient_tags(study.patient),
        **_study_tags(study),
        **_geometry_tags(study.grid),
        **_times("Series", start),
        **_times("Acquisition", start),
        **_times("Content", start),
        "SeriesInstanceUID": study.uid(series),
        "BodyPartExamined": study.body_part,
        "Manufacturer": "AnatomyGuided",
        "ManufacturerModelName": "phantom",
        "ImageComments": f"Image {_MADE}. Not for diagnosis.",
        "BurnedInAnnotation": "NO",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
    }


def _patient_tags(patient: PatientDetails) -> dict[str, object]:
    return {
        "PatientName": patient.name,
        "PatientID": patient.patient_id,
        "PatientBirthDate": "",
        "PatientSex": patient.sex,
        "QualityControlSubject": "YES",
        "PatientAge": f"{patient.age_years:03d}Y",
        "PatientSize": decimal(patient.height_cm / 100.0),
        "PatientWeight": decimal(patient.weight_kg),
    }


def _study_tags(study: Study) -> dict[str, object]:
    return {
        **_times("Study", _CT_START),
        "StudyInstanceUID": study.uid("study"),
        "FrameOfReferenceUID": study.uid("frame of reference"),
        "PositionReferenceIndicator": "",
        "StudyID": "1",
        "StudyDescription": f"PET/CT {_MADE}",
        "AccessionNumber": "",
        "ReferringPhysicianName": "",
    }


def _geometry_tags(grid: Grid) -> dict[str, object]:
    columns, rows, _ = grid.shape
    along_i, along_j, along_k = grid.spacing_mm
    i, j, _ = (_LPS @ grid.directions).T
    return {
        "Rows": rows,
        "Columns": columns,
        "PixelSpacing": [decimal(along_j), decimal(along_i)],
        "SliceThickness": decimal(along_k),
        "ImageOrientationPatient": [decimal(v) for v in (*i, *j)],
    }


def _decay_tags() -> dict[str, object]:
    """Activity is that of the start; the frame's mean rate is that of just before its middle (PS3.3, C.8.9.4)."""
    constant = math.log(2.0) / HALF_LIFE_S
    factor = constant * _PET_DURATION_S / -math.expm1(-constant * _PET_DURATION_S)
    return {
        "DecayCorrection": "START",
        "DecayFactor": decimal(factor),
        "FrameReferenceTime": decimal(1000.0 * math.log(factor) / constant),
        "ActualFrameDuration": 1000 * _PET_DURATION_S,
    }


def _tracer(injection: Injection) -> Dataset:
    start = _PET_START - timedelta(seconds=injection.uptake_s)
    return _dataset(
        {
            "RadionuclideCodeSequence": [_code("77004003", "^18^Fluorine")],
            "RadiopharmaceuticalCodeSequence": [_code("35321007", "Fluorodeoxyglucose F^18^")],
            "AdministrationRouteCodeSequence": [_code("47625008", "Intravenous route")],
            "Radiopharmaceutical": "Fluorodeoxyglucose",
            "RadiopharmaceuticalStartTime": f"{start:%H%M%S}",
            "RadiopharmaceuticalStartDateTime": f"{start:%Y%m%d%H%M%S}",
            "RadionuclideTotalDose": decimal(injection.dose_bq),
            "RadionuclideHalfLife": decimal(HALF_LIFE_S),
        }
    )


def _orientation_tags() -> dict[str, object]:
    recumbent = _code("102538003", "recumbent")
    recumbent.PatientOrientationModifierCodeSequence = [_code("40199007", "supine")]
    return {
        "PatientOrientationCodeSequence": [recumbent],
        "PatientGantryRelationshipCodeSequence": [_code("102540008", "headfirst")],
    }


def _code(value: str, meaning: str) -> Dataset:
    return _dataset({"CodeValue": value, "CodingSchemeDesignator": "SCT", "CodeMeaning": meaning})


def _times(prefix: str, moment: datetime) -> dict[str, object]:
    return {f"{prefix}Date": f"{moment:%Y%m%d}", f"{prefix}Time": f"{moment:%H%M%S}"}


def _header(storage: str, tags: Mapping[str, object]) -> Header:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = storage
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = f"2.25.{uuid.uuid5(uuid.NAMESPACE_URL, 'AnatomyGuided').int}"
    meta.ImplementationVersionName = "ANATOMYGUIDED"
    header = _dataset({"SOPClassUID": storage, **tags})
    header.file_meta = meta
    return header


def _dataset(tags: Mapping[str, object]) -> Header:
    made = Dataset()
    for name, value in tags.items():
        setattr(made, name, value)
    return made
