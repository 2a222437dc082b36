"""The MRML bridge on real nodes: values, positions, names, colours and terminology survive the way there and back."""

from __future__ import annotations

import gc
import itertools
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Grid, InvalidGrid, Labelmap, Volume
from AnatomyGuidedLib.io import Segment, write_labelmap

pytest.importorskip("slicer", reason="slicer-core is not installed: pip install slicer-core")
vtk = pytest.importorskip("vtk")

import slicer  # noqa: E402
from AnatomyGuidedLib import mrml  # noqa: E402

SHAPE = (7, 6, 5)


def _rotation(degrees_about_s: float, degrees_about_r: float) -> np.ndarray:
    s, r = np.radians([degrees_about_s, degrees_about_r])
    about_s = np.array([[np.cos(s), -np.sin(s), 0], [np.sin(s), np.cos(s), 0], [0, 0, 1]])
    about_r = np.array([[1, 0, 0], [0, np.cos(r), -np.sin(r)], [0, np.sin(r), np.cos(r)]])
    return about_s @ about_r


def _affine(
    directions: np.ndarray, spacing: tuple[float, float, float], origin: tuple[float, float, float]
) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = np.asarray(directions) @ np.diag(spacing)
    affine[:3, 3] = origin
    return affine


AFFINES = {
    "RAS": _affine(np.eye(3), (1, 1, 1), (0, 0, 0)),
    "LPS, anisotropic": _affine(np.diag([-1, -1, 1]), (0.8, 0.9, 5), (100.5, 80.25, -300)),
    "axes permuted": _affine(np.array([[0, 0, 1], [-1, 0, 0], [0, -1, 0]]), (2, 3, 4), (-20, 30, 40)),
    "oblique and flipped": _affine(_rotation(20, -35) @ np.diag([-1, 1, -1]), (1.5, 2, 3), (12.3, -45.6, 78.9)),
}
SEGMENTS = [
    Segment(3, "Liver", (221, 130, 101), "SCT^123037004^Anatomical Structure~SCT^10200004^Liver~^^~~^^~^^"),
    Segment(200, "Kidney, right", (185, 102, 83), "SCT^123037004^Anatomical Structure~SCT^64033007^Kidney~^^~~^^~^^"),
    Segment(17, "Costa 1 Left (rib 12)", (253, 232, 158)),
]


@pytest.fixture(params=AFFINES.values(), ids=AFFINES.keys())
def grid(request: pytest.FixtureRequest) -> Grid:
    return Grid(SHAPE, request.param)


@pytest.fixture
def oblique() -> Grid:
    return Grid(SHAPE, AFFINES["oblique and flipped"])


@pytest.fixture
def scene():
    return mrml.new_scene()


def _volume(grid: Grid, unit: str = "") -> Volume:
    return Volume(np.random.default_rng(5).normal(0, 500, grid.shape).astype(np.float32), grid, unit)


def _labelmap(grid: Grid) -> Labelmap:
    values = np.random.default_rng(6).choice(np.array([0, 3, 17, 200], dtype=np.uint8), grid.shape)
    return Labelmap(values, grid)


def _image(values: np.ndarray, grid: Grid, first_ijk: tuple[int, int, int] = (0, 0, 0)):
    """An oriented image whose extent begins at `first_ijk` of the grid, as Slicer keeps cropped layers."""
    image = mrml.oriented_image(values, grid)
    last = np.add(first_ijk, values.shape) - 1
    image.SetExtent(*np.stack([first_ijk, last], axis=1).ravel().tolist())
    return image


def _segmentation_of(scene, *layers):
    """A segmentation node of (segment id, label value, image) triples."""
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "drawn")
    for segment_id, value, image in layers:
        segment = slicer.vtkSegment()
        segment.SetName(segment_id)
        segment.SetLabelValue(value)
        segment.AddRepresentation("Binary labelmap", image)
        node.GetSegmentation().AddSegment(segment, segment_id)
    return node


def _move(scene, node, transform) -> None:
    parent = scene.AddNewNodeByClass("vtkMRMLTransformNode", "moved")
    parent.SetAndObserveTransformToParent(transform)
    node.SetAndObserveTransformNodeID(parent.GetID())


def _assert_same_places(found: Grid, expected: Grid) -> None:
    assert found.shape == expected.shape
    np.testing.assert_allclose(found.affine, expected.affine, atol=1e-9)


