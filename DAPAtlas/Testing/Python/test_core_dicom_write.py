"""A made PET/CT as DICOM: read back by us and by SimpleITK, its tags held against PS3.3 and a hand-made SUV."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
import pytest
import SimpleITK
from AnatomyGuidedLib.dicom_write import BODY_PARTS, PatientDetails, write_pet_ct
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled
from AnatomyGuidedLib.grid import Grid, Volume
from AnatomyGuidedLib.io import read_image
from testing_data import (
    CT_IMAGE_STORAGE,
    GRIDS,
    LPS,
    OBLIQUE,
    PET_IMAGE_STORAGE,
    SHAPE,
    SIGNED_PERMUTATIONS,
    affine_of,
    everything_in,
    numbered,
    refusal,
    run_python,
    turned,
)

PATIENT = PatientDetails("F", 54, 165.0, 70.0, "PHANTOM-0007", "Phantom^Seed 7")
MIRRORED = OBLIQUE @ np.diag([1.0, 1.0, -1.0, 1.0])
ORIENTATIONS = {**GRIDS, "oblique, left-handed": Grid(SHAPE, MIRRORED)}


def ct_on(grid: Grid) -> Volume:
    """Another HU in each voxel, from -1024 upwards."""
    return Volume(numbered(grid.shape) - 1024.0, grid, "HU")


def pet_on(grid: Grid) -> Volume:
    """SUV whose maximum differs from slice to slice by a factor of 10 and more; the first slice is empty."""
    values = np.random.default_rng(3).random(grid.shape) * np.geomspace(0.05, 30.0, grid.shape[2])
    values[:, :, 0] = 0.0
    return Volume(values, grid, "SUV")


def written(folder: Path, grid: Grid = GRIDS["LPS"], patient: PatientDetails = PATIENT, **options: object) -> Path:
    write_pet_ct(folder, ct_on(grid), pet_on(grid), patient=patient, **options)
    return folder


def headers(folder: Path) -> list[pydicom.FileDataset]:
    """The slices of a series in the order of their numbers."""
    return sorted((pydicom.dcmread(file) for file in folder.iterdir()), key=lambda header: header.InstanceNumber)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*.dcm")}


def at_the_same_places(volume: Volume, grid: Grid) -> npt.NDArray[np.float32]:
    """The volume's values at another grid's voxels, which must lie on its own within a micrometre."""
    everywhere = np.moveaxis(np.indices(grid.shape), 0, -1)
    found = volume.grid.ijk_from_ras(grid.ras_from_ijk(everywhere))
    places = np.rint(found).astype(int)
    off_mm = volume.grid.ras_from_ijk(places) - grid.ras_from_ijk(everywhere)
    assert np.abs(off_mm).max() < 1e-3
    return volume.values[tuple(np.moveaxis(places, -1, 0))]


def require_all_places(folder: Path, grid: Grid) -> None:
    ct, pet = read_image(folder / "ct"), read_image(folder / "pet")
    assert (ct.unit, pet.unit) == ("HU", "SUV")
    assert ct.grid == pet.grid
    assert ct.grid.shape == grid.shape
    assert np.array_equal(at_the_same_places(ct, grid), ct_on(grid).values)
    expected = pet_on(grid).values
    half_steps = expected.max(axis=(0, 1)) / 65535 / 2
    off = np.abs(at_the_same_places(pet, grid) - expected).max(axis=(0, 1))
    assert (off <= half_steps + 1e-6 * expected.max(axis=(0, 1))).all()


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_what_is_read_back_lies_where_it_lay_with_its_hu_and_suv(name: str, tmp_path: Path) -> None:
    require_all_places(written(tmp_path, ORIENTATIONS[name]), ORIENTATIONS[name])


def test_all_48_orders_and_directions_of_axes_come_back(tmp_path: Path) -> None:
    for number, directions in enumerate(SIGNED_PERMUTATIONS):
        grid = Grid((3, 4, 2), affine_of(directions))
        require_all_places(written(tmp_path / str(number), grid), grid)


def test_a_right_handed_grid_comes_back_voxel_for_voxel_and_a_left_handed_one_with_its_slices_reversed(
    tmp_path: Path,
) -> None:
    grid = GRIDS["LPS"]
    assert read_image(written(tmp_path / "right") / "ct").grid == grid
    left = Grid(SHAPE, affine_of(np.diag([1.0, -1.0, 1.0])))
    back = read_image(written(tmp_path / "left", left) / "ct")
    assert back.grid.axis_codes == "RPI"
    assert np.array_equal(back.values, ct_on(left).values[:, :, ::-1])


@pytest.mark.parametrize("name", ORIENTATIONS)
@pytest.mark.parametrize("series", ["ct", "pet"])
def test_simpleitk_reads_the_series_at_the_same_places_with_the_same_values(
    series: str, name: str, tmp_path: Path
) -> None:
    grid = ORIENTATIONS[name]
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(written(tmp_path, grid) / series)))
    image = reader.Execute()
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    values = SimpleITK.GetArrayFromImage(image).T
    found = at_the_same_places(Volume(values, Grid(image.GetSize(), LPS @ affine)), grid)
    if series == "ct":
        assert np.array_equal(found, ct_on(grid).values)
    else:
        assert values.dtype == np.float64  # whole Bq/ml would be all that is left, had the empty slice a slope of 1
        assert found == pytest.approx(pet_on(grid).values * 2396.2, rel=1e-4, abs=0.6)  # half a step of SUV 30


@pytest.mark.parametrize("name", ORIENTATIONS)
@pytest.mark.parametrize("series", ["ct", "pet"])
def test_slicers_own_reader_puts_the_series_at_the_same_places_with_the_same_values(
    series: str, name: str, tmp_path: Path
) -> None:
    slicer = pytest.importorskip("slicer", reason="slicer-core is not installed: pip install slicer-core")
    from AnatomyGuidedLib import mrml

    grid = ORIENTATIONS[name]
    files = [str(header.filename) for header in headers(written(tmp_path, grid) / series)]
    scene = mrml.new_scene()
    node, storage = slicer.vtkMRMLScalarVolumeNode(), slicer.vtkMRMLVolumeArchetypeStorageNode()
    scene.AddNode(node)
    scene.AddNode(storage)
    storage.SetFileName(files[0])
    for file in files:
        storage.AddFileName(file)
    storage.SetSingleFile(False)
    assert storage.ReadData(node)
    found = at_the_same_places(mrml.volume_from_node(node), grid)
    if series == "ct":
        assert np.array_equal(found, ct_on(grid).values)
    else:
        assert found == pytest.approx(pet_on(grid).values * 2396.2, rel=1e-4, abs=0.6)


def test_one_slice_alone_keeps_its_place_and_thickness(tmp_path: Path) -> None:
    grid = Grid((4, 5, 1), OBLIQUE)
    values = np.linspace(0.5, 7.0, 20).reshape(grid.shape)
    write_pet_ct(tmp_path, ct_on(grid), Volume(values, grid, "SUV"), patient=PATIENT)
    assert np.allclose(read_image(tmp_path / "ct").grid.affine, grid.affine, atol=1e-9)
    assert read_image(tmp_path / "pet").values == pytest.approx(values, abs=7.0 / 65535)


def test_a_slice_so_faint_that_its_own_steps_would_vanish_is_stored_as_next_to_nothing(tmp_path: Path) -> None:
    grid = Grid((1, 1, 3), np.eye(4))
    pet = Volume([[[5.0, 1e-44, 5e-6]]], grid, "SUV")
    write_pet_ct(tmp_path, Volume([[[0, 1, 2]]], grid, "HU"), pet, patient=PATIENT)
    # a millionth of SUV 5 in 65535 steps is 7.6e-11, half a step 3.8e-11
    assert read_image(tmp_path / "pet").values.ravel() == pytest.approx([5.0, 0.0, 5e-6], rel=1e-6, abs=3.9e-11)


def test_hu_are_rounded_and_held_within_what_16_bits_store(tmp_path: Path) -> None:
    grid = Grid((2, 2, 2), np.eye(4))
    hu = np.array([-1024.0, -1000.6, -0.4, 40.4, 3071.0, 31743.0, 40000.0, -40000.0]).reshape(grid.shape)
    pet = Volume(np.ones(grid.shape), grid, "SUV")
    write_pet_ct(tmp_path, Volume(hu, grid, "HU"), pet, patient=PATIENT)
    assert read_image(tmp_path / "ct").values.ravel().tolist() == [-1024, -1001, 0, 40, 3071, 31743, 31743, -32768]
    assert {(header.RescaleSlope, header.RescaleIntercept) for header in headers(tmp_path / "ct")} == {(1, -1024)}


def test_activity_is_the_decayed_dose_spread_over_the_weight(tmp_path: Path) -> None:
    # 70 kg get 3.5 MBq/kg = 245 MBq; an hour later 2 ** (-3600 / 6586.2) = 0.684633 of it is left: SUV 1 is 2396.2.
    grid = Grid((1, 2, 2), np.eye(4))
    pet = Volume([[[10.0, 0.5], [5.0, 0.0]]], grid, "SUV")
    ct = Volume([[[0, 1], [2, 3]]], grid, "HU")
    write_pet_ct(tmp_path, ct, pet, patient=PATIENT)
    first, second = headers(tmp_path / "pet")
    tracer = first.RadiopharmaceuticalInformationSequence[0]
    assert (tracer.RadionuclideTotalDose, tracer.RadionuclideHalfLife) == (245e6, 6586.2)
    assert first.RescaleSlope * 65535 == pytest.approx(23962, rel=1e-4)
    assert second.RescaleSlope * 65535 == pytest.approx(1198.1, rel=1e-4)
    assert first.pixel_array.ravel().tolist() == [65535, 32768]  # 32767.5, to even
    assert second.pixel_array.ravel().tolist() == [65535, 0]


def suv_by_the_tags(header: pydicom.FileDataset) -> npt.NDArray[np.float64]:
    """SUVbw as QIBA's vendor-neutral recipe says, from the tags alone."""
    assert {"ATTN", "DECY"} <= set(header.CorrectedImage)
    assert (header.Units, header.DecayCorrection) == ("BQML", "START")
    tracer = header.RadiopharmaceuticalInformationSequence[0]
    scan = datetime.strptime(header.SeriesDate + header.SeriesTime, "%Y%m%d%H%M%S")
    injected = datetime.strptime(header.SeriesDate + tracer.RadiopharmaceuticalStartTime, "%Y%m%d%H%M%S")
    assert header.AcquisitionDate + header.AcquisitionTime == header.SeriesDate + header.SeriesTime
    assert tracer.RadiopharmaceuticalStartDateTime == header.SeriesDate + tracer.RadiopharmaceuticalStartTime
    left = tracer.RadionuclideTotalDose * 2.0 ** (-(scan - injected).total_seconds() / tracer.RadionuclideHalfLife)
    activity = header.pixel_array * float(header.RescaleSlope) + float(header.RescaleIntercept)
    return np.asarray(activity * float(header.PatientWeight) * 1000.0 / left)


