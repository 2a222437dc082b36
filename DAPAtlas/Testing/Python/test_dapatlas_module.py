"""The module file in the headless host: its own tests, its panel, and what a user sees when something is wrong."""

from __future__ import annotations

import sys

import pytest

slicer_host = pytest.importorskip("slicer_host", reason="slicer-core and PySide6 are not installed")


@pytest.fixture
def module(host):  # noqa: ARG001 - the host's scene is fresh
    return slicer_host.load_module("DAPAtlas")


def test_the_modules_own_tests_pass(module):
    result = module.run_tests()
    assert result.testsRun > 0
    assert result.wasSuccessful(), result.errors + result.failures


def test_the_panel_makes_a_segmentation_of_the_chosen_ct_and_says_done(module, host):
    from AnatomyGuidedLib import mrml
    from AnatomyGuidedLib.phantom import PatientOptions, make_patient

    node = mrml.add_volume(host.scene, make_patient(PatientOptions(spacing_mm=8.0)).ct, "CT")
    widget = module.widget()
    widget._parameterNode.inputVolume = node
    widget.ui.applyButton.click()
    assert widget.ui.statusLabel.text == "Done."
    assert host.scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1
    assert widget.ui.applyButton.enabled
    assert not widget.ui.cancelButton.enabled
    module.close_widget()


def test_cancel_leaves_the_scene_as_it_was_and_says_stopped(module, host):
    from AnatomyGuidedLib import mrml
    from AnatomyGuidedLib.phantom import PatientOptions, make_patient

    node = mrml.add_volume(host.scene, make_patient(PatientOptions(spacing_mm=8.0)).ct, "CT")
    widget = module.widget()
    widget._parameterNode.inputVolume = node
    before = host.scene.GetNumberOfNodes()
    widget._processEvents = widget.onCancel
    widget.ui.applyButton.click()
    assert widget.ui.statusLabel.text == "Stopped; nothing was changed."
    assert host.scene.GetNumberOfNodes() == before
    module.close_widget()


def test_apply_without_a_ct_tells_the_user_to_choose_one(module, host):
    widget = module.widget()
    with host.showing_dialogs(), pytest.raises(Exception, match="choose a volume first"):
        widget.onApply()
    assert widget.ui.applyButton.enabled
    module.close_widget()


def test_a_result_is_undone_in_one_step(module, host):
    from AnatomyGuidedLib import mrml
    from AnatomyGuidedLib.phantom import PatientOptions, make_patient
    from AnatomyGuidedLib.runner import run_in_process

    node = mrml.add_volume(host.scene, make_patient(PatientOptions(spacing_mm=8.0)).ct, "CT")
    host.scene.SetUndoOn()
    try:
        module.logic().segment(node, runner=run_in_process)
        host.scene.Undo()
        assert host.scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
        assert host.scene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 0
        assert host.scene.GetFirstNodeByName("CT") is not None
    finally:
        host.scene.SetUndoOff()
        host.scene.ClearUndoStack()


@pytest.fixture
def swapped(module, host):
    """The panel with a CT and a segmentation of it in which the left kidney carries the right one's name."""
    import numpy as np
    from AnatomyGuidedLib import mrml
    from AnatomyGuidedLib.grid import Labelmap
    from AnatomyGuidedLib.io import dap_segments
    from AnatomyGuidedLib.labels import id_of
    from AnatomyGuidedLib.phantom import PatientOptions, make_patient

    patient = make_patient(PatientOptions(spacing_mm=6.0))
    values = np.where(
        patient.anatomy.values == id_of("Kidney Left"), id_of("Kidney Right"), patient.anatomy.values
    ).astype(np.uint8)
    present = [label for label in np.unique(values).tolist() if label]
    widget = module.widget()
    widget._parameterNode.inputVolume = mrml.add_volume(host.scene, patient.ct, "CT")
    widget._parameterNode.segmentation = mrml.add_segmentation(
        host.scene, Labelmap(values, patient.anatomy.grid), dap_segments(present), "Organs"
    )
    yield widget
    module.close_widget()


def doubts_of(widget) -> list[str]:
    return [widget.ui.doubtsList.item(row).text() for row in range(widget.ui.doubtsList.count)]