# Volumes


def test_a_volume_comes_back_from_its_node_with_its_values_and_places(scene, grid):
    volume = _volume(grid)
    back = mrml.volume_from_node(mrml.add_volume(scene, volume, "CT"))
    np.testing.assert_array_equal(back.values, volume.values)
    _assert_same_places(back.grid, grid)


def test_a_voxel_of_the_node_lies_where_slicer_says(scene, grid):
    values = np.zeros(grid.shape, np.float32)
    values[5, 1, 3] = 7
    node = mrml.add_volume(scene, Volume(values, grid), "CT")
    assert node.GetImageData().GetScalarComponentAsDouble(5, 1, 3, 0) == 7
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    np.testing.assert_allclose(matrix.MultiplyPoint((5, 1, 3, 1))[:3], grid.ras_from_ijk([5, 1, 3]), atol=1e-9)


def test_a_volume_node_gets_a_display_node_and_its_name(scene, oblique):
    node = mrml.add_volume(scene, _volume(oblique), "thorax")
    assert node.GetName() == "thorax"
    assert node.GetDisplayNode().IsA("vtkMRMLScalarVolumeDisplayNode")


def test_float32_voxels_are_not_copied_on_the_way_to_a_volume(scene, oblique):
    node = mrml.add_volume(scene, _volume(oblique), "CT")
    node.GetImageData().SetScalarComponentFromDouble(1, 2, 3, 0, -77)
    assert mrml.volume_from_node(node).values[1, 2, 3] == -77


def test_the_voxels_outlive_their_node(oblique):
    scene = mrml.new_scene()
    node = mrml.add_volume(scene, _volume(oblique), "CT")
    volume = mrml.volume_from_node(node)
    scene.Clear(True)
    del node, scene
    gc.collect()
    np.testing.assert_array_equal(volume.values, _volume(oblique).values)


def test_the_node_keeps_a_copy_of_the_volume(scene):
    values = np.zeros((2, 2, 2), np.float32)
    node = mrml.add_volume(scene, Volume(values, Grid((2, 2, 2), np.eye(4))), "CT")
    values[0, 0, 0] = 9
    assert mrml.volume_from_node(node).values[0, 0, 0] == 0


def test_integer_voxels_become_float32(scene, oblique):
    node = mrml.add_volume(scene, _volume(oblique), "CT")
    image = vtk.vtkImageData()
    image.SetDimensions(2, 3, 4)
    image.AllocateScalars(vtk.VTK_SHORT, 1)
    for i, j, k in itertools.product(range(2), range(3), range(4)):
        image.SetScalarComponentFromDouble(i, j, k, 0, 100 * i + 10 * j + k - 1024)
    node.SetAndObserveImageData(image)
    volume = mrml.volume_from_node(node)
    assert volume.values.dtype == np.float32
    assert volume.values.shape == (2, 3, 4)
    assert volume.values[1, 2, 3] == 123 - 1024


@pytest.mark.parametrize("unit", ["HU", "SUV", ""])
def test_the_unit_travels_with_the_node(scene, oblique, unit):
    assert mrml.volume_from_node(mrml.add_volume(scene, _volume(oblique, unit), "image")).unit == unit


def test_a_unit_that_is_given_wins_over_the_nodes_own(scene, oblique):
    assert mrml.volume_from_node(mrml.add_volume(scene, _volume(oblique, "HU"), "PET"), unit="SUV").unit == "SUV"


def test_an_empty_volume_node_is_refused(scene):
    with pytest.raises(AnatomyGuidedError, match="'empty' holds no image"):
        mrml.volume_from_node(scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty"))


def test_a_colour_image_is_refused(scene, oblique):
    node = mrml.add_volume(scene, _volume(oblique), "photo")
    node.GetImageData().AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 3)
    with pytest.raises(AnatomyGuidedError, match="3 values a voxel"):
        mrml.volume_from_node(node)


def test_a_sheared_volume_is_refused_by_its_name(scene, oblique):
    node = mrml.add_volume(scene, _volume(oblique), "tilted gantry")
    node.SetIJKToRASDirections(1, 0, 0, 0, 1, 0.3, 0, 0, 1)
    with pytest.raises(InvalidGrid, match=r"'tilted gantry'.*sheared"):
        mrml.volume_from_node(node)