@pytest.mark.parametrize("seed", [None, 0, 1, 2])
def test_suv_from_the_tags_is_the_suv_within_half_a_step_whatever_was_injected(
    seed: int | None, tmp_path: Path
) -> None:
    rng = None if seed is None else np.random.default_rng(seed)
    patient = PatientDetails("M", 71, 181.3, 93.7 + 1 / 3, "PHANTOM-0001")
    series = headers(written(tmp_path, patient=patient, rng=rng) / "pet")
    for header, expected in zip(series, np.moveaxis(pet_on(GRIDS["LPS"]).values, 2, 0), strict=True):
        step = float(expected.max()) / 65535
        assert suv_by_the_tags(header) == pytest.approx(expected.T, rel=1e-6, abs=step / 2 * (1 + 1e-6))


def test_dose_and_uptake_vary_with_the_generator_within_what_the_guideline_allows(tmp_path: Path) -> None:
    found = []
    for seed in range(8):
        header = headers(written(tmp_path / str(seed), rng=np.random.default_rng(seed)) / "pet")[0]
        tracer = header.RadiopharmaceuticalInformationSequence[0]
        start = datetime.strptime(tracer.RadiopharmaceuticalStartTime, "%H%M%S")
        minutes = (datetime.strptime(header.SeriesTime, "%H%M%S") - start).total_seconds() / 60
        found.append((float(tracer.RadionuclideTotalDose) / 70e6, minutes))
    doses, uptakes = zip(*found, strict=True)
    assert len(set(doses)) == len(set(uptakes)) == 8
    assert 3.15 <= min(doses) < max(doses) <= 3.85
    assert 55 <= min(uptakes) < max(uptakes) <= 75


