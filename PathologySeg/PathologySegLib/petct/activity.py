"""A PET that Slicer loaded from DICOM: its voxels are activity, and its files tell how to make SUV of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Volume
from AnatomyGuidedLib.modality import require_suv


def in_suv(pet: Volume, dicom_files: Sequence[Path], *, name: str = "The PET") -> Volume:
    """The PET in SUVbw: as it is where its range is an SUV's, else times the factor of the slices it was loaded from.

    Raises:
        AnatomyGuidedError: The range is no SUV's and there are no such files, or they do not tell SUV.
    """
    try:
        require_suv(pet.values, name)
    except AnatomyGuidedError:
        if not dicom_files:
            raise
        return _from_activity(pet, dicom_files, name)
    return Volume(pet.values, pet.grid, "SUV")


def _from_activity(pet: Volume, dicom_files: Sequence[Path], name: str) -> Volume:
    from AnatomyGuidedLib.dicom import read_suv_factor

    values = pet.values * pet.values.dtype.type(read_suv_factor(dicom_files))
    require_suv(values, name)
    return Volume(values, pet.grid, "SUV")