@pytest.mark.parametrize("class_name", ["vtkMRMLTableNode", "vtkMRMLSegmentationNode"])
def test_a_node_of_another_kind_is_refused(scene, class_name):
    with pytest.raises(AnatomyGuidedError, match=f"scalar volume node, but got 'other', a {class_name}"):
        mrml.volume_from_node(scene.AddNewNodeByClass(class_name, "other"))


def test_no_node_at_all_is_refused():
    with pytest.raises(AnatomyGuidedError, match="scalar volume node, but got nothing"):
        mrml.volume_from_node(None)


def test_a_volume_under_a_transform_is_refused(scene, oblique):
    node = mrml.add_volume(scene, _volume(oblique), "CT")
    shift = vtk.vtkTransform()
    shift.Translate(0, 0, 10)
    _move(scene, node, shift)
    with pytest.raises(AnatomyGuidedError, match="'CT' is under the transform 'moved'; harden it"):
        mrml.volume_from_node(node)


def test_a_volume_under_a_warp_is_refused(scene, oblique):
    node = mrml.add_volume(scene, _volume(oblique), "CT")
    _move(scene, node, vtk.vtkThinPlateSplineTransform())
    with pytest.raises(AnatomyGuidedError, match="under the transform"):
        mrml.volume_from_node(node)


def test_a_volume_under_an_identity_transform_is_taken(scene, grid):
    node = mrml.add_volume(scene, _volume(grid), "CT")
    _move(scene, node, vtk.vtkTransform())
    _assert_same_places(mrml.volume_from_node(node).grid, grid)


# Segmentations


def test_a_label_map_comes_back_from_its_segmentation_node(scene, grid):
    labelmap = _labelmap(grid)
    node = mrml.add_segmentation(scene, labelmap, SEGMENTS, "organs")
    back = mrml.labelmap_from_segmentation_node(node, grid)
    np.testing.assert_array_equal(back.values, labelmap.values)
    assert back.grid == grid
    assert back.values.dtype == np.uint8


def test_segments_of_a_label_map_share_one_layer(scene, oblique):
    node = mrml.add_segmentation(scene, _labelmap(oblique), SEGMENTS, "organs")
    assert len(mrml.segmentation_layers(node)) == 1


def test_a_segmentation_node_names_and_numbers_its_segments(scene, oblique):
    node = mrml.add_segmentation(scene, _labelmap(oblique), SEGMENTS, "organs")
    assert list(mrml.segment_names(node).values()) == ["Liver", "Kidney, right", "Costa 1 Left (rib 12)"]
    assert mrml.segment_values(node) == {"Segment_3": 3, "Segment_200": 200, "Segment_17": 17}


def test_a_segmentation_node_says_what_slicer_takes_its_segments_for(scene, oblique):
    node = mrml.add_segmentation(scene, _labelmap(oblique), SEGMENTS, "organs")
    told = mrml.segment_terminologies(node)
    assert [*told] == [*mrml.segment_names(node)]
    given = {f"Segment_{segment.value}": segment.terminology for segment in SEGMENTS if segment.terminology}
    assert given
    assert given.items() <= told.items()


def test_a_segmentation_file_brings_voxels_names_colours_and_terminology(scene, grid, tmp_path):
    labelmap = _labelmap(grid)
    write_labelmap(labelmap, tmp_path / "organs.seg.nrrd", SEGMENTS)
    node = mrml.add_segmentation_file(scene, tmp_path / "organs.seg.nrrd", "organs")
    assert node.GetName() == "organs"
    _assert_shows(node, SEGMENTS)
    np.testing.assert_array_equal(mrml.labelmap_from_segmentation_node(node, grid).values, labelmap.values)


def _assert_shows(node, segments: list[Segment]) -> None:
    segmentation = node.GetSegmentation()
    assert segmentation.GetNumberOfSegments() == len(segments)
    for index, segment in enumerate(segments):
        shown = segmentation.GetNthSegment(index)
        assert (shown.GetName(), shown.GetLabelValue()) == (segment.name, segment.value)
        np.testing.assert_allclose(np.multiply(shown.GetColor(), 255), segment.color, atol=0.01)
        assert shown.GetTerminology() == segment.terminology or not segment.terminology


