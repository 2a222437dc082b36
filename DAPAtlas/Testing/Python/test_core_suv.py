"""SUVbw from DICOM by every vendor's branch, computed by hand, and each reason for not computing it."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from AnatomyGuidedLib.grid import Volume
from AnatomyGuidedLib.io import read_ct, read_image, read_pet
from AnatomyGuidedLib.suv import suv_factor
from AnatomyGuidedLib.suv_clock import parsed
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from testing_data import dicom_slices, pet_tags, refusal, save_dicom

STORED = np.random.default_rng(0).integers(1, 30000, (6, 5, 4)).astype(np.int16)
SLOPES = [0.5, 0.25, 2.0, 1.5]
# 70 kg, 350 MBq, one hour at a half-life of 6000 s: 350e6 * 2 ** -0.6 = 230 914 000 Bq are left.
BY_HAND = 70_000 / 230_914_238
GE, PHILIPS = "GEMS_PETD_01", "Philips PET Private Group"


def series(**tags: object) -> list[Dataset]:
    return dicom_slices(STORED, slopes=SLOPES, **pet_tags(**tags))


def read(folder: Path, **tags: object) -> Volume:
    return read_image(save_dicom(folder, series(**tags)))


def factor(**tags: object) -> float:
    return suv_factor(series(**tags))


def at_hours(hours: float) -> float:
    """The factor after so much time, at 350 MBq, 70 kg and 6000 s."""
    return 70_000 / (350e6 * 0.5 ** (hours * 3600 / 6000))


def with_private(slices: list[Dataset], group: int, creator: str, *elements: tuple[int, str, object]) -> list[Dataset]:
    for header in slices:
        block = header.private_block(group, creator, create=True)
        for element, kind, value in elements:
            block.add_new(element, kind, value)
    return slices


def test_suv_is_activity_times_weight_over_decayed_dose_with_each_slices_slope(tmp_path: Path) -> None:
    volume = read(tmp_path)
    assert volume.unit == "SUV"
    assert volume.values == pytest.approx(STORED * np.array(SLOPES) * BY_HAND, rel=1e-5)


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ((-1, 0, 0), (0, 1, 0)),
        ((0, 0, -1), (0, 1, 0)),
        ((0.8660254, 0.5, 0), (-0.5, 0.8660254, 0)),
        ((0.8660254, 0, 0.5), (0, -1, 0)),
    ],
)
def test_flipped_and_oblique_series_keep_each_voxels_suv_in_its_place(
    tmp_path: Path, row: tuple[float, ...], column: tuple[float, ...]
) -> None:
    """Slices come in any order: each stays with its slope, and the voxel's place is that of its own header."""
    slices = dicom_slices(STORED, slopes=SLOPES, row=row, column=column, **pet_tags())
    folder = save_dicom(tmp_path, [slices[k] for k in (2, 0, 3, 1)])
    volume = read_pet(folder)
    assert volume.values == pytest.approx(STORED * np.array(SLOPES) * BY_HAND, rel=1e-5)
    for k, header in enumerate(slices):
        lps = np.array(header.ImagePositionPatient) + 1.5 * 3 * np.array(column) + 0.75 * 2 * np.array(row)
        assert volume.grid.ras_from_ijk((2, 3, k)) == pytest.approx(lps * [-1, -1, 1], abs=1e-4)


def test_a_pet_series_is_read_as_pet_and_not_as_ct(tmp_path: Path) -> None:
    folder = save_dicom(tmp_path, series())
    assert read_pet(folder).unit == "SUV"
    assert "is a PET, but a CT was expected" in refusal(lambda: read_ct(folder))
    ct = save_dicom(tmp_path / "ct", dicom_slices(STORED))
    assert "is a CT, but a PET was expected" in refusal(lambda: read_pet(ct))


