"""SUVbw from DICOM, computed by hand, and each reason for not computing it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from AnatomyGuidedLib.grid import Volume
from AnatomyGuidedLib.io import read_ct, read_image, read_pet
from AnatomyGuidedLib.suv import suv_factor
from testing_data import dicom_slices, pet_tags, refusal, save_dicom

STORED = np.random.default_rng(0).integers(1, 30000, (6, 5, 4)).astype(np.int16)
SLOPES = [0.5, 0.25, 2.0, 1.5]
# 70 kg, 350 MBq, one hour at a half-life of 6000 s: 350e6 * 2 ** -0.6 = 230 914 000 Bq are left.
BY_HAND = 70_000 / 230_914_238


def read(folder: Path, **tags: object) -> Volume:
    return read_image(save_dicom(folder, dicom_slices(STORED, slopes=SLOPES, **pet_tags(**tags))))


def factor(**tags: object) -> float:
    return suv_factor(dicom_slices(STORED, slopes=SLOPES, **pet_tags(**tags)))


def test_suv_is_activity_times_weight_over_decayed_dose_with_each_slices_slope(tmp_path: Path) -> None:
    volume = read(tmp_path)
    assert volume.unit == "SUV"
    assert volume.values == pytest.approx(STORED * np.array(SLOPES) * BY_HAND, rel=1e-5)


def test_a_pet_series_is_read_as_pet_and_not_as_ct(tmp_path: Path) -> None:
    folder = save_dicom(tmp_path, dicom_slices(STORED, slopes=SLOPES, **pet_tags()))
    assert read_pet(folder).unit == "SUV"
    assert "is a PET, but a CT was expected" in refusal(lambda: read_ct(folder))
    ct = save_dicom(tmp_path / "ct", dicom_slices(STORED))
    assert "is a CT, but a PET was expected" in refusal(lambda: read_pet(ct))


@pytest.mark.parametrize(
    ("tags", "hours"),
    [
        ({"RadiopharmaceuticalStartDateTime": "20240102093000"}, 1.5),
        ({"RadiopharmaceuticalStartDateTime": "20240102093000.000"}, 1.5),
        ({"RadiopharmaceuticalStartDateTime": "202401020930"}, 1.5),
        ({"RadiopharmaceuticalStartDateTime": "20240102093000+0200", "TimezoneOffsetFromUTC": "+0200"}, 1.5),
        ({"RadiopharmaceuticalStartTime": "1030"}, 0.5),  # hours and minutes alone are valid in DICOM
        ({"RadiopharmaceuticalStartTime": "10"}, 1.0),
        ({"RadiopharmaceuticalStartTime": "100000.500000", "SeriesTime": "110000.5"}, 3599.5 / 3600),
        ({"SeriesTime": "113000"}, 1.0),  # written after the acquisition at 11:00, which counts
        ({"SeriesTime": "103000"}, 0.5),  # the acquisition at 11:00 is a later bed position
        ({"AcquisitionTime": None}, 1.0),
        (
            {"RadiopharmaceuticalStartDateTime": "20240101233000", "SeriesTime": "003000", "AcquisitionTime": "003000"},
            1.0,  # over midnight, with both dates told
        ),
    ],
)
def test_the_time_runs_from_injection_to_the_start_of_the_series(tags: dict[str, object], hours: float) -> None:
    expected = 70_000 / (350e6 * 0.5 ** (hours * 3600 / 6000))
    assert factor(**tags) == pytest.approx(expected, rel=1e-9)


def test_the_earliest_bed_position_counts() -> None:
    slices = dicom_slices(STORED, slopes=SLOPES, **pet_tags(SeriesTime="120000"))
    slices[2].AcquisitionTime = "104500"
    assert suv_factor(slices) == pytest.approx(70_000 / (350e6 * 0.5 ** (45 * 60 / 6000)), rel=1e-9)


@pytest.mark.filterwarnings("ignore:.*:UserWarning")  # pydicom warns before we refuse
@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"Units": "CNTS"}, "Units is CNTS, but only BQML"),
        ({"Units": "GML"}, "Units is GML, but only BQML"),
        ({"Units": None}, "Units is absent"),
        ({"DecayCorrection": "ADMIN"}, "DecayCorrection is ADMIN, but only START"),
        ({"DecayCorrection": "NONE"}, "DecayCorrection is NONE, but only START"),
        ({"DecayCorrection": None}, "DecayCorrection is absent"),
        ({"PatientWeight": None}, "no PatientWeight"),
        ({"PatientWeight": ""}, "no PatientWeight"),
        ({"PatientWeight": 0}, "PatientWeight is 0.0, but must be one number above 0"),
        ({"PatientWeight": [70, 80]}, "PatientWeight is [70.0, 80.0]"),
        ({"PatientWeight": b"heavy "}, "PatientWeight is heavy"),
        ({"RadionuclideTotalDose": None}, "no RadionuclideTotalDose"),
        ({"RadionuclideTotalDose": -1}, "RadionuclideTotalDose is -1"),
        ({"RadionuclideHalfLife": None}, "no RadionuclideHalfLife"),
        ({"RadionuclideHalfLife": 0}, "RadionuclideHalfLife is 0"),
        ({"RadiopharmaceuticalStartTime": None}, "no RadiopharmaceuticalStartTime"),
        ({"RadiopharmaceuticalStartTime": "10:00"}, "no DICOM date and time"),
        ({"RadiopharmaceuticalStartTime": "256000"}, "no DICOM date and time"),
        ({"SeriesTime": None}, "no SeriesTime"),
        ({"SeriesDate": None}, "no SeriesDate"),
        ({"RescaleSlope": None}, "no RescaleSlope"),
        ({"RadiopharmaceuticalStartTime": "113000"}, "lies -30 min before"),
        ({"RadiopharmaceuticalStartDateTime": "20240101220000"}, "lies 780 min before"),
        ({"RadiopharmaceuticalStartDateTime": "20240102100000+0000"}, "time zone +0000"),
        (
            {"RadiopharmaceuticalStartDateTime": "20240102100000+0000", "TimezoneOffsetFromUTC": "+0200"},
            "its series is in +0200",
        ),
    ],
)
def test_what_cannot_be_computed_is_refused_by_name(tags: dict[str, object], words: str, tmp_path: Path) -> None:
    message = refusal(lambda: read(tmp_path / "Secret Person", **tags))
    assert words in message
    for secret in ("Secret", "4711"):
        assert secret not in message


def test_an_injection_just_before_midnight_without_a_date_is_refused_with_a_hint() -> None:
    message = refusal(
        lambda: factor(RadiopharmaceuticalStartTime="233000", SeriesTime="003000", AcquisitionTime="003000")
    )
    assert "cross midnight" in message


@pytest.mark.parametrize("count", [0, 2])
def test_none_or_two_radiopharmaceuticals_are_refused(count: int) -> None:
    slices = dicom_slices(STORED, slopes=SLOPES, **pet_tags())
    for header in slices:
        header.RadiopharmaceuticalInformationSequence = [*header.RadiopharmaceuticalInformationSequence] * count
    assert ("no Radiopharm" if count == 0 else "2 radiopharm") in refusal(lambda: suv_factor(slices))


def test_an_enhanced_multi_frame_pet_is_refused_by_name(tmp_path: Path) -> None:
    header = dicom_slices(STORED[:, :, :1], **pet_tags())[0]
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID = "1.2.840.10008.5.1.4.1.1.130"
    for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        delattr(header, name)
    header.NumberOfFrames, header.PixelData = 4, STORED.tobytes()
    message = refusal(lambda: read_pet(save_dicom(tmp_path, [header])))
    assert "multi-frame" in message


def test_a_dose_in_mbq_gives_values_that_are_no_suv(tmp_path: Path) -> None:
    folder = save_dicom(tmp_path, dicom_slices(STORED, slopes=SLOPES, **pet_tags(RadionuclideTotalDose=350)))
    assert "no PET in SUVbw" in refusal(lambda: read_pet(folder))
