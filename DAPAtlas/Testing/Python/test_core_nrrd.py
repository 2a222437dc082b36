"""NRRD: float64 affines, segmentations as Slicer and SimpleITK see them, and the faults that files have."""

from __future__ import annotations

from pathlib import Path

import nrrd
import numpy as np
import pytest
import SimpleITK
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume
from AnatomyGuidedLib.io import (
    Segment,
    dap_segments,
    numbered_segments,
    read_anatomy,
    read_image,
    read_labelmap,
    write_labelmap,
    write_overlapping,
    write_volume,
)
from AnatomyGuidedLib.labels import id_of, structures
from hypothesis import given, settings
from hypothesis import strategies as st
from testing_data import (
    GRIDS,
    LPS,
    OBLIQUE,
    SHAPE,
    SIGNED_PERMUTATIONS,
    affine_of,
    numbered,
    refusal,
    turned,
    write_nrrd,
)

LIVER = "SCT^123037004^Anatomical Structure~SCT^10200004^Liver~^^~~^^~^^"
SEGMENTS = [Segment(3, "Liver", (221, 130, 101), LIVER), Segment(7, "Costa 1 Left (rib 12)", (253, 232, 158))]


def two_segments() -> Labelmap:
    values = np.zeros(SHAPE, np.uint8)
    values[1:3, 2, 1:5] = 3
    values[0, 0, 5] = 7
    return Labelmap(values, GRIDS["oblique"])


@settings(max_examples=40, deadline=None)
@given(st.floats(-180, 180), st.floats(-180, 180), st.floats(0.1, 10), st.floats(-1000, 1000))
def test_any_float64_affine_comes_back_to_the_last_digit(
    tmp_path_factory: pytest.TempPathFactory, about_s: float, about_r: float, spacing: float, origin: float
) -> None:
    grid = Grid(SHAPE, affine_of(turned(about_s, about_r), (spacing, 1 / 3, 2.0), (origin, 1 / 7, 0)))
    path = tmp_path_factory.mktemp("nrrd") / "a.nrrd"
    write_labelmap(Labelmap(numbered(dtype=np.uint8), grid), path)
    assert read_labelmap(path).grid == grid


@pytest.mark.parametrize("directions", SIGNED_PERMUTATIONS[::5])
@pytest.mark.parametrize("suffix", ["nrrd", "seg.nrrd"])
def test_flipped_and_permuted_axes_come_back_with_their_voxels(
    directions: np.ndarray, suffix: str, tmp_path: Path
) -> None:
    labelmap = Labelmap(two_segments().values, Grid(SHAPE, affine_of(directions)))
    write_labelmap(labelmap, tmp_path / f"a.{suffix}", SEGMENTS)
    back = read_labelmap(tmp_path / f"a.{suffix}")
    assert back.grid == labelmap.grid
    assert np.array_equal(back.values, labelmap.values)


@pytest.mark.parametrize(
    ("space", "signs"),
    [
        ("right-anterior-superior", (1, 1, 1)),
        ("RAS", (1, 1, 1)),
        ("left-posterior-superior", (-1, -1, 1)),
        ("LPS", (-1, -1, 1)),
        ("Left-Anterior-Superior", (-1, 1, 1)),
    ],
)
def test_each_space_is_turned_into_ras(space: str, signs: tuple[int, ...], tmp_path: Path) -> None:
    path = write_nrrd(tmp_path / "a.nrrd", numbered(), np.eye(4), space=space, space_origin=[10.0, 20.0, 30.0])
    expected = [sign * value for sign, value in zip(signs, (10, 20, 30), strict=True)]
    assert read_image(path).grid.ras_from_ijk((0, 0, 0)).tolist() == expected


@pytest.mark.parametrize("suffix", ["nrrd", "seg.nrrd"])
def test_simpleitk_sees_the_written_labels_where_we_do(suffix: str, tmp_path: Path) -> None:
    labelmap = two_segments()
    write_labelmap(labelmap, tmp_path / f"a.{suffix}", SEGMENTS)
    image = SimpleITK.ReadImage(str(tmp_path / f"a.{suffix}"))
    assert np.array_equal(SimpleITK.GetArrayFromImage(image).T, labelmap.values)
    for ijk in ((0, 0, 0), (3, 0, 5), (1, 4, 2)):
        expected = LPS[:3, :3] @ labelmap.grid.ras_from_ijk(ijk)
        assert image.TransformIndexToPhysicalPoint(ijk) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2", "ascii"])