@pytest.mark.parametrize(
    ("tags", "hours"),
    [
        ({"RadiopharmaceuticalStartTime": None, "RadiopharmaceuticalStartDateTime": "20240102093000"}, 1.5),
        ({"RadiopharmaceuticalStartTime": None, "RadiopharmaceuticalStartDateTime": "20240102093000.000"}, 1.5),
        ({"RadiopharmaceuticalStartTime": None, "RadiopharmaceuticalStartDateTime": "202401020930"}, 1.5),
        ({"RadiopharmaceuticalStartTime": "093000", "RadiopharmaceuticalStartDateTime": "202401020930"}, 1.5),
        (
            {
                "RadiopharmaceuticalStartTime": "0930",
                "RadiopharmaceuticalStartDateTime": "20240102093000+0200",
                "TimezoneOffsetFromUTC": "+0200",
            },
            1.5,
        ),
        ({"RadiopharmaceuticalStartTime": "1030"}, 0.5),  # hours and minutes alone are valid in DICOM
        ({"RadiopharmaceuticalStartTime": "10"}, 1.0),
        ({"RadiopharmaceuticalStartTime": "100000.500000", "SeriesTime": "110000.5"}, 3599.5 / 3600),
        ({"SeriesTime": "113000"}, 1.0),  # written after the acquisition at 11:00, which counts
        ({"SeriesTime": "103000"}, 0.5),  # the acquisition at 11:00 is a later bed position
        ({"AcquisitionTime": None}, 1.0),
        (
            {
                "RadiopharmaceuticalStartTime": None,
                "RadiopharmaceuticalStartDateTime": "20240101233000",
                "SeriesTime": "003000",
                "AcquisitionTime": "003000",
            },
            1.0,  # over midnight, with both dates told
        ),
        (
            {"RadiopharmaceuticalStartTime": "233000", "SeriesTime": "003000", "AcquisitionTime": "003000"},
            1.0,  # over midnight without a date: 23 hours after the scan can only be the day before
        ),
        (
            {"SeriesTime": "233000", "AcquisitionDate": "20240103", "AcquisitionTime": "003000"}
            | {"RadiopharmaceuticalStartTime": "2230"},
            1.0,  # later bed positions cross midnight
        ),
    ],
)
def test_the_time_runs_from_injection_to_the_start_of_the_scan(tags: dict[str, object], hours: float) -> None:
    assert factor(**tags) == pytest.approx(at_hours(hours), rel=1e-9)


@given(
    scan=st.datetimes(datetime(2000, 2, 28), datetime(2030, 1, 1)).map(lambda moment: moment.replace(microsecond=0)),
    uptake_s=st.integers(0, 6 * 6000),
    dated=st.booleans(),
)
def test_only_the_time_between_injection_and_scan_matters_whatever_the_date_and_the_hour(
    scan: datetime, uptake_s: int, dated: bool
) -> None:
    """Over midnight, the end of February and of a year, with the injection's date or its time alone."""
    injected = scan - timedelta(seconds=uptake_s)
    header = Dataset()
    header.Units, header.DecayCorrection, header.PatientWeight, header.RescaleSlope = "BQML", "START", 70, 1
    header.SeriesDate, header.SeriesTime = f"{scan:%Y%m%d}", f"{scan:%H%M%S}"
    tracer = Dataset()
    tracer.RadionuclideTotalDose, tracer.RadionuclideHalfLife = 350e6, 6000
    tracer.RadiopharmaceuticalStartTime = f"{injected:%H%M%S}"
    if dated:
        tracer.RadiopharmaceuticalStartDateTime = f"{injected:%Y%m%d%H%M%S}"
    header.RadiopharmaceuticalInformationSequence = [tracer]
    assert suv_factor([header]) == pytest.approx(at_hours(uptake_s / 3600), rel=1e-9)


def test_a_long_lived_tracer_may_be_scanned_days_later_where_the_date_is_told() -> None:
    """Zirconium-89, 78.4 h, five days: 2 ** -(120 / 78.4) of the dose is left."""
    told = {"RadiopharmaceuticalStartTime": None, "RadiopharmaceuticalStartDateTime": "20231228110000"}
    found = factor(RadionuclideHalfLife=282240, RadionuclideTotalDose=37e6, **told)
    assert found == pytest.approx(70_000 / (37e6 * 2 ** -(120 / 78.4)), rel=1e-9)


@pytest.mark.parametrize(("half_life_s", "told"), [(282240, "78 h"), (360806, "100 h")])
def test_a_tracer_that_lives_for_days_needs_the_injections_date(half_life_s: float, told: str) -> None:
    """Zirconium-89 and iodine-124: after five days taken for one hour, SUV would be 2.9 and 2.3 times too low."""
    message = refusal(lambda: factor(RadionuclideHalfLife=half_life_s, RadionuclideTotalDose=37e6))
    assert f"by its time alone, but its tracer (half-life {told}) may be scanned days later" in message
    assert "RadiopharmaceuticalStartDateTime" in message