def rules_of(widget) -> list[str]:
    return [widget.ui.rulesList.item(row).text() for row in range(widget.ui.rulesList.count)]


def test_a_doubt_is_listed_and_a_click_shows_its_place_in_all_views(swapped, host):
    import numpy as np
    import slicer

    assert doubts_of(swapped) == []
    swapped.ui.judgeButton.click()
    assert swapped.ui.statusLabel.text == "Done."
    row = next(row for row, text in enumerate(doubts_of(swapped)) if text.startswith("fail: Kidney Right"))
    table = host.scene.GetFirstNodeByName("Organs plausibility")
    place = swapped._doubts[row][1]
    assert np.abs(place).max() < 1000
    assert table.GetTable().GetNumberOfColumns() == 7
    view = host.scene.AddNewNodeByClass("vtkMRMLSliceNode", "Red")
    assert isinstance(view, slicer.vtkMRMLSliceNode)
    view.SetOrientationToAxial()
    swapped.ui.doubtsList.setCurrentRow(row)
    assert view.GetSliceToRAS().GetElement(2, 3) == pytest.approx(place[2], abs=1e-3)


def test_a_segmentation_is_repaired_and_one_rule_taken_back(swapped, host):
    from AnatomyGuidedLib import mrml

    assert not swapped.ui.undoRuleButton.enabled
    swapped.ui.repairButton.click()
    assert swapped.ui.statusLabel.text == "Done."
    repaired = swapped._parameterNode.segmentation
    assert repaired.GetName() == "Organs repaired"
    assert "Kidney Left" in mrml.segment_names(repaired).values()
    assert any(text.startswith("left-right: applied") for text in rules_of(swapped))
    assert not any("Kidney Right" in text for text in doubts_of(swapped))
    assert swapped.ui.ruleBox.currentText == "left-right"
    swapped.ui.undoRuleButton.click()
    again = swapped._parameterNode.segmentation
    assert again.GetName() == "Organs repaired"
    assert "Kidney Left" not in mrml.segment_names(again).values()
    assert any(text.startswith("left-right: undone") for text in rules_of(swapped))
    assert host.scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 2
    assert host.scene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 1
    assert "left-right" not in [swapped.ui.ruleBox.itemText(row) for row in range(swapped.ui.ruleBox.count)]


def test_choosing_another_segmentation_shows_its_own_doubts(swapped):
    given = swapped._parameterNode.segmentation
    swapped.ui.judgeButton.click()
    told = doubts_of(swapped)
    assert told
    swapped._parameterNode.segmentation = None
    assert doubts_of(swapped) == []
    swapped._parameterNode.segmentation = given
    assert doubts_of(swapped) == told


def test_a_closed_scene_empties_the_panel(swapped, host):
    swapped.ui.repairButton.click()
    host.scene.Clear(0)
    assert (doubts_of(swapped), rules_of(swapped)) == ([], [])
    assert not swapped.ui.undoRuleButton.enabled


def test_the_panels_choices_are_the_libs_parameters(module, host):  # noqa: ARG001
    widget = module.widget()
    node = widget._parameterNode
    widget.ui.ageBox.value = 61
    widget.ui.aggregationBox.currentText = "staple"
    atlas_parameters = sys.modules[type(widget).__module__].atlas_parameters
    parameters = atlas_parameters(node)
    assert (parameters.age, parameters.aggregation, parameters.sex) == (61, "staple", None)
    widget.ui.ageBox.value = -1
    assert atlas_parameters(node).age is None
    module.close_widget()


def test_while_a_job_runs_no_other_can_be_started(swapped):
    seen = []
    swapped._processEvents = lambda: seen.append(swapped.ui.resultButton.enabled)
    swapped.ui.judgeButton.click()
    assert seen
    assert not any(seen)
    assert swapped.ui.resultButton.enabled


def test_undoing_what_was_deleted_meanwhile_ends_in_a_sentence(swapped, host):
    given = swapped._parameterNode.segmentation
    swapped.ui.repairButton.click()
    host.scene.RemoveNode(given)
    with host.showing_dialogs(), pytest.raises(Exception, match="no longer in the scene"):
        swapped.onUndoRule()
    assert host.scene.GetFirstNodeByName("Organs repaired") is not None
