"""NIfTI: affines to the last digit, values as stored, and every fault of a header named."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel
import numpy as np
import numpy.typing as npt
import pytest
import SimpleITK
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume
from AnatomyGuidedLib.io import read_image, read_labelmap, write_labelmap, write_volume
from hypothesis import given, settings
from hypothesis import strategies as st
from testing_data import GRIDS, LPS, OBLIQUE, SHAPE, SIGNED_PERMUTATIONS, affine_of, numbered, refusal, write_nifti

unit = st.integers(-(10**6), 10**6).map(lambda millionths: millionths / 1e6)
FLOAT32_OBLIQUE = OBLIQUE.astype(np.float32).astype(np.float64)


def read_back(grid: Grid, folder: Path) -> Grid:
    write_labelmap(Labelmap(numbered(grid.shape, np.uint8), grid), folder / "copy.nii.gz")
    return read_labelmap(folder / "copy.nii.gz").grid


def with_codes(path: Path, *, sform: int, qform: int) -> Path:
    """A file whose sform and qform differ, with these codes."""
    image = nibabel.Nifti1Image(numbered(), None)
    image.set_sform(FLOAT32_OBLIQUE, sform)
    image.set_qform(affine_of(np.diag([-1.0, 1.0, 1.0])), qform)
    nibabel.save(image, path)
    return path


@pytest.mark.parametrize("directions", SIGNED_PERMUTATIONS)
def test_all_48_orientations_come_back_exactly_with_their_voxels(directions: np.ndarray, tmp_path: Path) -> None:
    grid = Grid(SHAPE, affine_of(directions))
    write_volume(Volume(numbered(), grid, "HU"), tmp_path / "a.nii")
    back = read_image(tmp_path / "a.nii")
    assert back.grid == grid
    assert np.array_equal(back.values, numbered())


@pytest.mark.parametrize(("sform", "qform"), [(1, 0), (0, 1), (1, 1), (4, 2)])
def test_the_affine_is_nibabels_whichever_form_holds_it_and_survives_writing(
    sform: int, qform: int, tmp_path: Path
) -> None:
    path = with_codes(tmp_path / "a.nii.gz", sform=sform, qform=qform)
    grid = read_image(path).grid
    assert np.array_equal(grid.affine, nibabel.load(path).affine)
    assert grid.axis_codes == ("LAI" if sform else "LAS")
    assert read_back(grid, tmp_path) == grid


@settings(max_examples=60, deadline=None)
@given(st.tuples(unit, unit, unit, unit), st.booleans(), st.tuples(*[st.floats(0.125, 8, width=32)] * 3))
def test_any_quaternion_comes_back_to_the_last_digit(
    tmp_path_factory: pytest.TempPathFactory, turn: tuple[float, ...], flipped: bool, spacing: tuple[float, ...]
) -> None:
    length = float(np.linalg.norm(turn))
    quaternion = np.array(turn) / length if length > 0.1 else np.array([0.0, 1.0, 0.0, 0.0])
    _require_exact_quaternion(quaternion, flipped, spacing, tmp_path_factory.mktemp("quaternion"))


@pytest.mark.parametrize("real_part", [0.0, 1e-7, 1e-5, 1e-4, 3e-4, 5e-4, 1e-3])
@pytest.mark.parametrize("axis", [(0, 0, 1), (0, 1e-5, 1), (0.01, -0.004, 1), (0.6, 0.3, -0.7), (1, 1, 1)])
def test_turns_near_180_degrees_come_back_to_the_last_digit(
    real_part: float, axis: tuple[float, float, float], tmp_path: Path
) -> None:
    quaternion = np.array([real_part, *(np.array(axis) / np.linalg.norm(axis) * np.sqrt(1 - real_part**2))])
    _require_exact_quaternion(quaternion, True, (0.7, 0.7, 2.5), tmp_path)


def _require_exact_quaternion(quaternion: np.ndarray, flipped: bool, spacing: tuple[float, ...], folder: Path) -> None:
    image = nibabel.Nifti1Image(numbered(), None)
    image.header["qform_code"] = 1
    image.header["pixdim"][:4] = [-1 if flipped else 1, *spacing]
    sign = -1 if quaternion[0] < 0 else 1
    for name, value in zip(("quatern_b", "quatern_c", "quatern_d"), sign * quaternion[1:], strict=True):
        image.header[name] = value
    image.header["qoffset_x"] = -123.456
    expected = image.header.get_qform()
    assert np.array_equal(read_back(Grid(SHAPE, expected), folder).affine, expected)


def test_a_float64_affine_is_kept_as_well_as_float32_can(tmp_path: Path) -> None:
    back = read_back(GRIDS["oblique"], tmp_path)
    assert np.abs(back.affine - OBLIQUE).max() < 1e-5


def test_simpleitk_sees_the_written_image_where_we_do(tmp_path: Path) -> None:
    write_labelmap(Labelmap(numbered(dtype=np.uint8), GRIDS["oblique"]), tmp_path / "a.nii.gz")
    image = SimpleITK.ReadImage(str(tmp_path / "a.nii.gz"))
    for ijk in ((0, 0, 0), (3, 0, 5), (1, 4, 2)):
        expected = LPS[:3, :3] @ GRIDS["oblique"].ras_from_ijk(ijk)
        assert image.TransformIndexToPhysicalPoint(ijk) == pytest.approx(expected, abs=1e-3)
        assert image[ijk] == numbered(dtype=np.uint8)[ijk]


# Values


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", ["i2", "u2", "i4", "i8", "f4", "f8", "u1"])
def test_values_of_every_type_and_byte_order_are_read(dtype: str, order: str, tmp_path: Path) -> None:
    header = nibabel.Nifti1Header(endianness=order)
    values = numbered(dtype=np.dtype(dtype))
    image = nibabel.Nifti1Image(values, OBLIQUE, header, dtype=values.dtype)
    nibabel.save(image, tmp_path / "a.nii.gz")
    assert np.array_equal(read_image(tmp_path / "a.nii.gz").values, values)
    labels = read_labelmap(tmp_path / "a.nii.gz").values
    assert labels.dtype == np.uint8
    assert np.array_equal(labels, values)


def test_a_nifti_2_file_is_read(tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti2Image(numbered(), OBLIQUE), tmp_path / "a.nii.gz")
    image = read_image(tmp_path / "a.nii.gz")
    assert np.array_equal(image.values, numbered())
    assert np.abs(image.grid.affine - OBLIQUE).max() < 1e-12


def test_scaling_in_the_header_is_applied(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "a.nii.gz", numbered(), header={"scl_slope": 2.0, "scl_inter": -1024.0})
    assert read_image(path).values[1, 2, 3] == 2.0 * (30 + 12 + 3) - 1024


@pytest.mark.parametrize(("slope", "stored", "label"), [(0.1, 10, 1), (0.01, 300, 3), (2.0, 3, 6), (0.0, 7, 7)])
def test_scaled_label_maps_come_back_as_whole_labels(slope: float, stored: int, label: int, tmp_path: Path) -> None:
    values = np.zeros(SHAPE, np.int16)
    values[1, 1, 1] = stored
    labels = read_labelmap(write_nifti(tmp_path / "a.nii.gz", values, header={"scl_slope": slope, "scl_inter": 0.0}))
    assert labels.values[1, 1, 1] == label
    assert labels.values.sum() == label


@pytest.mark.parametrize("highest", [1, 255, 256, 65535, 65536, 2**24 + 1, 2**32 - 1])
@pytest.mark.parametrize("dtype", [np.int64, np.float64])
def test_large_labels_are_kept_in_the_smallest_type(highest: int, dtype: type, tmp_path: Path) -> None:
    values = np.zeros(SHAPE, dtype)
    values[0, 0, 1] = highest
    labels = read_labelmap(write_nifti(tmp_path / "a.nii.gz", values))
    assert labels.values.max() == highest
    assert labels.values.dtype == np.min_scalar_type(highest)
    write_labelmap(labels, tmp_path / "b.nii.gz")
    assert np.array_equal(np.asarray(nibabel.load(tmp_path / "b.nii.gz").dataobj), values)


def test_a_label_map_of_64_bit_numbers_is_written(tmp_path: Path) -> None:
    write_labelmap(Labelmap(numbered(dtype=np.uint64), GRIDS["LPS"]), tmp_path / "a.nii.gz")
    assert np.array_equal(read_labelmap(tmp_path / "a.nii.gz").values, numbered())


def test_whole_hu_are_written_as_int16_and_others_as_float32(tmp_path: Path) -> None:
    write_volume(Volume(numbered() - 60.0, GRIDS["LPS"], "HU"), tmp_path / "whole.nii.gz")
    write_volume(Volume(numbered() + 0.25, GRIDS["LPS"], "HU"), tmp_path / "parts.nii.gz")
    write_volume(Volume(numbered(), GRIDS["LPS"], "SUV"), tmp_path / "suv.nii.gz")
    kinds = [nibabel.load(tmp_path / f"{name}.nii.gz").get_data_dtype() for name in ("whole", "parts", "suv")]
    assert kinds == [np.int16, np.float32, np.float32]
    assert read_image(tmp_path / "parts.nii.gz").values[0, 0, 3] == 3.25


def test_trailing_axes_of_length_1_are_no_fault(tmp_path: Path) -> None:
    image = read_image(write_nifti(tmp_path / "a.nii.gz", numbered((*SHAPE, 1, 1))))
    assert image.grid.shape == SHAPE
    assert np.array_equal(image.values, numbered())


@pytest.mark.parametrize("name", ["packed.nii", "plain.nii.gz"])
def test_gzip_is_told_by_content_and_not_by_extension(name: str, tmp_path: Path) -> None:
    plain = write_nifti(tmp_path / "a.nii", numbered()).read_bytes()
    (tmp_path / name).write_bytes(gzip.compress(plain) if name == "packed.nii" else plain)
    assert np.array_equal(read_image(tmp_path / name).values, numbered())


# Faults of the header


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ({"pixdim": [1, 0, 1, 1, 0, 0, 0, 0]}, "spacing [0.0, 1.0, 1.0] mm"),
        ({"pixdim": [1, 1, -2, 1, 0, 0, 0, 0]}, "spacing [1.0, -2.0, 1.0] mm"),
        ({"pixdim": [1, 1, 1, np.nan, 0, 0, 0, 0]}, "must be above 0"),
        ({"xyzt_units": 1}, "in meter, but mm"),
        ({"xyzt_units": 3}, "in micron, but mm"),
        ({"sform_code": 0, "qform_code": 0}, "left and right are unknown"),
        ({"srow_x": [0, 0, 0, 0]}, "a.nii.gz: "),
        ({"srow_y": [np.inf, 0, 0, 0]}, "finite"),
        ({"sform_code": 0, "qform_code": 1, "quatern_b": 3.0}, "cannot be read as NIfTI"),
        ({"dim": [3, 4, 5, 7, 1, 1, 1, 1]}, "truncated"),
        ({"dim": [3, 4, 5, -6, 1, 1, 1, 1]}, "a.nii.gz"),
        ({"datatype": 77}, "cannot be read as NIfTI"),
        ({"magic": b"xxx"}, "cannot be read as NIfTI"),
        ({"scl_slope": 2.0, "scl_inter": np.nan}, "cannot be read as NIfTI"),
    ],
)
def test_a_fault_of_the_header_is_named(header: dict[str, object], words: str, tmp_path: Path) -> None:
    folder = tmp_path / "Secret Person"
    folder.mkdir()
    path = write_nifti(folder / "a.nii.gz", numbered(), header=header)
    message = refusal(lambda: read_image(path))
    assert words in message
    assert message.startswith("a.nii.gz")
    assert "Secret" not in message


@pytest.mark.parametrize("dtype", [[("R", "u1"), ("G", "u1"), ("B", "u1")], np.complex64], ids=["colours", "complex"])
def test_colours_and_complex_numbers_are_refused(dtype: npt.DTypeLike, tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.zeros(SHAPE, dtype), OBLIQUE), path)
    assert "colours or complex" in refusal(lambda: read_image(path))


def test_a_changed_byte_inside_gzip_is_found_by_its_checksum(tmp_path: Path) -> None:
    plain = write_nifti(tmp_path / "a.nii", numbered()).read_bytes()
    stored = bytearray(gzip.compress(plain, compresslevel=0))
    stored[-40] ^= 1  # level 0 stores bytes as they are: without the checksum this is just another value
    (tmp_path / "a.nii.gz").write_bytes(stored)
    assert "damaged" in refusal(lambda: read_image(tmp_path / "a.nii.gz"))