@pytest.mark.parametrize(
    ("tags", "hours"),
    [
        ({"SeriesDate": "20240105"}, 1.0),  # reconstructed three days later, at the same hour
        ({"SeriesDate": "20240105", "SeriesTime": "080000"}, 1.0),
        ({"SeriesDate": "20240103", "SeriesTime": "150000", "RadiopharmaceuticalStartTime": "0930"}, 1.5),
        (
            {"SeriesDate": "20240105", "AcquisitionTime": "003000", "RadiopharmaceuticalStartTime": "233000"},
            1.0,  # over midnight before the scan, not before the series
        ),
    ],
)
def test_an_injection_without_a_date_was_before_the_scan_whenever_the_series_was_written(
    tags: dict[str, object], hours: float
) -> None:
    assert factor(**tags) == pytest.approx(at_hours(hours), rel=1e-9)


def test_one_number_written_in_two_ways_is_one() -> None:
    slices = series(PatientWeight="70")
    slices[1].PatientWeight, slices[2].PatientWeight = "70.0", "7.0E+1"
    slices[2].RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartTime = "100000.00"
    assert suv_factor(slices) == pytest.approx(at_hours(1.0), rel=1e-9)
    counts = with_private(series(Units="CNTS"), 0x7053, PHILIPS, (0x00, "DS", "0.5"))
    counts[1].private_block(0x7053, PHILIPS)[0x00].value = "0.500000"
    assert suv_factor(counts) == 0.5


@pytest.mark.parametrize("dated", [False, True])
def test_more_than_six_half_lives_of_uptake_are_refused_as_that(dated: bool) -> None:
    """109.8 is fluorine's half-life in minutes; read as seconds, SUV would be 5 billion times too high."""
    told = {"RadiopharmaceuticalStartDateTime": "20240102100000"} if dated else {}
    message = refusal(lambda: factor(RadionuclideHalfLife=109.8, **told))
    assert "60 min from injection to scan are 32.8 half-lives of 109.8 s" in message
    assert "RadionuclideHalfLife" in message


@pytest.mark.parametrize(
    ("half_life_s", "scan"),
    [(1223.4, "120000"), (122.24, "101200"), (75.6, "100700"), (6586.2, "203000"), (45720, "220000")],
)
def test_short_lived_tracers_are_scanned_within_six_half_lives(half_life_s: float, scan: str) -> None:
    """Carbon-11, oxygen-15, rubidium-82, fluorine-18 and copper-64."""
    elapsed_s = (parsed(f"20240102{scan}", "scan") - datetime(2024, 1, 2, 10)).total_seconds()
    found = factor(RadionuclideHalfLife=half_life_s, SeriesTime=scan, AcquisitionTime=scan)
    assert found == pytest.approx(70_000 / (350e6 * 0.5 ** (elapsed_s / half_life_s)), rel=1e-9)


def test_activity_that_ge_measured_more_than_six_half_lives_before_is_refused() -> None:
    slices = measured_by_ge("FL", 350.0)
    for header in slices:
        header.DecayCorrection = "ADMIN"
        header.private_block(0x0009, GE)[0x39].value = "20240102094000"
        header.RadiopharmaceuticalInformationSequence[0].RadionuclideHalfLife = 109.8
    assert "20 min from GE's measurement to the injection are 10.9 half-lives" in refusal(lambda: suv_factor(slices))


def test_the_earliest_bed_position_counts_where_the_series_was_written_later() -> None:
    slices = series(SeriesTime="120000")
    slices[2].AcquisitionTime = "104500"
    assert suv_factor(slices) == pytest.approx(at_hours(0.75), rel=1e-9)


def test_activity_corrected_to_the_injection_needs_no_times() -> None:
    nothing = dict.fromkeys(("RadiopharmaceuticalStartTime", "SeriesTime", "AcquisitionTime"))
    assert factor(DecayCorrection="ADMIN", **nothing) == pytest.approx(70_000 / 350e6, rel=1e-12)


def test_ge_tells_the_start_of_the_scan_of_a_series_written_later() -> None:
    slices = series(SeriesTime="120000")
    with_private(slices, 0x0009, GE, (0x0D, "DT", "20240102104500.00"))
    assert suv_factor(slices) == pytest.approx(at_hours(0.75), rel=1e-9)


def test_ges_private_start_is_not_asked_where_the_series_time_holds() -> None:
    slices = with_private(series(), 0x0009, GE, (0x0D, "DT", "20240102104500.00"))
    assert suv_factor(slices) == pytest.approx(at_hours(1.0), rel=1e-9)