@pytest.mark.parametrize("dtype", [">i2", "<i2", ">f4", "<f8", "u1", "<i8"])
def test_values_of_every_type_byte_order_and_encoding_are_read(dtype: str, encoding: str, tmp_path: Path) -> None:
    values = numbered(dtype=np.dtype(dtype))
    path = write_nrrd(tmp_path / "a.nrrd", values, encoding=encoding, endian="big" if dtype[0] == ">" else "little")
    image = read_image(path)
    assert np.array_equal(image.values, values)
    assert np.abs(image.grid.affine - OBLIQUE).max() < 1e-12
    assert np.array_equal(read_labelmap(path).values, values)


def test_simpleitks_own_nrrd_is_read_where_simpleitk_sees_it(tmp_path: Path) -> None:
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(numbered().T))
    image.SetDirection(turned(20, -35).ravel().tolist())
    image.SetSpacing((0.5, 1.25, 2))
    image.SetOrigin((10, -20, 30))
    SimpleITK.WriteImage(image, str(tmp_path / "a.nrrd"), useCompression=True)
    back = read_image(tmp_path / "a.nrrd")
    assert np.array_equal(back.values, numbered())
    assert np.allclose(LPS[:3, :3] @ back.grid.ras_from_ijk((3, 4, 5)), image.TransformIndexToPhysicalPoint((3, 4, 5)))


def test_a_volume_is_written_with_values_and_place(tmp_path: Path) -> None:
    write_volume(Volume(numbered() + 0.5, GRIDS["oblique"], "SUV"), tmp_path / "a.nrrd")
    image = SimpleITK.ReadImage(str(tmp_path / "a.nrrd"))
    assert np.array_equal(SimpleITK.GetArrayFromImage(image).T, numbered() + 0.5)


def test_a_detached_header_with_its_data_file_is_read(tmp_path: Path) -> None:
    write_nrrd(tmp_path / "a.nhdr", numbered(), encoding="raw")
    assert np.array_equal(read_image(tmp_path / "a.nhdr").values, numbered())


# Segmentations


def test_slicer_sees_names_colours_terminology_and_places(tmp_path: Path) -> None:
    slicer = pytest.importorskip("slicer", reason="slicer-core is not installed: pip install slicer-core")
    write_labelmap(two_segments(), tmp_path / "a.seg.nrrd", [*SEGMENTS, Segment(9, "Nothing", (1, 2, 3))])
    scene = slicer.vtkMRMLScene()
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    storage = scene.AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
    storage.SetFileName(str(tmp_path / "a.seg.nrrd"))
    assert storage.ReadData(node)
    segmentation = node.GetSegmentation()
    found = [segmentation.GetNthSegment(place) for place in range(segmentation.GetNumberOfSegments())]
    assert [segment.GetName() for segment in found] == ["Liver", "Costa 1 Left (rib 12)", "Nothing"]
    assert [segment.GetLabelValue() for segment in found[:2]] == [3, 7]
    assert found[0].GetColor() == pytest.approx(np.array([221, 130, 101]) / 255, abs=1e-4)
    text = pytest.importorskip("vtk").reference("")
    assert found[0].GetTag("TerminologyEntry", text)
    assert "10200004^Liver" in str(text)


def test_the_extent_of_each_segment_is_its_bounding_box(tmp_path: Path) -> None:
    write_labelmap(two_segments(), tmp_path / "a.seg.nrrd", SEGMENTS)
    header = nrrd.read_header(str(tmp_path / "a.seg.nrrd"))
    assert header["Segment0_Extent"] == "1 2 2 2 1 4"
    assert header["Segment1_Extent"] == "0 0 0 0 5 5"


def test_segments_that_slicer_renumbered_come_back_by_name(tmp_path: Path) -> None:
    ids = [structure.id for structure in structures()]
    stored = np.zeros((12, 12, 1), np.uint8)
    stored.flat[: len(ids)] = range(1, len(ids) + 1)
    segments = [Segment(n, segment.name, segment.color) for n, segment in enumerate(dap_segments(ids), start=1)]
    write_labelmap(Labelmap(stored, Grid(stored.shape, np.eye(4))), tmp_path / "a.seg.nrrd", segments)
    assert read_anatomy(str(tmp_path / "a.seg.nrrd")).values.ravel()[: len(ids)].tolist() == sorted(ids)


