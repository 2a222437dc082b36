"""The LIMIS module file in the headless host: its own tests and its panel."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

slicer_host = pytest.importorskip("slicer_host", reason="slicer-core and PySide6 are not installed")


@pytest.fixture
def module(host):  # noqa: ARG001 - the host's scene is fresh
    return slicer_host.load_module("LIMISModule")


@pytest.fixture
def patient_nodes(host):
    from AnatomyGuidedLib import mrml
    from AnatomyGuidedLib.io import dap_segments
    from AnatomyGuidedLib.phantom import PatientOptions, make_patient

    patient = make_patient(PatientOptions(spacing_mm=8.0))
    segments = dap_segments(patient.anatomy.values)
    volume = mrml.add_volume(host.scene, patient.ct, "CT")
    return volume, mrml.add_segmentation(host.scene, patient.anatomy, segments, "Anatomy")


def test_the_modules_own_tests_pass(module):
    result = module.run_tests()
    assert result.testsRun > 0
    assert result.wasSuccessful(), result.errors + result.failures


def test_the_panel_runs_sentences_lists_the_steps_and_takes_them_back(module, patient_nodes):
    widget = module.widget()
    ui = widget.ui
    widget._parameterNode.inputVolume, widget._parameterNode.anatomySegmentation = patient_nodes
    ui.sentenceEdit.text = "segment the liver"
    ui.sendButton.click()
    assert "Liver on slice" in ui.statusLabel.text
    assert ui.sentenceEdit.text == ""
    ui.sentenceEdit.text = "make the box one pixel smaller"
    ui.sentenceEdit.returnPressed.emit()
    assert ui.historyList.count == 2
    assert ui.historyList.item(1).text().startswith(">")
    ui.undoButton.click()
    assert ui.historyList.item(0).text().startswith(">")
    ui.keepButton.click()
    assert ui.statusLabel.text == "Step 0 is kept."
    module.close_widget()


@pytest.mark.parametrize(("button", "steps"), [("keepButton", 2), ("revertButton", 1)])
def test_the_default_adaptation_is_an_outline_until_it_is_kept_or_declined(module, patient_nodes, button, steps):
    from AnatomyGuidedLib import mrml

    widget = module.widget()
    widget._parameterNode.inputVolume, widget._parameterNode.anatomySegmentation = patient_nodes
    widget.say("segment the liver")
    logic, scene = widget.logic, widget.logic.resultNode.GetScene()
    preview, offered = logic.nodes.preview, logic.session.offered_mask
    assert [*mrml.segment_names(preview).values()] == ["Liver, default adaptation"]
    assert not preview.GetDisplayNode().GetVisibility2DFill()
    shown = mrml.labelmap_from_segmentation_node(preview, logic.session.image.grid).values
    assert np.count_nonzero(shown) == np.count_nonzero(offered) > 0
    getattr(widget.ui, button).click()
    assert logic.nodes.preview is None
    assert not scene.IsNodePresent(preview)
    assert widget.ui.historyList.count == steps
    result = mrml.labelmap_from_segmentation_node(logic.resultNode, logic.session.image.grid).values
    assert (np.count_nonzero(result) == np.count_nonzero(offered)) == (button == "keepButton")
    module.close_widget()


def test_the_point_that_is_asked_about_is_marked_where_its_hu_is(module, host, patient_nodes):
    import vtk

    logic = module.logic()
    volume, anatomy = patient_nodes
    logic.start(volume, anatomy)
    for sentence in ("segment the liver", "no", "critical points"):
        assert logic.say(sentence).done
    point = [0.0, 0.0, 0.0]
    logic.nodes.asked.GetNthControlPointPosition(0, point)
    hu = float(logic.session.pending.text.split("(")[1].split(" HU")[0])
    matrix = vtk.vtkMatrix4x4()
    volume.GetRASToIJKMatrix(matrix)
    ijk = [round(value) for value in matrix.MultiplyPoint([*point, 1.0])[:3]]
    assert round(volume.GetImageData().GetScalarComponentAsDouble(*ijk, 0)) == hu
    asked = logic.nodes.asked
    logic.say("cancel")
    assert logic.nodes.asked is None
    assert not host.scene.IsNodePresent(asked)


def test_revert_goes_to_the_step_before_where_nothing_is_on_offer_and_stop_takes_the_offer_away(module, patient_nodes):
    widget = module.widget()
    widget._parameterNode.inputVolume, widget._parameterNode.anatomySegmentation = patient_nodes
    for sentence in ("segment the liver", "make the box one pixel smaller"):
        widget.say(sentence)
    widget.ui.revertButton.click()
    assert widget.logic.session.current.number == 0
    widget.say("segment the spleen")
    preview = widget.logic.nodes.preview
    widget.logic.stop()
    assert preview.GetScene() is None
    module.close_widget()


def test_a_sentence_that_is_not_done_stays_in_the_panel_to_be_corrected(module, patient_nodes):
    widget = module.widget()
    widget._parameterNode.inputVolume, widget._parameterNode.anatomySegmentation = patient_nodes
    widget.ui.sentenceEdit.text = "segment the kidney"
    widget.ui.sendButton.click()
    assert widget.ui.statusLabel.text == "Left or right kidney? (left / right)"
    assert widget.ui.sentenceEdit.text == "segment the kidney"
    module.close_widget()


def test_closing_the_scene_ends_the_session(module, host, patient_nodes):
    widget = module.widget()
    widget._parameterNode.inputVolume, widget._parameterNode.anatomySegmentation = patient_nodes
    widget.say("segment the liver")
    host.scene.Clear()
    assert widget.logic.session is None
    assert widget.ui.historyList.count == 0
    module.close_widget()


def test_a_result_that_the_user_deleted_is_made_anew(module, host, patient_nodes):
    logic = module.logic()
    logic.start(*patient_nodes)
    logic.say("segment the liver")
    host.scene.RemoveNode(logic.resultNode)
    assert logic.say("segment the spleen").done
    assert host.scene.IsNodePresent(logic.resultNode)


def test_a_session_of_unsaved_nodes_cannot_be_logged_and_says_so(module, patient_nodes, tmp_path):
    logic = module.logic()
    logic.start(*patient_nodes)
    logic.say("segment the liver")
    with pytest.raises(ValueError, match="has no file; save it first"):
        logic.saveLog(tmp_path / "s.jsonl")
    assert not (tmp_path / "s.jsonl").exists()


def test_the_log_of_a_saved_scene_replays_to_the_mask_that_the_scene_shows(module, host, tmp_path):
    import slicer
    from AnatomyGuidedLib import mrml
    from AnatomyGuidedLib.io import dap_segments, read_anatomy, read_ct, write_labelmap, write_volume
    from AnatomyGuidedLib.phantom import PatientOptions, make_patient
    from LIMISLib.session_log import replay

    patient = make_patient(PatientOptions(spacing_mm=8.0))
    write_volume(patient.ct, tmp_path / "ct.nii.gz")
    write_labelmap(patient.anatomy, tmp_path / "a.seg.nrrd", dap_segments(patient.anatomy.values))
    volume = mrml.add_volume(host.scene, read_ct(tmp_path / "ct.nii.gz"), "CT")
    storage = host.scene.AddNode(slicer.vtkMRMLVolumeArchetypeStorageNode())
    storage.SetFileName(str(tmp_path / "ct.nii.gz"))
    volume.SetAndObserveStorageNodeID(storage.GetID())
    read = read_anatomy(str(tmp_path / "a.seg.nrrd"))
    anatomy = mrml.add_segmentation(host.scene, read, dap_segments(read.values), "Anatomy")
    storage = host.scene.AddNode(slicer.vtkMRMLSegmentationStorageNode())
    storage.SetFileName(str(tmp_path / "a.seg.nrrd"))
    anatomy.SetAndObserveStorageNodeID(storage.GetID())
    logic = module.logic()
    logic.start(volume, anatomy)
    for sentence in ("segment the liver", "make the box 20 percent smaller", "move the box left by one pixel"):
        assert logic.say(sentence).done
    logic.saveLog(tmp_path / "s.jsonl")
    assert json.loads((tmp_path / "s.jsonl").read_text().splitlines()[0])["image"]["path"] == "ct.nii.gz"
    again = replay(tmp_path / "s.jsonl")
    assert again.notes == ()
    shown = mrml.labelmap_from_segmentation_node(logic.resultNode, again.session.image.grid)
    assert np.array_equal(shown.values, again.session.result().values)


def test_from_sentence_to_shown_mask_takes_under_half_a_second_on_a_large_image(module, host):
    from AnatomyGuidedLib import mrml
    from AnatomyGuidedLib.grid import Grid, Labelmap, Volume
    from AnatomyGuidedLib.io import dap_segments
    from AnatomyGuidedLib.labels import id_of

    grid = Grid((512, 512, 120), np.diag([0.8, 0.8, 2.5, 1.0]))
    organ = np.zeros(grid.shape, dtype=np.uint8, order="F")
    organ[150:350, 200:320, 40:80] = id_of("Liver")
    values = np.random.default_rng(0).normal(-90, 15, size=grid.shape).astype(np.float32)
    values[organ > 0] += 150
    volume = mrml.add_volume(host.scene, Volume(values, grid, "HU"), "CT")
    anatomy = mrml.add_segmentation(host.scene, Labelmap(organ, grid), dap_segments(organ), "Anatomy")
    logic = module.logic()
    logic.start(volume, anatomy, force=True)
    logic.say("segment the liver")
    start = time.perf_counter()
    assert logic.say("make the box ten pixels larger").done
    assert time.perf_counter() - start < 0.5


def test_help_slices_and_planes_may_come_before_the_first_mask_and_3d_is_shown_whole(module, patient_nodes):
    from AnatomyGuidedLib import mrml

    logic = module.logic()
    volume, anatomy = patient_nodes
    logic.start(volume, anatomy)
    for sentence in ("help", "history", "slice 3", "sagittal plane"):
        assert logic.say(sentence).done, sentence
    assert logic.resultNode is None
    for sentence in ("segment the liver", "next slice", "propagate"):
        assert logic.say(sentence).done, sentence
    shown = mrml.labelmap_from_segmentation_node(logic.resultNode, logic.session.image.grid).values > 0
    assert np.array_equal(shown, logic.session.result().values > 0)
    assert np.count_nonzero(shown.any(axis=(1, 2))) > 3