@pytest.mark.parametrize("implicit", [False, True])
def test_ges_measured_activities_stand_in_for_a_missing_dose(tmp_path: Path, implicit: bool) -> None:
    """400 MBq at 9:40, injected at 10:00, 10 MBq left at 10:10 (6000 s): 400 x 2^-0.2 - 10 x 2^0.1 = 337.502 MBq."""
    slices = with_private(
        series(RadionuclideTotalDose=None), 0x0009, GE,
        (0x38, "FL", 400.0), (0x39, "DT", "20240102094000"), (0x3B, "DT", "20240102100000"),
        (0x3C, "FL", 10.0), (0x3D, "DT", "20240102101000"),
    )  # fmt: skip
    if implicit:
        for header in slices:
            header.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    volume = read_pet(save_dicom(tmp_path, slices))
    assert volume.values == pytest.approx(STORED * np.array(SLOPES) * 70_000 / (337.50249e6 * 2**-0.6), rel=1e-5)


def test_ges_measured_activity_without_a_residue_is_the_dose() -> None:
    slices = with_private(
        series(RadionuclideTotalDose=None), 0x0009, GE,
        (0x38, "FL", 350.0), (0x39, "DT", "20240102100000"), (0x3B, "DT", "20240102100000"),
    )  # fmt: skip
    assert suv_factor(slices) == pytest.approx(at_hours(1.0), rel=1e-9)


def test_the_standards_dose_counts_where_ge_tells_its_measurements_too() -> None:
    slices = with_private(
        series(), 0x0009, GE, (0x38, "FL", 500.0), (0x39, "DT", "20240102100000"), (0x3B, "DT", "20240102100000")
    )
    assert suv_factor(slices) == pytest.approx(at_hours(1.0), rel=1e-9)


@pytest.mark.parametrize("told", ["20240102105500", "20240102110045"])  # GE's seconds may differ from the image's
def test_ges_start_holds_up_to_the_first_acquisition(told: str) -> None:
    slices = with_private(series(SeriesTime="140000"), 0x0009, GE, (0x0D, "DT", told))
    hours = (parsed(told, "start") - datetime(2024, 1, 2, 10)).total_seconds() / 3600
    assert suv_factor(slices) == pytest.approx(at_hours(hours), rel=1e-9)


def test_a_start_of_ges_after_the_first_acquisition_is_refused() -> None:
    """Believed, it would be 3 hours of decay where the images tell 1."""
    slices = with_private(series(SeriesTime="140000"), 0x0009, GE, (0x0D, "DT", "20240102130000"))
    message = refusal(lambda: suv_factor(slices))
    assert "GE scan time (0009,100D) lies 120 min after its first acquisition" in message


def measured_by_ge(kind: str, value: object, *more: tuple[int, str, object]) -> list[Dataset]:
    """Slices without a dose; GE measured this activity when it was injected, an hour before the scan."""
    times = ((0x39, "DT", "20240102100000"), (0x3B, "DT", "20240102100000"), (0x3D, "DT", "20240102100000"))
    return with_private(series(RadionuclideTotalDose=None), 0x0009, GE, (0x38, kind, value), *times, *more)


def test_ges_activity_is_read_where_an_archive_forgot_what_kind_of_value_it_is(tmp_path: Path) -> None:
    """350 as a float's four bytes under VR UN."""
    folder = save_dicom(tmp_path, measured_by_ge("UN", bytes.fromhex("0000af43")))
    assert read_pet(folder).values == pytest.approx(STORED * np.array(SLOPES) * BY_HAND, rel=1e-5)


@pytest.mark.parametrize(
    ("kind", "value"), [("LO", "abc"), ("FL", [350.0, 1.0]), ("FL", math.nan), ("FL", math.inf), ("FL", -350.0)]
)
def test_an_activity_of_ges_that_is_no_one_number_is_refused(kind: str, value: object) -> None:
    assert "GE activity (0009,1038) is" in refusal(lambda: suv_factor(measured_by_ge(kind, value)))
    slices = measured_by_ge("FL", 350.0, (0x3C, kind, value))
    assert "GE activity (0009,103C) is" in refusal(lambda: suv_factor(slices))


def test_a_field_of_ges_that_was_left_at_0_is_no_dose() -> None:
    assert "no RadionuclideTotalDose" in refusal(lambda: suv_factor(measured_by_ge("FL", 0.0)))


