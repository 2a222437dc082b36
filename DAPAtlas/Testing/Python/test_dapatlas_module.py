"""The module file in the headless host: its own tests, its panel, and what a user sees when something is wrong."""

from __future__ import annotations

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
