"""The module file on real MRML nodes: its own Test class, its Logic's entrance, and the panel."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("slicer_core", reason="slicer-core is not installed: the module file cannot be loaded")
pytest.importorskip("PySide6", reason="PySide6 is not installed: the panel's stand-in cannot be made")

from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled
from AnatomyGuidedLib.grid import Grid, GridMismatch, Labelmap, Volume
from AnatomyGuidedLib.io import numbered_segments
from AnatomyGuidedLib.mrml import add_segmentation, add_volume, labelmap_from_segmentation_node
from CCMetricsLib.evaluate import EvaluationParameters
from PySide6 import QtCore
from slicer_host import HostFault, load_module, start

GRID = Grid((12, 4, 3), np.array([[0, 2.0, 0, 5], [-1.5, 0, 0, 7], [0, 0, 3.0, -2], [0, 0, 0, 1.0]]))


@pytest.fixture
def module(host):  # noqa: ARG001 - it brings an empty scene, and fails on what VTK, slots and observers complain about
    """The loaded module."""
    loaded = load_module("CCMetrics")
    yield loaded
    loaded.close_widget()


def lesions(*boxes: tuple[slice, slice, slice]) -> np.ndarray:
    values = np.zeros(GRID.shape, np.uint8)
    for number, box in enumerate(boxes, start=1):
        values[box] = number
    return values


LARGE, SMALL = np.s_[0:4, 0:2, 0:2], np.s_[9:11, 2:3, 1:2]


def segmentation(values: np.ndarray, name: str, grid: Grid = GRID):
    segments = numbered_segments(int(values.max()), name, (10, 20, 30))
    return add_segmentation(start().scene, Labelmap(values, grid), segments, name)


def tables() -> int:
    return start().scene.GetNumberOfNodesByClass("vtkMRMLTableNode")


def segmentations() -> set[str]:
    scene = start().scene
    kind = "vtkMRMLSegmentationNode"
    return {scene.GetNthNodeByClass(n, kind).GetName() for n in range(scene.GetNumberOfNodesByClass(kind))}


def test_the_modules_own_tests_pass(module) -> None:
    result = module.run_tests()
    assert result.wasSuccessful(), result.errors + result.failures


def test_the_panels_defaults_are_the_librarys(module) -> None:
    node, defaults = module.logic().getParameterNode(), EvaluationParameters()
    assert (node.distance, node.connectivity, node.referenceIsNumbered) == (
        defaults.distance,
        defaults.connectivity,
        defaults.instances == "reference",
    )


def test_the_button_shows_scores_and_the_table(module) -> None:
    reference = segmentation(lesions(LARGE, SMALL), "Reference")
    prediction = segmentation(lesions(LARGE), "Prediction")
    panel = module.widget()
    assert not panel.ui.cancelButton.enabled
    panel.ui.referenceSelector.setCurrentNode(reference)
    panel.ui.predictionSelector.setCurrentNode(prediction)
    panel.ui.applyButton.click()
    assert panel.ui.statusLabel.text == "Done."
    assert "1 of 2" in panel.ui.summaryLabel.text
    assert panel.ui.lesionTable.mrmlTableNode().GetTable().GetValueByName(1, "missed").ToInt() == 1
    assert not panel.ui.resultsCollapsibleButton.collapsed
    assert (panel.ui.applyButton.enabled, panel.ui.cancelButton.enabled) == (True, False)


def test_cancel_stops_and_leaves_no_table(module) -> None:
    panel = module.widget()
    panel.ui.referenceSelector.setCurrentNode(segmentation(lesions(LARGE), "Reference"))
    panel.ui.predictionSelector.setCurrentNode(segmentation(lesions(LARGE), "Prediction"))
    QtCore.QTimer.singleShot(0, panel.ui.cancelButton.click)  # pressed while the first step runs
    panel.ui.applyButton.click()
    assert panel.ui.statusLabel.text == "Stopped; nothing was changed."
    assert tables() == 0


def test_closing_the_scene_empties_the_panel(module) -> None:
    panel = module.widget()
    panel.ui.referenceSelector.setCurrentNode(segmentation(lesions(LARGE), "Reference"))
    panel.ui.predictionSelector.setCurrentNode(segmentation(lesions(LARGE), "Prediction"))
    panel.ui.applyButton.click()
    start().scene.Clear(0)
    assert panel.ui.summaryLabel.text == ""
    assert panel.ui.lesionTable.mrmlTableNode() is None
    assert panel.ui.resultsCollapsibleButton.collapsed


def test_the_panel_adds_coloured_lesions_and_regions_when_ticked(module) -> None:
    panel = module.widget()
    panel.ui.referenceSelector.setCurrentNode(segmentation(lesions(LARGE, SMALL), "Reference"))
    panel.ui.predictionSelector.setCurrentNode(segmentation(lesions(LARGE), "Prediction"))
    panel.ui.applyButton.click()
    assert segmentations() == {"Reference", "Prediction"}
    panel.ui.scoreColorsCheckBox.checked = True
    panel.ui.regionMapCheckBox.checked = True
    panel.ui.applyButton.click()
    assert segmentations() == {"Reference", "Prediction", "Reference by Dice", "Regions of Reference"}


def test_lesions_are_coloured_by_dice_and_lie_where_they_lay(module) -> None:
    reference = segmentation(lesions(LARGE, SMALL), "Reference")
    result = module.logic().evaluate(reference, segmentation(lesions(LARGE), "Prediction"), scoreColors=True)
    assert result.regionNode is None
    found, missed = (result.scoreNode.GetSegmentation().GetNthSegment(index) for index in range(2))
    assert [found.GetName(), missed.GetName()] == ["Lesion 1: Dice 1.00", "Lesion 2: missed"]
    np.testing.assert_allclose(
        [found.GetColor(), missed.GetColor()], [(0, 158 / 255, 115 / 255), (213 / 255, 94 / 255, 0)]
    )
    shown = labelmap_from_segmentation_node(result.scoreNode, GRID)
    np.testing.assert_array_equal(shown.values, lesions(LARGE, SMALL))


def test_regions_are_those_of_the_nearest_lesion_in_mm(module) -> None:
    reference = segmentation(lesions(LARGE, SMALL), "Reference")
    result = module.logic().evaluate(reference, segmentation(lesions(LARGE), "Prediction"), regionMap=True)
    shown = labelmap_from_segmentation_node(result.regionNode, GRID).values
    voxels = np.argwhere(np.ones(GRID.shape, bool)) * GRID.spacing_mm
    nearest = [
        np.linalg.norm(voxels[:, None] - np.argwhere(lesions(box)) * GRID.spacing_mm, axis=2).min(axis=1)
        for box in (LARGE, SMALL)
    ]
    expected = np.where(nearest[1] < nearest[0] - 1e-9, 2, 1).reshape(GRID.shape)
    np.testing.assert_array_equal(shown, expected)


def test_table_and_segmentations_are_undone_in_one_step(module) -> None:
    scene = start().scene
    nodes = segmentation(lesions(LARGE, SMALL), "Reference"), segmentation(lesions(LARGE), "Prediction")
    scene.SetUndoOn()
    try:
        before = scene.GetNumberOfUndoLevels()
        module.logic().evaluate(*nodes, scoreColors=True, regionMap=True)
        assert scene.GetNumberOfUndoLevels() == before + 1
        scene.Undo()
        assert (tables(), segmentations()) == (0, {"Reference", "Prediction"})
        assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationDisplayNode") == 2
    finally:
        scene.SetUndoOff()
        scene.ClearUndoStack()


def test_results_of_two_runs_have_names_of_their_own(module) -> None:
    nodes = segmentation(lesions(LARGE, SMALL), "Reference"), segmentation(lesions(LARGE), "Prediction")
    for _ in range(2):
        module.logic().evaluate(*nodes, scoreColors=True, regionMap=True)
    assert len(segmentations()) == 6


def test_without_a_lesion_the_maps_are_empty(module) -> None:
    empty = start().scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Reference")
    result = module.logic().evaluate(
        empty, segmentation(lesions(LARGE), "Prediction"), scoreColors=True, regionMap=True
    )
    for node in (result.scoreNode, result.regionNode):
        assert node.GetSegmentation().GetNumberOfSegments() == 0


def test_stopping_while_the_maps_are_made_leaves_the_scene_as_it_was(module) -> None:
    nodes = segmentation(lesions(LARGE, SMALL), "Reference"), segmentation(lesions(LARGE), "Prediction")
    seen: list[str] = []
    options = {"scoreColors": True, "regionMap": True, "progress": lambda _, text: seen.append(text)}
    with pytest.raises(Cancelled):
        module.logic().evaluate(*nodes, cancelled=lambda: "Making the maps" in seen, **options)
    assert (tables(), segmentations()) == (0, {"Reference", "Prediction"})


def test_without_nodes_the_panel_asks_for_them(module, host) -> None:
    panel = module.widget()
    panel.ui.applyButton.click()
    with pytest.raises(HostFault, match="choose both nodes"):  # under test Slicer raises what it would show
        host.check()
    assert panel.ui.statusLabel.text == "Not done; see the message."
    with pytest.raises(AnatomyGuidedError, match="choose both nodes"):
        module.logic().evaluate(None, None)


def test_touching_segments_of_a_numbered_reference_are_kept_apart(module) -> None:
    halves = lesions(np.s_[0:2, 0:2, 0:2], np.s_[2:4, 0:2, 0:2])
    reference = segmentation(halves, "Reference")
    prediction = segmentation(lesions(np.s_[0:2, 0:2, 0:2]), "Prediction")
    logic = module.logic()
    assert len(logic.evaluate(reference, prediction).evaluation.components) == 1
    numbered = logic.evaluate(reference, prediction, EvaluationParameters(instances="reference")).evaluation
    assert [row.dice.value for row in numbered.components] == [1.0, 0.0]


def test_an_empty_prediction_misses_every_lesion(module) -> None:
    reference = segmentation(lesions(LARGE, SMALL), "Reference")
    empty = start().scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Prediction")
    evaluation = module.logic().evaluate(reference, empty).evaluation
    assert (evaluation.missed, evaluation.cc_dice.value) == (2, 0.0)


def test_two_empty_segmentations_are_refused(module) -> None:
    nodes = [start().scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name) for name in ("a", "b")]
    with pytest.raises(AnatomyGuidedError, match="both empty"):
        module.logic().evaluate(*nodes)


def test_segmentations_on_other_voxels_are_refused_and_not_resampled(module) -> None:
    reference = segmentation(lesions(LARGE), "Reference")
    affine = np.array(GRID.affine)
    affine[0, 3] += 0.7
    shifted = segmentation(lesions(LARGE), "Prediction", Grid(GRID.shape, affine))
    with pytest.raises(GridMismatch, match="same places"):
        module.logic().evaluate(reference, shifted)
    assert tables() == 0


def test_an_image_is_no_reference(module) -> None:
    image = add_volume(start().scene, Volume(np.full(GRID.shape, 0.5, np.float32), GRID), "CT")
    prediction = segmentation(lesions(LARGE), "Prediction")
    with pytest.raises(AnatomyGuidedError, match="whole numbers"):
        module.logic().evaluate(image, prediction)
