"""The module file on real MRML nodes: its own Test class, its Logic's entrance, and the panel."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("slicer_core", reason="slicer-core is not installed: the module file cannot be loaded")
pytest.importorskip("PySide6", reason="PySide6 is not installed: the panel's stand-in cannot be made")

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Grid, GridMismatch, Labelmap, Volume
from AnatomyGuidedLib.io import numbered_segments
from AnatomyGuidedLib.mrml import add_segmentation, add_volume
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