def test_the_frame_tells_the_decay_within_it(tmp_path: Path) -> None:
    # x = ln 2 * 240 s / 6586.2 s = 0.025258: mean decay 1 + x/2 + x^2/12; its moment 120 s - x * 240 s / 24.
    header = headers(written(tmp_path) / "pet")[0]
    assert header.ActualFrameDuration == 240_000
    assert header.DecayFactor == pytest.approx(1.012682, abs=2e-6)
    assert header.FrameReferenceTime == pytest.approx(119_747.4, abs=0.5)


# Type 1 attributes have a value, those of Type 2 are there: PS3.3, A.3 (CT Image), A.21 (PET Image) and their modules.
# Conditional ones whose condition holds are with them: DecayFactor, WindowWidth, the CT's PatientPosition.
GENERAL_TYPE_1 = """
    SOPClassUID SOPInstanceUID StudyInstanceUID Modality SeriesInstanceUID FrameOfReferenceUID PixelSpacing
    ImageOrientationPatient ImagePositionPatient ImageType SamplesPerPixel PhotometricInterpretation Rows Columns
    BitsAllocated BitsStored HighBit PixelRepresentation PixelData RescaleIntercept RescaleSlope WindowWidth """
GENERAL_TYPE_2 = """
    PatientName PatientID PatientBirthDate PatientSex StudyDate StudyTime ReferringPhysicianName StudyID
    AccessionNumber SeriesNumber PositionReferenceIndicator Manufacturer InstanceNumber SliceThickness """