def test_siemens_frames_tell_the_start_of_a_series_written_later() -> None:
    """Frames of 180 s at 10:50 and 10:53; the mean rate of such a frame is 89.844 s after its start (6000 s)."""
    slices = series(SeriesTime="120000", ActualFrameDuration=180000)
    for number, header in enumerate(slices):
        header.AcquisitionTime = ("105000", "105300")[number // 2]
        header.FrameReferenceTime = 300_000 + 89_844 + 180_000 * (number // 2)
    # 10:50:00 - 389.844 s + 89.844 s = 10:45:00
    assert suv_factor(slices) == pytest.approx(at_hours(0.75), rel=1e-6)


def test_frames_that_tell_different_starts_are_refused() -> None:
    slices = series(SeriesTime="120000", ActualFrameDuration=180000, FrameReferenceTime=90_000)
    slices[2].AcquisitionTime = "111500"
    assert "starts of the scan that lie 900 s apart" in refusal(lambda: suv_factor(slices))


def test_philips_counts_become_suv_by_its_own_factor(tmp_path: Path) -> None:
    slices = with_private(
        series(Units="CNTS", PatientWeight=None), 0x7053, PHILIPS, (0x00, "DS", "0.00025"), (0x09, "DS", "3.5")
    )
    volume = read_pet(save_dicom(tmp_path, slices))
    assert volume.values == pytest.approx(STORED * np.array(SLOPES) * 0.00025, rel=1e-5)


@pytest.mark.parametrize("to_suv", [(), ((0x00, "DS", "0"),)])
def test_philips_counts_become_activity_first_where_only_that_factor_is_told(to_suv: tuple[object, ...]) -> None:
    slices = with_private(series(Units="CNTS"), 0x7053, PHILIPS, *to_suv, (0x09, "DS", "3.5"))
    assert suv_factor(slices) == pytest.approx(3.5 * at_hours(1.0), rel=1e-9)


@pytest.mark.filterwarnings("ignore:.*:UserWarning")  # G/ML is none of DICOM's words
@pytest.mark.parametrize("tags", [{"Units": "GML"}, {"Units": "G/ML"}, {"Units": "GML", "SUVType": "BW"}])
def test_values_that_are_suv_already_stay(tmp_path: Path, tags: dict[str, object]) -> None:
    slices = dicom_slices(STORED, slopes=[0.001] * 4, **pet_tags(PatientWeight=None, **tags))
    assert read_pet(save_dicom(tmp_path, slices)).values == pytest.approx(STORED * 0.001, rel=1e-5)


@pytest.mark.filterwarnings("ignore:.*:UserWarning")  # pydicom warns before we refuse
@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"Units": "CNTS"}, "neither of Philips' factors"),
        ({"Units": "PROPCPS"}, "Units is PROPCPS, but only BQML"),
        ({"Units": "CM2ML"}, "Units is CM2ML, but only BQML"),
        ({"Units": None}, "Units is absent"),
        ({"Units": "GML", "SUVType": "LBM"}, "SUVType is LBM, but only BW"),
        ({"DecayCorrection": "NONE"}, "DecayCorrection is NONE, but START or ADMIN"),
        ({"DecayCorrection": None}, "DecayCorrection is absent"),
        ({"CorrectedImage": ["ATTN", "SCAT"]}, "its CorrectedImage has no DECY"),
        ({"CorrectedImage": ["DECY", "SCAT"]}, "not corrected for attenuation"),
        ({"CorrectedImage": "DECY"}, "not corrected for attenuation"),
        ({"SeriesType": ["GATED", "IMAGE"]}, "The PET is gated"),
        ({"NumberOfTimeSlots": 8}, "The PET is gated"),
        ({"SeriesType": ["DYNAMIC", "IMAGE"]}, "The PET is dynamic"),
        ({"NumberOfTimeSlices": 24}, "The PET is dynamic"),
        ({"SeriesType": ["WHOLE BODY", "REPROJECTION"]}, "series of projections"),
        ({"PatientWeight": None}, "no PatientWeight"),
        ({"PatientWeight": ""}, "no PatientWeight"),
        ({"PatientWeight": 0}, "PatientWeight is 0.0, but must be one number above 0"),
        ({"PatientWeight": 70000}, "PatientWeight is 70000 kg, but 0.3 to 400 kg were expected (another unit?)"),
        ({"PatientWeight": [70, 80]}, "PatientWeight is [70.0, 80.0]"),
        ({"PatientWeight": b"heavy "}, "PatientWeight is heavy"),
        ({"RadionuclideTotalDose": None}, "no RadionuclideTotalDose"),
        ({"RadionuclideTotalDose": -1}, "RadionuclideTotalDose is -1"),
        ({"RadionuclideTotalDose": 350}, "RadionuclideTotalDose is 350 Bq, but 100000 to 5e+10 Bq were expected"),
        ({"RadionuclideHalfLife": None}, "no RadionuclideHalfLife"),
        ({"RadionuclideHalfLife": 0}, "RadionuclideHalfLife is 0"),
        ({"RadionuclideHalfLife": 1.83}, "RadionuclideHalfLife is 1.83 s, but 60 to 3e+06 s were expected"),
        ({"RadiopharmaceuticalStartTime": None}, "no RadiopharmaceuticalStartTime"),
        ({"RadiopharmaceuticalStartTime": "10:00"}, "no DICOM date and time"),
        ({"RadiopharmaceuticalStartTime": "256000"}, "no DICOM date and time"),
        ({"RadiopharmaceuticalStartDateTime": "20240102093000"}, "injection is at 09:30:00"),
        ({"SeriesTime": None}, "no SeriesTime"),
        ({"SeriesDate": None}, "no SeriesDate"),
        ({"RescaleSlope": None}, "no RescaleSlope"),
        ({"RadiopharmaceuticalStartTime": "113000"}, "lies -30 min before"),
        (
            {"RadiopharmaceuticalStartTime": None, "RadiopharmaceuticalStartDateTime": "20240101220000"},
            "780 min from injection to scan are 7.8 half-lives of 6000 s",
        ),
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