def test_a_segmentation_node_is_not_tied_to_the_file_it_came_from(scene, oblique, tmp_path):
    write_labelmap(_labelmap(oblique), tmp_path / "organs.seg.nrrd", SEGMENTS)
    node = mrml.add_segmentation_file(scene, tmp_path / "organs.seg.nrrd", "organs")
    assert node.GetStorageNode() is None


@pytest.mark.parametrize("content", [None, b"", b"no segmentation"], ids=["missing", "empty", "text"])
def test_a_file_that_is_no_segmentation_leaves_the_scene_as_it_was(scene, tmp_path, content, capfd):
    path = tmp_path / "organs.seg.nrrd"
    if content is not None:
        path.write_bytes(content)
    before = scene.GetNumberOfNodes()
    with pytest.raises(AnatomyGuidedError, match=r"organs\.seg\.nrrd cannot be read as a segmentation"):
        mrml.add_segmentation_file(scene, path, "organs")
    assert scene.GetNumberOfNodes() == before
    capfd.readouterr()  # Slicer's own complaints


def test_a_cropped_layer_lands_on_its_voxels(scene, grid):
    drawn = np.ones((2, 3, 2), np.uint8)
    node = _segmentation_of(scene, ("a", 1, _image(drawn, grid, (4, 2, 1))))
    expected = np.zeros(grid.shape, np.uint8)
    expected[4:6, 2:5, 1:3] = 1
    np.testing.assert_array_equal(mrml.labelmap_from_segmentation_node(node, grid).values, expected)


def test_a_layer_that_reaches_beyond_the_grid_is_cut_off(scene, grid):
    drawn = np.ones((4, 4, 4), np.uint8)
    node = _segmentation_of(
        scene, ("a", 1, _image(drawn, grid, (-2, -1, 3))), ("b", 2, _image(drawn * np.uint8(2), grid, (20, 0, 0)))
    )
    expected = np.zeros(grid.shape, np.uint8)
    expected[0:2, 0:3, 3:5] = 1
    np.testing.assert_array_equal(mrml.labelmap_from_segmentation_node(node, grid).values, expected)


def test_the_later_of_two_overlapping_layers_wins(scene, grid):
    drawn = np.ones((3, 3, 3), np.uint8)
    node = _segmentation_of(scene, ("a", 1, _image(drawn, grid)), ("b", 1, _image(drawn, grid, (2, 2, 2))))
    values = mrml.labelmap_from_segmentation_node(node, grid, values={"a": 12, "b": 300}).values
    assert values.dtype == np.uint16
    assert (values[1, 1, 1], values[2, 2, 2], values[4, 4, 4], values[6, 5, 0]) == (12, 300, 300, 0)


def test_the_background_of_a_later_layer_hides_nothing(scene, oblique):
    drawn = np.zeros(oblique.shape, np.uint8)
    drawn[0], other = 1, np.zeros(oblique.shape, np.uint8)
    other[1] = 2
    node = _segmentation_of(scene, ("a", 1, _image(drawn, oblique)), ("b", 2, _image(other, oblique)))
    np.testing.assert_array_equal(mrml.labelmap_from_segmentation_node(node, oblique).values, drawn + other)


def test_segments_that_share_a_value_must_be_numbered_by_the_caller(scene, oblique):
    drawn = np.ones((3, 3, 3), np.uint8)
    node = _segmentation_of(scene, ("a", 1, _image(drawn, oblique)), ("b", 1, _image(drawn, oblique)))
    with pytest.raises(AnatomyGuidedError, match="share a label value"):
        mrml.labelmap_from_segmentation_node(node, oblique)


def test_segments_without_a_number_are_left_out(scene, oblique):
    labelmap = _labelmap(oblique)
    node = mrml.add_segmentation(scene, labelmap, SEGMENTS, "organs")
    values = mrml.labelmap_from_segmentation_node(node, oblique, values={"Segment_17": 1}).values
    np.testing.assert_array_equal(values, labelmap.values == 17)


def test_negative_numbers_are_refused(scene, oblique):
    node = mrml.add_segmentation(scene, _labelmap(oblique), SEGMENTS, "organs")
    with pytest.raises(AnatomyGuidedError, match="0 or above"):
        mrml.labelmap_from_segmentation_node(node, oblique, values={"Segment_17": -1})