PET_TYPE_1 = """
    SeriesDate SeriesTime Units CountsSource SeriesType NumberOfSlices DecayCorrection FrameReferenceTime
    ImageIndex DecayFactor """
PET_TYPE_2 = """
    CorrectedImage CollimatorType AcquisitionDate AcquisitionTime ActualFrameDuration
    RadiopharmaceuticalInformationSequence PatientOrientationCodeSequence PatientGantryRelationshipCodeSequence """
CHECKLIST = {
    "ct": (GENERAL_TYPE_1, GENERAL_TYPE_2 + "KVP AcquisitionNumber PatientPosition"),
    "pet": (GENERAL_TYPE_1 + PET_TYPE_1, GENERAL_TYPE_2 + PET_TYPE_2),
}


@pytest.mark.parametrize("series", CHECKLIST)
def test_every_file_has_what_ps3_3_requires_of_its_kind(series: str, tmp_path: Path) -> None:
    filled, present = CHECKLIST[series]
    for header in headers(written(tmp_path) / series):
        assert [name for name in filled.split() if header.get(name) in (None, "", [])] == []
        assert [name for name in present.split() if name not in header] == []
        assert header.file_meta.MediaStorageSOPInstanceUID == header.SOPInstanceUID
        assert header.file_meta.MediaStorageSOPClassUID == header.SOPClassUID
        assert header.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
        assert all(len(str(element.value)) <= 64 for element in header.iterall() if element.VR == "UI")
        assert len(header.PixelData) == 2 * header.Rows * header.Columns


