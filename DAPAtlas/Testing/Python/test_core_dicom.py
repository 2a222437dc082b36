"""DICOM series written by pydicom: geometry as SimpleITK sees it, HU slice by slice, refusals by name."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from AnatomyGuidedLib.grid import Volume
from AnatomyGuidedLib.io import read_ct, read_image, read_labelmap
from pydicom.dataset import FileDataset
from testing_data import LPS, ct_values, dicom_slices, numbered, refusal, save_dicom, turned

STORED = numbered((6, 5, 4), np.int16)
OBLIQUE_ROW, OBLIQUE_COLUMN = (tuple(turned(25, -40)[:, axis]) for axis in (0, 1))
CORONAL = {"row": (1, 0, 0), "column": (0, 0, -1)}
SAGITTAL = {"row": (0, 1, 0), "column": (0, 0, -1)}
OBLIQUE = {"row": OBLIQUE_ROW, "column": OBLIQUE_COLUMN}
HEAD_DOWN = {"row": (-1, 0, 0), "column": (0, 1, 0)}


def changed(slices: list[FileDataset], place: int, **tags: object) -> list[FileDataset]:
    for name, value in tags.items():
        setattr(slices[place], name, value)
    return slices


def by_simpleitk(folder: Path) -> SimpleITK.Image:
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return reader.Execute()


def require_as_simpleitk(volume: Volume, image: SimpleITK.Image) -> None:
    assert volume.grid.shape == image.GetSize()
    for ijk in ((0, 0, 0), tuple(n - 1 for n in volume.grid.shape), (1, 3, 2)):
        expected = LPS[:3, :3] @ np.array(image.TransformIndexToPhysicalPoint(ijk))
        assert volume.grid.ras_from_ijk(ijk) == pytest.approx(expected, abs=1e-4)
    assert np.array_equal(volume.values, SimpleITK.GetArrayFromImage(image).T)


def test_an_axial_ct_has_hu_and_the_grid_that_its_tags_say(tmp_path: Path) -> None:
    volume = read_image(save_dicom(tmp_path, dicom_slices(STORED)))
    assert volume.unit == "HU"
    assert np.array_equal(volume.values, STORED - 1024.0)
    # LPS position (-100, -80, 50); columns 0.75 mm, rows 1.5 mm, slices 3 mm apart: RAS flips the first two.
    expected = [[-0.75, 0, 0, 100], [0, -1.5, 0, 80], [0, 0, 3, 50], [0, 0, 0, 1]]
    assert volume.grid.affine.tolist() == expected


@pytest.mark.parametrize(
    "axes", [CORONAL, SAGITTAL, OBLIQUE, HEAD_DOWN], ids=["coronal", "sagittal", "oblique", "head down"]
)
def test_stacks_in_any_direction_lie_where_simpleitk_sees_them(
    axes: dict[str, tuple[float, ...]], tmp_path: Path
) -> None:
    folder = save_dicom(tmp_path, dicom_slices(STORED, **axes))
    require_as_simpleitk(read_image(folder), by_simpleitk(folder))


def test_a_coronal_stack_runs_left_down_and_back(tmp_path: Path) -> None:
    assert read_image(save_dicom(tmp_path, dicom_slices(STORED, **CORONAL))).grid.axis_codes == "LIP"


def test_the_order_comes_from_positions_and_not_from_names_or_numbers(tmp_path: Path) -> None:
    slices = dicom_slices(STORED)
    for header, number in zip(slices, (7, 1, 9, 3), strict=True):
        header.InstanceNumber = number
    random.Random(1).shuffle(slices)
    assert np.array_equal(read_image(save_dicom(tmp_path, slices)).values, STORED - 1024.0)


def test_rescaling_is_each_slices_own(tmp_path: Path) -> None:
    slopes = [1.0, 2.0, 0.5, 1.25]
    volume = read_image(save_dicom(tmp_path, dicom_slices(STORED, slopes=slopes, intercept=-1000.0)))
    assert np.array_equal(volume.values, STORED * np.array(slopes) - 1000.0)


@pytest.mark.parametrize(
    ("dtype", "bits", "offset"),
    [(np.uint16, 12, 0), (np.uint16, 16, 60000), (np.int16, 12, -60), (np.int16, 16, -30000)],
)
def test_stored_numbers_of_any_width_and_sign_become_hu(dtype: type, bits: int, offset: int, tmp_path: Path) -> None:
    stored = (STORED.astype(np.int64) + offset).astype(dtype)
    slices = dicom_slices(stored)
    for header in slices:
        header.BitsStored, header.HighBit = bits, bits - 1
    assert np.array_equal(read_image(save_dicom(tmp_path, slices)).values, stored - 1024.0)


def test_compressed_slices_are_read(tmp_path: Path) -> None:
    stored = ct_values((32, 32, 3))
    slices = dicom_slices(stored, intercept=0.0)
    for header in slices:
        header.compress(pydicom.uid.RLELossless)
    assert np.array_equal(read_ct(save_dicom(tmp_path, slices)).values, stored)


def test_one_slice_alone_gets_its_thickness(tmp_path: Path) -> None:
    grid = read_image(save_dicom(tmp_path, dicom_slices(STORED[:, :, :1]))).grid
    assert grid.shape == (6, 5, 1)
    assert grid.spacing_mm == (0.75, 1.5, 3.0)


def test_files_beside_the_series_do_no_harm(tmp_path: Path) -> None:
    save_dicom(tmp_path, dicom_slices(STORED))
    (tmp_path / "readme.txt").write_text("notes")
    (tmp_path / "empty").touch()
    report = dicom_slices(STORED[:, :, :1], modality="SR")[0]
    for name in ("Rows", "Columns", "PixelData"):
        delattr(report, name)
    report.file_meta.MediaStorageSOPClassUID = report.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
    save_dicom(tmp_path / "reports", [report])
    assert read_image(tmp_path).grid.shape == (6, 5, 4)


def test_an_index_of_a_disc_does_no_harm(tmp_path: Path) -> None:
    index = dicom_slices(STORED[:, :, :1], SeriesInstanceUID=None, Rows=None, Columns=None, PixelData=None)[0]
    index.SOPClassUID = index.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    save_dicom(tmp_path, [index], names=["DICOMDIR"])
    assert read_image(save_dicom(tmp_path, dicom_slices(STORED))).grid.shape == (6, 5, 4)


def test_two_series_are_listed_with_the_way_to_choose_and_one_file_chooses(tmp_path: Path) -> None:
    folder = tmp_path / "Secret Person"
    save_dicom(folder, dicom_slices(STORED), names=[f"thick_{n}" for n in range(4)])
    save_dicom(folder, dicom_slices(STORED + 1, SeriesNumber=8), names=[f"thin_{n}" for n in range(4)])
    message = refusal(lambda: read_image(folder))
    assert "2 DICOM series" in message
    assert "CT series 3, 4 images, such as thick_0" in message
    assert "CT series 8, 4 images, such as thin_0" in message
    assert "Give one file of the series" in message
    assert np.array_equal(read_image(folder / "thin_2").values, STORED + 1 - 1024.0)
    assert np.array_equal(read_image(folder / "thick_3").values, STORED - 1024.0)


def without(place: int) -> list[FileDataset]:
    slices = dicom_slices(STORED)
    del slices[place]
    return slices


def doubled() -> list[FileDataset]:
    return [*dicom_slices(STORED, SeriesInstanceUID="1.2.3"), *dicom_slices(STORED, SeriesInstanceUID="1.2.3")[1:2]]


def with_scout() -> list[FileDataset]:
    scout = dicom_slices(STORED[:, :, :1], **CORONAL, SeriesInstanceUID="1.2.3")
    return [*dicom_slices(STORED, SeriesInstanceUID="1.2.3"), *scout]


def tilted(degrees: float) -> list[FileDataset]:
    """A gantry tilt: slices are moved along their own columns."""
    slices = dicom_slices(STORED)
    for k, header in enumerate(slices):
        header.ImagePositionPatient = [-100, -80 + 3 * k * np.tan(np.radians(degrees)), 50 + 3 * k]
    return slices


def enhanced() -> list[FileDataset]:
    header = dicom_slices(STORED[:, :, :1])[0]
    for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        delattr(header, name)
    header.NumberOfFrames = 4
    header.PixelData = STORED.tobytes()
    return [header]


REFUSED = {
    "a missing slice": (lambda: without(1), "gaps between slices from 3 to 6 mm"),
    "a doubled slice": (doubled, "two slices at one position"),
    "a scout in the series": (with_scout, "in size, orientation or pixel spacing"),
    "another matrix": (lambda: changed(dicom_slices(STORED), 1, PixelSpacing=[1, 1]), "pixel spacing"),
    "a tilted gantry": (lambda: tilted(10), "sheared by 10.00 degrees (a tilted gantry"),
    "a slice moved sideways": (
        lambda: changed(dicom_slices(STORED), 2, ImagePositionPatient=[-95, -80, 56]),
        "5 mm sideways",
    ),
    "MR": (lambda: dicom_slices(STORED, modality="MR"), "modality MR, but CT or PT"),
    "no modality": (lambda: dicom_slices(STORED, Modality=None), "modality absent"),
    "enhanced multi-frame": (enhanced, "no enhanced multi-frame"),
    "several frames in one file": (
        lambda: changed(dicom_slices(STORED[:, :, :1]), 0, NumberOfFrames=4, PixelData=STORED.tobytes()),
        "4 frames",
    ),
    "no position": (lambda: dicom_slices(STORED, ImagePositionPatient=None), "no valid ImagePositionPatient"),
    "an empty position": (lambda: dicom_slices(STORED, ImagePositionPatient=""), "no valid ImagePositionPatient"),
    "two coordinates": (lambda: dicom_slices(STORED, ImagePositionPatient=[1, 2]), "no valid ImagePositionPatient"),
    "words for a spacing": (lambda: dicom_slices(STORED, PixelSpacing=b"one\\two "), "no valid PixelSpacing"),
    "no pixel spacing": (lambda: dicom_slices(STORED, PixelSpacing=None), "no valid PixelSpacing"),
    "no columns": (lambda: dicom_slices(STORED, Columns=None), "no valid Columns"),
    "directions of length 0": (lambda: dicom_slices(STORED, ImageOrientationPatient=[0] * 6), "unit vectors"),
    "directions not unit": (lambda: dicom_slices(STORED, ImageOrientationPatient=[2, 0, 0, 0, 1, 0]), "unit vectors"),
    "a pixel spacing of 0": (lambda: dicom_slices(STORED, PixelSpacing=[0, 1]), "spacing must be above 0"),
    "one slice without thickness": (
        lambda: dicom_slices(STORED[:, :, :1], SliceThickness=None),
        "spacing must be above 0",
    ),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_is_no_volume_is_refused_by_name(fault: str, tmp_path: Path) -> None:
    make, words = REFUSED[fault]
    message = refusal(lambda: read_image(save_dicom(tmp_path / "Secret Person" / "ct", make())))
    assert words in message
    assert "\n" not in message
    for secret in ("Secret", "4711", str(tmp_path)):
        assert secret not in message


@pytest.mark.filterwarnings("ignore:.*:UserWarning")  # pydicom warns before we refuse
@pytest.mark.parametrize("kept_bytes", [-20, 700, 350, 190, 150, 0])
@pytest.mark.parametrize("place", [1, 3])
def test_a_truncated_slice_is_named_wherever_it_ends(kept_bytes: int, place: int, tmp_path: Path) -> None:
    path = save_dicom(tmp_path, dicom_slices(STORED)) / f"slice_{place:03d}.dcm"
    path.write_bytes(path.read_bytes()[:kept_bytes])
    message = refusal(lambda: read_image(tmp_path))
    assert message.startswith(path.name)
    assert "damaged" in message


def test_a_slice_whose_pixels_end_too_early_is_refused_though_the_file_is_whole(tmp_path: Path) -> None:
    slices = dicom_slices(STORED)
    slices[2].PixelData = slices[2].PixelData[:-8]
    message = refusal(lambda: read_image(save_dicom(tmp_path, slices)))
    assert "lacks a part of its pixels" in message


def test_pixels_of_an_unknown_compression_are_refused(tmp_path: Path) -> None:
    slices = dicom_slices(STORED)
    for header in slices:
        header.PixelData = pydicom.encaps.encapsulate([b"no JPEG 2000 at all "])
        header.file_meta.TransferSyntaxUID = pydicom.uid.JPEG2000Lossless
        header["PixelData"].is_undefined_length = True
    assert "cannot be decoded" in refusal(lambda: read_image(save_dicom(tmp_path, slices)))


def test_a_file_that_is_no_image_is_refused(tmp_path: Path) -> None:
    plan = dicom_slices(STORED[:, :, :1], modality="RTPLAN")[0]
    for name in ("Rows", "Columns", "PixelData"):
        delattr(plan, name)
    plan.file_meta.MediaStorageSOPClassUID = plan.SOPClassUID = "1.2.840.10008.5.1.4.1.1.481.5"
    save_dicom(tmp_path, [plan], names=["plan.dcm"])
    assert refusal(lambda: read_image(tmp_path / "plan.dcm")).startswith("plan.dcm holds no DICOM image")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    assert "holds no DICOM image" in refusal(lambda: read_image(tmp_path))


def test_a_dicom_file_is_known_by_its_content(tmp_path: Path) -> None:
    save_dicom(tmp_path, dicom_slices(STORED), names=["1", "2.nii", "3.ima", "4"])
    assert read_image(tmp_path / "2.nii").grid.shape == (6, 5, 4)


def test_a_ct_series_is_no_label_map(tmp_path: Path) -> None:
    assert "negative" in refusal(lambda: read_labelmap(save_dicom(tmp_path, dicom_slices(STORED))))