def test_values_of_no_segment_are_background(scene, oblique):
    labelmap = _labelmap(oblique)
    node = mrml.add_segmentation(scene, labelmap, SEGMENTS[:1], "organs")
    values = mrml.labelmap_from_segmentation_node(node, oblique).values
    np.testing.assert_array_equal(values, np.where(labelmap.values == 3, 3, 0))


def test_a_segmentation_on_another_grid_gives_the_nearest_labels(scene):
    source = Grid((6, 6, 6), AFFINES["oblique and flipped"])
    target = Grid((14, 9, 8), _affine(np.eye(3), (1.1, 1.3, 1.7), (0, -45, 60)))
    labelmap = _labelmap(source)
    node = mrml.add_segmentation(scene, labelmap, SEGMENTS, "organs")
    values = mrml.labelmap_from_segmentation_node(node, target).values
    nearest = np.rint(source.ijk_from_ras(target.ras_from_ijk(np.argwhere(np.ones(target.shape))))).astype(int)
    inside = ((nearest >= 0) & (nearest < source.shape)).all(axis=1)
    expected = np.zeros(len(nearest), np.uint8)
    expected[inside] = labelmap.values[tuple(nearest[inside].T)]
    assert inside.sum() > 50
    np.testing.assert_array_equal(values.ravel(), expected)


def test_an_empty_segmentation_gives_an_empty_label_map(scene, oblique):
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "new")
    assert not mrml.labelmap_from_segmentation_node(node, oblique).values.any()


def test_surfaces_without_voxels_are_refused(scene, oblique):
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "from a printer")
    node.GetSegmentation().SetSourceRepresentationName("Closed surface")
    segment = slicer.vtkSegment()
    segment.AddRepresentation("Closed surface", vtk.vtkPolyData())
    node.GetSegmentation().AddSegment(segment, "knee")
    with pytest.raises(AnatomyGuidedError, match="'from a printer' has no binary label map"):
        mrml.labelmap_from_segmentation_node(node, oblique)


def test_a_segmentation_under_a_transform_is_refused(scene, oblique):
    node = mrml.add_segmentation(scene, _labelmap(oblique), SEGMENTS, "organs")
    turn = vtk.vtkTransform()
    turn.RotateZ(5)
    _move(scene, node, turn)
    with pytest.raises(AnatomyGuidedError, match="'organs' is under the transform"):
        mrml.labelmap_from_segmentation_node(node, oblique)


def test_a_volume_is_no_segmentation(scene, oblique):
    with pytest.raises(AnatomyGuidedError, match="Expected a segmentation node"):
        mrml.labelmap_from_segmentation_node(mrml.add_volume(scene, _volume(oblique), "CT"), oblique)


@pytest.mark.parametrize(("value", "dtype"), [(255, np.uint8), (65535, np.uint16), (70000, np.uint32)])
def test_the_largest_label_of_a_type_comes_back(scene, oblique, value, dtype):
    labelmap = Labelmap((_labelmap(oblique).values > 0).astype(dtype) * dtype(value), oblique)
    node = mrml.add_segmentation(scene, labelmap, [Segment(value, "largest", (1, 2, 3))], "organs")
    np.testing.assert_array_equal(mrml.labelmap_from_segmentation_node(node, oblique).values, labelmap.values)


def test_wide_label_types_are_narrowed_for_slicer(scene, oblique):
    labelmap = Labelmap(_labelmap(oblique).values.astype(np.uint64), oblique)
    node = mrml.add_segmentation(scene, labelmap, SEGMENTS, "organs")
    np.testing.assert_array_equal(mrml.labelmap_from_segmentation_node(node, oblique).values, labelmap.values)


# Tables


def _cells(node, column: str) -> list[str]:
    table = node.GetTable()
    array = table.GetColumnByName(column)
    return [array.GetVariantValue(row).ToString() for row in range(table.GetNumberOfRows())]


ROWS = [
    {"lesion": 1, "volume_ml": 2.5, "structure": "Liver", "note": "first\tline\nsecond"},
    {"lesion": 2**40, "volume_ml": None, "structure": None, "note": True},
]


def test_a_table_keeps_the_order_of_columns_and_rows(scene):
    node = mrml.add_table(scene, "lesions", ["structure", "lesion"], ROWS)
    assert [node.GetTable().GetColumnName(column) for column in range(2)] == ["structure", "lesion"]
    assert _cells(node, "lesion") == ["1", str(2**40)]