def test_what_the_standard_enumerates_is_said_in_its_words(tmp_path: Path) -> None:
    ct, pet = headers(written(tmp_path) / "ct")[2], headers(tmp_path / "pet")[2]
    assert (ct.SOPClassUID, pet.SOPClassUID) == (CT_IMAGE_STORAGE, PET_IMAGE_STORAGE)
    assert (ct.Modality, pet.Modality) == ("CT", "PT")
    assert ct.ImageType == ["ORIGINAL", "PRIMARY", "AXIAL"]
    assert pet.ImageType == ["ORIGINAL", "PRIMARY"]
    assert (ct.PixelRepresentation, pet.PixelRepresentation) == (1, 0)
    assert (ct.RescaleType, pet.RescaleIntercept) == ("HU", 0)
    assert (pet.CountsSource, pet.SeriesType, pet.NumberOfSlices) == ("EMISSION", ["STATIC", "IMAGE"], SHAPE[2])
    assert (pet.ImageIndex, pet.InstanceNumber) == (3, 3)
    assert "PatientPosition" not in pet  # not beside PatientOrientationCodeSequence (C.7.3.1)


def test_nobody_takes_the_images_for_a_patients(tmp_path: Path) -> None:
    for series in ("ct", "pet"):
        for header in headers(written(tmp_path / series) / series):
            assert header.PatientName == "Phantom^Seed 7"
            assert (header.PatientID, header.PatientSex, header.PatientAge) == ("PHANTOM-0007", "F", "054Y")
            assert (header.PatientWeight, header.PatientSize) == (70.0, 1.65)
            assert header.QualityControlSubject == "YES"
            assert header.BurnedInAnnotation == "NO"
            for text in (header.StudyDescription, header.SeriesDescription, header.ImageComments):
                assert "made by rules; no patient" in text


def test_one_study_and_one_frame_of_reference_hold_two_series_of_slices_with_their_own_names(tmp_path: Path) -> None:
    ct, pet = headers(written(tmp_path) / "ct"), headers(tmp_path / "pet")
    together = [*ct, *pet]
    assert len({header.StudyInstanceUID for header in together}) == 1
    assert len({header.FrameOfReferenceUID for header in together}) == 1
    assert len({header.SeriesInstanceUID for header in ct}) == len({header.SeriesInstanceUID for header in pet}) == 1
    assert ct[0].SeriesInstanceUID != pet[0].SeriesInstanceUID
    assert len({header.SOPInstanceUID for header in together}) == len(together) == 2 * SHAPE[2]
    assert everything_in(tmp_path / "ct") == {f"{number:04d}.dcm" for number in range(1, SHAPE[2] + 1)}


def test_the_whole_folder_is_told_to_hold_two_series_and_one_file_chooses(tmp_path: Path) -> None:
    message = refusal(lambda: read_image(written(tmp_path)))
    assert "2 DICOM series" in message
    assert read_image(tmp_path / "pet" / "0002.dcm").unit == "SUV"


def test_the_same_images_and_patient_give_the_same_bytes_however_they_lie_in_memory(tmp_path: Path) -> None:
    first = contents(written(tmp_path / "a", rng=np.random.default_rng(5)))
    assert contents(written(tmp_path / "b", rng=np.random.default_rng(5))) == first
    grid = GRIDS["LPS"]
    ct, pet = (Volume(np.asfortranarray(one.values), grid, one.unit) for one in (ct_on(grid), pet_on(grid)))
    write_pet_ct(tmp_path / "c", ct, pet, patient=PATIENT, rng=np.random.default_rng(5))
    assert contents(tmp_path / "c") == first