def test_a_segmentation_without_any_dap_name_is_read_by_value(tmp_path: Path) -> None:
    values = np.where(two_segments().values > 0, id_of("Liver"), 0).astype(np.uint8)
    labelmap = Labelmap(values, GRIDS["LPS"])
    write_labelmap(labelmap, tmp_path / "a.seg.nrrd", [Segment(id_of("Liver"), "leber", (1, 2, 3))])
    assert np.array_equal(read_anatomy(str(tmp_path / "a.seg.nrrd")).values, values)


def test_a_foreign_segment_among_dap_segments_is_refused_by_name(tmp_path: Path) -> None:
    write_labelmap(two_segments(), tmp_path / "a.seg.nrrd", [SEGMENTS[0], Segment(7, "My tumour", (1, 2, 3))])
    message = refusal(lambda: read_anatomy(str(tmp_path / "a.seg.nrrd")))
    assert "My tumour" in message
    assert "Liver" not in message


def test_a_foreign_segment_without_voxels_does_no_harm(tmp_path: Path) -> None:
    values = np.where(two_segments().values == 3, 3, 0).astype(np.uint8)
    segments = [SEGMENTS[0], Segment(7, "My tumour", (1, 2, 3))]
    write_labelmap(Labelmap(values, GRIDS["LPS"]), tmp_path / "a.seg.nrrd", segments)
    assert set(np.unique(read_anatomy(str(tmp_path / "a.seg.nrrd")).values)) == {0, id_of("Liver")}


def test_a_broken_label_value_in_the_header_is_no_crash(tmp_path: Path) -> None:
    fields = {"Segment0_Name": "Liver", "Segment0_LabelValue": "many"}
    path = write_nrrd(tmp_path / "a.seg.nrrd", two_segments().values, **fields)
    assert "value 3" in refusal(lambda: read_anatomy(str(path)))


def test_an_empty_segmentation_can_be_written_and_read(tmp_path: Path) -> None:
    empty = Labelmap(np.zeros(SHAPE, np.uint8), GRIDS["LPS"])
    write_labelmap(empty, tmp_path / "a.seg.nrrd", [])
    assert read_labelmap(tmp_path / "a.seg.nrrd").values.max() == 0


def test_a_value_without_a_segment_is_refused(tmp_path: Path) -> None:
    assert "[7]" in refusal(lambda: write_labelmap(two_segments(), tmp_path / "a.seg.nrrd", SEGMENTS[:1]))


@pytest.mark.parametrize("name", ["two\nlines", "Ösophagus"])
def test_a_name_that_breaks_the_header_is_refused(name: str, tmp_path: Path) -> None:
    segments = [Segment(3, name, (0, 0, 0)), SEGMENTS[1]]
    assert "ASCII" in refusal(lambda: write_labelmap(two_segments(), tmp_path / "a.seg.nrrd", segments))


def test_a_value_beyond_65535_is_refused_in_a_segmentation(tmp_path: Path) -> None:
    labelmap = Labelmap(numbered(dtype=np.uint32) + 70000, GRIDS["LPS"])
    assert "65535" in refusal(lambda: write_labelmap(labelmap, tmp_path / "a.seg.nrrd", []))


def test_numbered_segments_have_numbers_and_colours_within_range() -> None:
    segments = numbered_segments(3, "Lesion", (255, 80, 0))
    assert [(segment.value, segment.name) for segment in segments] == [
        (1, "Lesion 1"),
        (2, "Lesion 2"),
        (3, "Lesion 3"),
    ]
    assert all(0 <= channel <= 255 for segment in segments for channel in segment.color)
    assert numbered_segments(0, "Lesion", (0, 0, 0)) == []