def test_numbers_stay_numbers_in_a_table_and_missing_ones_are_nan(scene):
    table = mrml.add_table(scene, "lesions", ["lesion", "volume_ml", "structure"], ROWS).GetTable()
    assert table.GetColumnByName("lesion").IsA("vtkLongLongArray") or table.GetColumnByName("lesion").IsIntegral()
    assert table.GetValueByName(0, "volume_ml").ToDouble() == 2.5
    assert np.isnan(table.GetValueByName(1, "volume_ml").ToDouble())
    assert table.GetValueByName(1, "structure").ToString() == ""


def test_numpy_numbers_are_numbers_in_a_table(scene):
    rows = [{"count": np.int32(4), "dice": np.float32(0.5)}]
    table = mrml.add_table(scene, "scores", ["count", "dice"], rows).GetTable()
    assert (table.GetValueByName(0, "count").ToInt(), table.GetValueByName(0, "dice").ToDouble()) == (4, 0.5)


def test_a_line_break_in_a_cell_becomes_a_space(scene):
    assert _cells(mrml.add_table(scene, "lesions", ["note"], ROWS), "note") == ["first line second", "True"]


def test_a_table_without_rows_has_its_columns(scene):
    node = mrml.add_table(scene, "lesions", ["lesion", "volume_ml"], [])
    assert (node.GetTable().GetNumberOfColumns(), node.GetTable().GetNumberOfRows()) == (2, 0)


# Scenes


@pytest.fixture
def filled_scene(scene, grid, tmp_path):
    write_labelmap(_labelmap(grid), tmp_path / "organs.seg.nrrd", SEGMENTS)
    mrml.add_volume(scene, _volume(grid, "HU"), "CT of the thorax")
    mrml.add_segmentation_file(scene, tmp_path / "organs.seg.nrrd", "organs")
    mrml.add_table(scene, "lesions", ["lesion", "volume_ml", "structure", "note"], ROWS)
    return scene


def _reopened(scene, path: Path):
    mrml.save_scene(scene, path)
    other = mrml.new_scene()
    mrml.load_scene(other, path)
    return other


def test_a_saved_scene_opens_with_the_same_voxels_in_the_same_places(filled_scene, grid, tmp_path):
    scene = _reopened(filled_scene, tmp_path / "case ü.mrb")
    volume = mrml.volume_from_node(scene.GetFirstNodeByName("CT of the thorax"))
    np.testing.assert_array_equal(volume.values, _volume(grid).values)
    _assert_same_places(volume.grid, grid)
    assert volume.unit == "HU"


def test_a_saved_scene_opens_with_the_same_segments(filled_scene, grid, tmp_path):
    node = _reopened(filled_scene, tmp_path / "case.mrb").GetFirstNodeByName("organs")
    _assert_shows(node, SEGMENTS)
    np.testing.assert_array_equal(mrml.labelmap_from_segmentation_node(node, grid).values, _labelmap(grid).values)


def test_a_saved_scene_opens_with_the_same_table(filled_scene, tmp_path):
    table = _reopened(filled_scene, tmp_path / "case.mrb").GetFirstNodeByName("lesions").GetTable()
    cells = [table.GetValueByName(1, column).ToString() for column in ("lesion", "volume_ml", "structure", "note")]
    assert cells == [str(2**40), "nan", "", "True"]
    assert table.GetValueByName(0, "note").ToString() == "first line second"


def test_the_image_in_a_bundle_lies_where_another_library_says(filled_scene, grid, tmp_path):
    sitk = pytest.importorskip("SimpleITK")
    mrml.save_scene(filled_scene, tmp_path / "case.mrb")
    with zipfile.ZipFile(tmp_path / "case.mrb") as bundle:
        name = next(entry for entry in bundle.namelist() if "CT of" in entry)
        (tmp_path / "image.nrrd").write_bytes(bundle.read(name))
    image = sitk.ReadImage(str(tmp_path / "image.nrrd"))
    lps = np.array([image.TransformIndexToPhysicalPoint(ijk) for ijk in ((0, 0, 0), (6, 1, 4))])
    np.testing.assert_allclose(lps * [-1, -1, 1], grid.ras_from_ijk([(0, 0, 0), (6, 1, 4)]), atol=1e-4)
    assert image.GetPixel(6, 1, 4) == _volume(grid).values[6, 1, 4]