@cache
def usual() -> tuple[Volume, Volume]:
    return ct_on(GRIDS["LPS"]), pet_on(GRIDS["LPS"])


def other_ct() -> Volume:
    values = usual()[0].values.copy()
    values[3, 4, 5] += 1.0
    return Volume(values, GRIDS["LPS"], "HU")


MOVED = Grid(SHAPE, GRIDS["LPS"].affine + np.diag([0.0, 0.0, 1e-3, 0.0]))
DIFFERENCES: dict[str, dict[str, object]] = {
    "a voxel": {"ct": other_ct()},
    "a place": {"ct": ct_on(MOVED), "pet": pet_on(MOVED)},
    "the patient": {"patient": PatientDetails("F", 55, 165.0, 70.0, "PHANTOM-0007", "Phantom^Seed 7")},
    "the injection": {"rng": np.random.default_rng(0)},
    "the body part": {"body_part": "CHEST"},
}


@pytest.mark.parametrize("what", DIFFERENCES)
def test_images_that_differ_in_anything_never_share_an_identifier(what: str, tmp_path: Path) -> None:
    usual_ct, usual_pet = usual()
    for name, changed in (("usual", {}), ("other", DIFFERENCES[what])):
        options = {"ct": usual_ct, "pet": usual_pet, "patient": PATIENT, **changed}
        write_pet_ct(tmp_path / name, options.pop("ct"), options.pop("pet"), **options)
    first, second = (headers(tmp_path / name / "pet")[1] for name in ("usual", "other"))
    for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID"):
        assert first[name].value != second[name].value


@pytest.mark.parametrize("body_part", BODY_PARTS)
def test_the_body_part_is_told(body_part: str, tmp_path: Path) -> None:
    assert headers(written(tmp_path, body_part=body_part) / "ct")[0].BodyPartExamined == body_part


@pytest.mark.parametrize("asked", [1, 4, 9])
def test_it_stops_at_the_slice_where_the_user_asks_to(asked: int, tmp_path: Path) -> None:
    answers = iter([False] * (asked - 1) + [True])
    with pytest.raises(Cancelled):
        written(tmp_path, cancelled=lambda: next(answers))
    assert len(contents(tmp_path)) == asked - 1


def test_progress_runs_from_the_ct_to_the_pet_and_ends_at_one(tmp_path: Path) -> None:
    told: list[tuple[float, str]] = []
    written(tmp_path, Grid((2, 2, 80), np.eye(4)), progress=lambda fraction, text: told.append((fraction, text)))
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert {text for _, text in told} == {"Writing the CT as DICOM", "Writing the PET as DICOM"}


def with_one(value: float, volume: Volume) -> Volume:
    values = volume.values.copy()
    values[1, 2, 3] = value
    return Volume(values, volume.grid, volume.unit)


def sheared(cosine: float) -> Grid:
    affine = affine_of(turned(20, -35))
    affine[:3, 0] += cosine * affine[:3, 1]
    return Grid(SHAPE, affine)


def write(**changed: object) -> Callable[[Path], None]:
    def call(folder: Path) -> None:
        options = {"ct": usual()[0], "pet": usual()[1], "patient": PATIENT, **changed}
        write_pet_ct(folder, options.pop("ct"), options.pop("pet"), **options)

    return call


