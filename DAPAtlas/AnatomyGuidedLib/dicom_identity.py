"""Whose image a DICOM series is and in which frame of reference it lies: enough to tell two series apart, no more."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pydicom

from AnatomyGuidedLib.dicom import is_dicom

_TAGS = ("PatientID", "FrameOfReferenceUID", "ImagePositionPatient")
_UNREADABLE = (pydicom.errors.InvalidDicomError, OSError, EOFError, ValueError, TypeError, KeyError, AttributeError)


@dataclass(frozen=True)
class Identity:
    """A digest of the patient's identifier and the frame of reference; each "" where the file does not tell it."""

    patient: str
    frame_of_reference: str


def read_identity(path: Path) -> Identity | None:
    """The identity of the series in a folder, or of a file's; None for what is no DICOM image.

    Only one slice is read: that a folder holds one series is looked at where its voxels are read.
    """
    files: Iterator[Path] = iter(sorted(path.rglob("*")) if path.is_dir() else [path])
    for file in files:
        if not is_dicom(file):
            continue
        try:
            header = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=[*_TAGS])
            if "ImagePositionPatient" in header:
                return Identity(_digest(header), str(header.get("FrameOfReferenceUID") or "").strip())
        except _UNREADABLE:
            continue
    return None


def _digest(header: pydicom.Dataset) -> str:
    identifier = str(header.get("PatientID") or "").strip()
    return hashlib.sha256(identifier.encode()).hexdigest() if identifier else ""