# Faults


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"space": None, "space_dimension": 3}, "left and right are unknown"),
        ({"space": "3D-right-handed"}, "3d-right-handed"),
        ({"space_units": ["m", "m", "m"]}, "in m, but mm"),
        ({"kinds": ["RGB-color", "domain", "domain"]}, "not all in space"),
        ({"space_directions": np.zeros((3, 3))}, "above 0"),
        ({"space_directions": np.array([[1.0, 0, 0], [0.5, 1, 0], [0, 0, 1]])}, "sheared"),
        ({"space_origin": [np.nan, 0, 0]}, "finite"),
    ],
)
def test_a_fault_of_the_header_is_named(fields: dict[str, object], words: str, tmp_path: Path) -> None:
    path = write_nrrd(tmp_path / "a.nrrd", numbered(), **fields)
    message = refusal(lambda: read_image(path))
    assert words in message
    assert message.startswith("a.nrrd")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"space origin: (", b"space origin: (1,2) #"),
        (b"space origin: (", b"space origin:\n#"),
        (b"space directions: (", b"space directions: #"),
        (b"sizes: 4 5 6", b"sizes: 4 5 7"),
        (b"sizes: 4 5 6", b"sizes: 4 5"),
        (b"type: ", b"type: block #"),
        (b"NRRD", b"DRRN"),
        (b"encoding: gzip", b"encoding: zip"),
        (b"dimension: 3", b"dimension: x"),
    ],
)
def test_a_broken_header_is_told_in_one_sentence(old: bytes, new: bytes, tmp_path: Path) -> None:
    content = write_nrrd(tmp_path / "a.nrrd", numbered()).read_bytes()
    assert old in content
    (tmp_path / "b.nrrd").write_bytes(content.replace(old, new, 1))
    assert refusal(lambda: read_image(tmp_path / "b.nrrd")).startswith("b.nrrd")


def test_overlapping_segments_are_refused_with_the_way_out(tmp_path: Path) -> None:
    layers = np.zeros((2, *SHAPE), np.uint8)
    directions = np.vstack([np.full(3, np.nan), np.eye(3)])
    fields = {"kinds": ["list", "domain", "domain", "domain"], "space_directions": directions, "Segment0_Name": "a"}
    path = write_nrrd(tmp_path / "a.seg.nrrd", layers, **fields)
    message = refusal(lambda: read_labelmap(path))
    assert "overlapping segments (2 layers)" in message
    assert "Segment Editor" in message


def test_segments_that_overlap_are_whole_in_layers_that_slicer_reads(tmp_path: Path) -> None:
    slicer = pytest.importorskip("slicer", reason="slicer-core is not installed: pip install slicer-core")
    masks = [np.zeros(SHAPE, bool) for _ in range(3)]
    masks[0][:3, 1:4, 2:5] = True
    masks[1][2:, 2:, 3:] = True  # overlaps the first
    masks[2][3, 0, :2] = True  # overlaps none, so that it shares the first's layer
    segments = [Segment(number, f"Finding {number}", (10 * number, 20, 30)) for number in (1, 2, 3)]
    write_overlapping(masks, GRIDS["oblique"], tmp_path / "a.seg.nrrd", segments)
    assert "overlapping segments (2 layers)" in refusal(lambda: read_labelmap(tmp_path / "a.seg.nrrd"))
    header = nrrd.read_header(str(tmp_path / "a.seg.nrrd"))
    assert [header[f"Segment{place}_Layer"] for place in range(3)] == ["0", "1", "0"]
    scene = slicer.vtkMRMLScene()
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    storage = scene.AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
    storage.SetFileName(str(tmp_path / "a.seg.nrrd"))
    assert storage.ReadData(node)
    from AnatomyGuidedLib.mrml import labelmap_from_segmentation_node

    for segment, mask in zip(segments, masks, strict=True):
        alone = labelmap_from_segmentation_node(node, GRIDS["oblique"], values={f"Segment_{segment.value}": 1})
        assert np.array_equal(alone.values > 0, mask)


def test_segments_that_do_not_overlap_are_a_plain_label_map(tmp_path: Path) -> None:
    masks = [np.zeros(SHAPE, bool) for _ in range(2)]
    masks[0][0], masks[1][1] = True, True
    segments = [Segment(1, "a", (1, 2, 3)), Segment(2, "b", (4, 5, 6))]
    write_overlapping(masks, GRIDS["LPS"], tmp_path / "a.seg.nrrd", segments)
    found = read_labelmap(tmp_path / "a.seg.nrrd")
    assert found.grid == GRIDS["LPS"]
    assert np.array_equal(found.values, masks[0] + 2 * masks[1])
    write_overlapping([], GRIDS["LPS"], tmp_path / "b.seg.nrrd", [])
    assert not read_labelmap(tmp_path / "b.seg.nrrd").values.any()


def test_a_detached_header_without_its_data_file_is_refused(tmp_path: Path) -> None:
    write_nrrd(tmp_path / "a.nhdr", numbered(), encoding="raw")
    (tmp_path / "a.raw").unlink()
    message = refusal(lambda: read_image(tmp_path / "a.nhdr"))
    assert "without its data file" in message
    assert str(tmp_path) not in message