GRID, (CT, PET) = GRIDS["LPS"], usual()
REFUSED = {
    "a CT of no unit": (write(ct=Volume(CT.values, GRID)), "The CT must be in HU, but its unit is unknown"),
    "a PET in HU": (write(pet=Volume(PET.values, GRID, "HU")), "The PET must be in SUV, but its unit is HU"),
    "two grids": (write(pet=pet_on(GRIDS["RAS"])), "the CT and the PET must lie on one grid"),
    "sheared axes": (write(ct=ct_on(sheared(4e-4)), pet=pet_on(sheared(4e-4))), "sheared by 0.0"),
    "a NaN": (write(ct=with_one(np.nan, CT)), "The CT holds NaN or infinite"),
    "an infinity": (write(pet=with_one(np.inf, PET)), "The PET holds NaN or infinite"),
    "an SUV below 0": (write(pet=with_one(-0.5, PET)), "run from -0.5 to"),
    "no activity": (write(pet=Volume(np.zeros(SHAPE), GRID, "SUV")), "run from 0 to 0"),
    "a body part": (write(body_part="TAIL"), "The body part must be one of WHOLEBODY, HEADNECK"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_cannot_be_stored_is_refused_before_anything_is_written(fault: str, tmp_path: Path) -> None:
    call, words = REFUSED[fault]
    assert words in refusal(lambda: call(tmp_path / "out"))
    assert everything_in(tmp_path) == set()


def test_axes_as_crooked_as_float32_makes_them_are_taken(tmp_path: Path) -> None:
    grid = Grid(SHAPE, OBLIQUE.astype(np.float32))
    require_all_places(written(tmp_path, grid), grid)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"sex": "X"}, "sex must be F, M or O, but is 'X'"),
        ({"age_years": 131}, "age in years must be 0 to 130, but is 131"),
        ({"height_cm": 1.65}, "height in cm must be 20 to 280, but is 1.65"),
        ({"weight_kg": 0.0}, "weight in kg must be 0.3 to 650, but is 0.0"),
        ({"weight_kg": np.nan}, "weight in kg must be"),
        ({"patient_id": ""}, "number must be 1 to 64 plain"),
        ({"patient_id": "A\\B"}, "number must be 1 to 64 plain"),
        ({"name": "Phantom\nSeed"}, "name must be 1 to 64 plain"),
        ({"name": "Phäntom"}, "name must be 1 to 64 plain"),
        ({"name": "x" * 65}, "name must be 1 to 64 plain"),
    ],
)
def test_a_patient_that_no_tag_can_tell_is_refused(changed: dict[str, object], words: str) -> None:
    usual = {"sex": "F", "age_years": 54, "height_cm": 165.0, "weight_kg": 70.0, "patient_id": "PHANTOM-0007"}
    assert words in refusal(lambda: PatientDetails(**{**usual, **changed}))


def test_slices_are_not_mixed_with_those_of_an_earlier_patient(tmp_path: Path) -> None:
    written(tmp_path)
    before = contents(tmp_path)
    message = refusal(lambda: written(tmp_path, GRIDS["RAS"]))
    assert message.startswith("The folder ct already holds files")
    assert contents(tmp_path) == before


def test_a_pet_folder_that_holds_files_is_noticed_before_the_ct_is_written(tmp_path: Path) -> None:
    (tmp_path / "pet").mkdir()
    (tmp_path / "pet" / "notes.txt").touch()
    assert refusal(lambda: written(tmp_path)).startswith("The folder pet already holds files (such as notes.txt)")
    assert contents(tmp_path) == {}


def test_a_file_where_a_folder_belongs_is_a_plain_sentence(tmp_path: Path) -> None:
    (tmp_path / "ct").touch()
    assert refusal(lambda: written(tmp_path)).startswith("ct could not be written (")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a file")
def test_a_full_disk_is_a_plain_sentence(tmp_path: Path) -> None:
    program = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from AnatomyGuidedLib.dicom_write import PatientDetails, write_pet_ct
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Grid, Volume
grid = Grid((40, 40, 2), np.eye(4))
ct, pet = (Volume(np.arange(3200.0).reshape(grid.shape), grid, unit) for unit in ("HU", "SUV"))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
try:
    write_pet_ct(Path(sys.argv[1]), ct, pet, patient=PatientDetails("F", 54, 165.0, 70.0, "PHANTOM-0007"))
except AnatomyGuidedError as error:
    print(error)
"""
    done = run_python("-c", program, tmp_path)
    assert done.stdout.startswith("0001.dcm could not be written (File too large); free some space"), done.stderr
    assert not issubclass(OSError, AnatomyGuidedError)