def test_a_bundle_holds_no_path_of_the_machine(filled_scene, tmp_path):
    mrml.save_scene(filled_scene, tmp_path / "case.mrb")
    with zipfile.ZipFile(tmp_path / "case.mrb") as bundle:
        text = bundle.read("Scene/Scene.mrml").decode()
    assert str(tmp_path) not in text
    assert str(Path.home()) not in text or len(str(Path.home())) < 3


def test_saving_leaves_the_nodes_own_files_and_no_other_file_behind(scene, tmp_path):
    node = mrml.add_volume(scene, _volume(Grid(SHAPE, np.eye(4))), "CT")
    node.AddDefaultStorageNode()
    node.GetStorageNode().SetFileName("own.nrrd")
    mrml.save_scene(scene, tmp_path / "case.mrb")
    assert node.GetStorageNode().GetFileName() == "own.nrrd"
    assert [path.name for path in tmp_path.iterdir()] == ["case.mrb"]


def test_a_scene_is_saved_as_a_bundle_only(scene, tmp_path):
    with pytest.raises(AnatomyGuidedError, match=r"case\.mrml must end in \.mrb"):
        mrml.save_scene(scene, tmp_path / "case.mrml")


def test_a_scene_cannot_be_saved_where_there_is_no_folder(scene, tmp_path):
    with pytest.raises(AnatomyGuidedError, match=r"case\.mrb could not be written"):
        mrml.save_scene(scene, tmp_path / "nowhere" / "case.mrb")


_FULL_DISK = """
import resource, signal, sys
import numpy as np
from AnatomyGuidedLib import mrml
from AnatomyGuidedLib.grid import Grid, Volume
scene = mrml.new_scene()
for seed in range(2):
    noise = np.random.default_rng(seed).random((40, 40, 40), dtype=np.float32)
    mrml.add_volume(scene, Volume(noise, Grid(noise.shape, np.eye(4))), f"noise {seed}")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    mrml.save_scene(scene, sys.argv[1])
except ValueError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize("limit", [100_000, 300_000], ids=["the image does not fit", "the bundle does not fit"])
def test_a_full_disk_leaves_the_old_bundle(tmp_path, limit):
    pytest.importorskip("resource", reason="file size limits exist on POSIX systems only")
    bundle = tmp_path / "case.mrb"
    bundle.write_bytes(b"old")
    command = [sys.executable, "-c", _FULL_DISK, str(bundle), str(limit)]
    library = str(Path(mrml.__file__).parents[1])
    run = subprocess.run(
        command, env={"PYTHONPATH": library}, capture_output=True, text=True, errors="replace", timeout=120
    )
    assert run.returncode == 1
    assert "case.mrb could not be written" in run.stderr
    assert bundle.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["case.mrb"]


@pytest.mark.parametrize("content", [None, b"no bundle"], ids=["missing", "text"])
def test_a_file_that_is_no_bundle_is_refused(scene, tmp_path, content, capfd):
    path = tmp_path / "case.mrb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AnatomyGuidedError, match=r"case\.mrb cannot be read as a scene"):
        mrml.load_scene(scene, path)
    capfd.readouterr()


def test_saving_and_loading_leave_the_current_folder_as_it_was(scene, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    mrml.save_scene(scene, "case.mrb")
    mrml.load_scene(scene, "case.mrb")
    Path("broken.mrb").write_bytes(b"no bundle")
    with pytest.raises(AnatomyGuidedError):
        mrml.load_scene(scene, "broken.mrb")
    assert Path.cwd() == tmp_path
    capfd.readouterr()


def test_a_scene_without_managers_has_none_afterwards(scene, tmp_path):
    mrml.save_scene(scene, tmp_path / "case.mrb")
    assert scene.GetCacheManager() is None
    assert scene.GetDataIOManager() is None


def test_a_scene_that_has_managers_keeps_them(scene, tmp_path):
    cache, files = slicer.vtkCacheManager(), slicer.vtkDataIOManager()
    cache.SetRemoteCacheDirectory(str(tmp_path))
    files.SetCacheManager(cache)
    scene.SetCacheManager(cache)
    scene.SetDataIOManager(files)
    mrml.save_scene(scene, tmp_path / "case.mrb")
    assert scene.GetCacheManager() is cache
