"""Whether a CT and a PET belong together: one patient, one frame of reference."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from AnatomyGuidedLib.errors import AnatomyGuidedError

if TYPE_CHECKING:
    from AnatomyGuidedLib.dicom_identity import Identity


def require_one_study(ct: str | Path, pet: str | Path, *, force: bool = False) -> None:
    """Nothing, unless DICOM says that the two are of different patients, or (without `force`) of different frames.

    Files that tell neither (NIfTI, NRRD, an identifier that was removed) pass.

    Raises:
        AnatomyGuidedError: They do not belong together.
    """
    from AnatomyGuidedLib.dicom_identity import read_identity  # pydicom is imported when it is needed

    first, second = read_identity(Path(ct)), read_identity(Path(pet))
    if first is None or second is None:
        return
    if _differ(first.patient, second.patient):
        raise AnatomyGuidedError(
            "The CT and the PET are of different patients (PatientID), but one study of one patient was expected; "
            "choose the series of one examination."
        )
    _require_one_frame(first, second, force)


def _require_one_frame(first: Identity, second: Identity, force: bool) -> None:
    if not force and _differ(first.frame_of_reference, second.frame_of_reference):
        raise AnatomyGuidedError(
            "The CT and the PET lie in different frames of reference, so that nobody knows how they lie to each other; "
            "choose the series of one examination, register one to the other, or, if they are aligned, pass --force "
            "(lesions) or give files that are no DICOM (a table)."
        )


def _differ(one: str, other: str) -> bool:
    """Whether both tell something, and not the same."""
    return bool(one and other and one != other)