@pytest.mark.parametrize(
    ("name", "value"),
    [("DecayCorrection", "ADMIN"), ("Units", "GML"), ("PatientWeight", 71), ("SeriesType", ["GATED", "IMAGE"])],
)
def test_slices_that_differ_in_what_one_series_has_once_are_refused(name: str, value: object) -> None:
    slices = series(SeriesType=["STATIC", "IMAGE"])
    setattr(slices[3], name, value)
    assert f"slices differ in {name}" in refusal(lambda: suv_factor(slices))


def test_slices_of_two_injections_are_refused() -> None:
    slices = series()
    slices[1].RadiopharmaceuticalInformationSequence[0].RadionuclideTotalDose = 300e6
    assert "slices differ in RadionuclideTotalDose" in refusal(lambda: suv_factor(slices))


@pytest.mark.parametrize("value", ["-1", "1e400"])
def test_a_factor_of_philips_that_is_none_is_refused(value: str) -> None:
    slices = with_private(series(Units="CNTS"), 0x7053, PHILIPS)
    for header in slices:
        header.private_block(0x7053, PHILIPS).add_new(0x00, "LO", value)
    assert "(7053,1000) is no number" in refusal(lambda: suv_factor(slices))


def test_factors_of_philips_that_differ_between_slices_are_refused() -> None:
    slices = with_private(series(Units="CNTS"), 0x7053, PHILIPS, (0x00, "DS", "0.5"))
    slices[1].private_block(0x7053, PHILIPS)[0x00].value = "0.25"
    assert "differ in Philips' factor (7053,1000)" in refusal(lambda: suv_factor(slices))


def test_a_residue_of_ge_without_a_time_is_refused() -> None:
    slices = with_private(
        series(RadionuclideTotalDose=None), 0x0009, GE,
        (0x38, "FL", 350.0), (0x39, "DT", "20240102100000"), (0x3B, "DT", "20240102100000"), (0x3C, "FL", 5.0),
    )  # fmt: skip
    assert "(0009,103C) has no time" in refusal(lambda: suv_factor(slices))


def test_an_injection_after_the_scan_by_more_than_half_a_day_is_refused() -> None:
    """From 9 in the evening to 11 in the morning it would be 14 hours: no FDG is scanned so late."""
    assert "lies -600 min before" in refusal(lambda: factor(RadiopharmaceuticalStartTime="210000"))


def test_an_injection_some_seconds_after_the_scans_start_is_refused_as_that() -> None:
    """As in the sum of a dynamic series."""
    assert "lies 5 s after its scan" in refusal(lambda: factor(RadiopharmaceuticalStartTime="110005"))


@pytest.mark.parametrize("count", [0, 2])
def test_none_or_two_radiopharmaceuticals_are_refused(count: int) -> None:
    slices = series()
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
