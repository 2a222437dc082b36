"""The PathologySeg module file in the headless host: its own tests and its panel."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from testing_data import dicom_slices, pet_tags, save_dicom

slicer_host = pytest.importorskip("slicer_host", reason="slicer-core and PySide6 are not installed")


@pytest.fixture
def module(host):  # noqa: ARG001 - the host's scene is fresh
    return slicer_host.load_module("PathologySeg")


def test_the_modules_own_tests_pass(module):
    result = module.run_tests()
    assert result.testsRun > 0
    assert result.wasSuccessful(), result.errors + result.failures


def test_the_panel_reads_the_chosen_pet_and_lists_the_lesions(module, host):
    from AnatomyGuidedLib import mrml
    from AnatomyGuidedLib.phantom import PatientOptions, make_patient

    patient = make_patient(PatientOptions(spacing_mm=8.0, lesions=2))
    widget = module.widget()
    widget._parameterNode.ctVolume = mrml.add_volume(host.scene, patient.ct, "CT")
    widget._parameterNode.petVolume = mrml.add_volume(host.scene, patient.pet, "PET")
    widget._parameterNode.reading = "suv41"
    widget.ui.applyButton.click()
    rows = mrml.table_rows(host.scene.GetFirstNodeByClass("vtkMRMLTableNode"))
    volume_ml, glycolysis = (sum(float(row[column]) for row in rows) for column in ("volume_ml", "tlg"))
    shown = widget.ui.statusLabel.text
    assert shown.startswith(f"{len(rows)} lesions, {volume_ml:g} ml in all, total lesion glycolysis {glycolysis:.6g}. ")
    assert "A threshold reading is a baseline" in shown
    selection = module.python.slicer.app.applicationLogic().GetSelectionNode()
    assert selection.GetActiveTableID() == host.scene.GetFirstNodeByClass("vtkMRMLTableNode").GetID()
    for kind in ("vtkMRMLTableNode", "vtkMRMLSegmentationNode"):
        assert host.scene.GetFirstNodeByClass(kind).GetDescription() == shown
    module.close_widget()


def test_the_panel_says_what_the_command_line_notes_and_what_it_left_out_of_the_anatomy(module, study):
    _patient, nodes, segmentation = study
    widget = module.widget()
    node = widget._parameterNode
    node.ctVolume, node.petVolume = nodes
    node.anatomySegmentation = segmentation(lambda name: name if name in ("Liver", "Spleen") else f"my {name}")
    widget.ui.applyButton.click()
    shown = widget.ui.statusLabel.text
    assert "Not taken as anatomy, since their names are unknown: my " in shown
    assert "holds no organ with physiological uptake" in shown
    assert "SCHEME" not in shown
    module.close_widget()


def test_a_result_is_undone_in_one_step_where_slicers_undo_is_on(module, study, host):
    """MRML's own default, and so Slicer's, is off: then no scene keeps states, whoever asks it to."""
    from AnatomyGuidedLib.runner import run_in_process

    _patient, nodes, _segmentation = study

    def results():
        kinds = ("vtkMRMLSegmentationNode", "vtkMRMLTableNode", "vtkMRMLSegmentationDisplayNode")
        return [host.scene.GetNumberOfNodesByClass(kind) for kind in kinds]

    module.logic().findLesions(*nodes, runner=run_in_process)
    assert (host.scene.GetUndoFlag(), host.scene.GetNumberOfUndoLevels()) == (False, 0)
    host.scene.SetUndoOn()
    try:
        for _ in range(2):
            module.logic().findLesions(*nodes, runner=run_in_process)
        assert results() == [3, 3, 3]
        host.scene.Undo()
        assert results() == [2, 2, 2]
        host.scene.Undo()
        assert results() == [1, 1, 1]
        assert host.scene.GetFirstNodeByName("PET") is nodes[1]
    finally:
        host.scene.SetUndoOff()
        host.scene.ClearUndoStack()


def test_results_are_called_after_their_reading_and_no_two_alike(module, study, host):
    from AnatomyGuidedLib.runner import run_in_process
    from PathologySegLib.parameters import LesionParameters

    _patient, nodes, _segmentation = study
    for parameters in (None, LesionParameters("suv41"), LesionParameters("suv4", 2.5), None, None):
        module.logic().findLesions(*nodes, parameters, runner=run_in_process)
    named = [
        [host.scene.GetNthNodeByClass(place, kind).GetName() for place in range(5)]
        for kind in ("vtkMRMLSegmentationNode", "vtkMRMLTableNode")
    ]
    assert named[0] == named[1]
    assert named[0][:3] == ["PET lesions (suv4)", "PET lesions (suv41)", "PET lesions (suv4 from SUV 2.5)"]
    assert len(set(named[0])) == 5
    assert all(name.startswith("PET lesions (suv4)") for name in named[0][3:])


def test_percist_asks_the_panels_user_for_an_anatomy(module, study):
    from AnatomyGuidedLib.errors import NotEvaluable
    from PathologySegLib.parameters import LesionParameters

    with pytest.raises(NotEvaluable, match=r"^not evaluable: no liver, since .* choose an Anatomy"):
        module.logic().findLesions(*study[1], LesionParameters("percist"))


def test_a_failed_run_and_one_without_lesions_say_so(module, study, host):
    _patient, nodes, _segmentation = study
    widget = module.widget()
    node = widget._parameterNode
    node.ctVolume, node.petVolume = nodes
    node.thresholdSuv = 50.0
    widget.ui.applyButton.click()
    assert widget.ui.statusLabel.text.startswith("0 lesions. ")
    node.petVolume = None
    with pytest.raises(Exception, match="choose both volumes"), host.showing_dialogs():
        widget.onApply()
    assert widget.ui.statusLabel.text == "Not done; see the message."
    module.close_widget()


@pytest.fixture
def study(host):
    """A made patient, its CT and PET as nodes, and a function that adds its anatomy with names of one's own."""
    from AnatomyGuidedLib import mrml
    from AnatomyGuidedLib.phantom import PatientOptions, make_patient
    from AnatomyGuidedLib.segments import Segment, dap_segments

    patient = make_patient(PatientOptions(spacing_mm=8.0, lesions=2))
    nodes = [mrml.add_volume(host.scene, volume, name) for volume, name in ((patient.ct, "CT"), (patient.pet, "PET"))]

    def segmentation(rename=str, *, coded=False):
        segments = [
            Segment(one.value, rename(one.name), one.color, one.terminology if coded else "")
            for one in dap_segments(patient.anatomy.values)
        ]
        return mrml.add_segmentation(host.scene, patient.anatomy, segments, "Organs")

    return patient, nodes, segmentation


def _bladder_is_lesion(patient, node):
    from AnatomyGuidedLib import mrml
    from AnatomyGuidedLib.labels import id_of

    found = mrml.labelmap_from_segmentation_node(node, patient.pet.grid).values > 0
    return bool((found & (patient.anatomy.values == id_of("Bladder"))).any())


_SUFFIXED = {"Bladder": "urinary_bladder", "Kidney Left": "kidney_left", "Kidney Right": "kidney_right"}


@pytest.mark.parametrize(
    ("rename", "coded"),
    [
        (str, False),
        (str.upper, False),
        (lambda name: _SUFFIXED.get(name, name.lower().replace(" ", "_")), False),  # TotalSegmentator's
        (lambda name: f"Organ {len(name)} {name[::-1]}", True),  # only the codes tell
    ],
)
def test_an_anatomy_is_known_by_its_segments_names_or_codes(module, study, rename, coded):
    from AnatomyGuidedLib.runner import run_in_process

    patient, nodes, segmentation = study
    organs = segmentation(rename, coded=coded)
    assert _bladder_is_lesion(patient, module.logic().findLesions(*nodes, runner=run_in_process))
    node = module.logic().findLesions(*nodes, anatomyNode=organs, runner=run_in_process)
    assert not _bladder_is_lesion(patient, node)


def test_an_anatomy_whose_segments_nobody_knows_is_refused_by_their_names(module, study, host):
    from AnatomyGuidedLib.errors import AnatomyGuidedError
    from AnatomyGuidedLib.runner import run_in_process

    _patient, nodes, segmentation = study
    organs = segmentation(lambda name: f"my {name}")
    before = host.scene.GetNumberOfNodes()
    with pytest.raises(AnatomyGuidedError, match=r"no segment with a name .* \(it has my .* more\); rename"):
        module.logic().findLesions(*nodes, anatomyNode=organs, runner=run_in_process)
    assert host.scene.GetNumberOfNodes() == before


def test_an_anatomy_of_another_place_is_refused(module, study, host):
    from AnatomyGuidedLib import mrml
    from AnatomyGuidedLib.errors import AnatomyGuidedError
    from AnatomyGuidedLib.grid import Grid, Labelmap
    from AnatomyGuidedLib.runner import run_in_process
    from AnatomyGuidedLib.segments import dap_segments

    patient, nodes, _segmentation = study
    affine = patient.anatomy.grid.affine.copy()
    affine[0, 3] += 5000.0
    moved = Labelmap(patient.anatomy.values, Grid(patient.anatomy.grid.shape, affine))
    organs = mrml.add_segmentation(host.scene, moved, dap_segments(moved.values), "Organs")
    with pytest.raises(AnatomyGuidedError, match="no voxel within the CT"):
        module.logic().findLesions(*nodes, anatomyNode=organs, runner=run_in_process)


def test_the_panels_choices_become_the_libs_parameters(module, host):  # noqa: ARG001 - the host's scene is fresh
    widget = module.widget()
    node = widget._parameterNode
    node.reading, node.thresholdSuv, node.oneSegment = "suv41", 3.5, True
    parameters = module.python.lesion_parameters(node)
    assert (parameters.reading, parameters.threshold_suv, parameters.segments) == ("suv41", 3.5, "one")
    node.modelFolder = Path("/models/Dataset900")
    parameters = module.python.lesion_parameters(node)
    assert (Path(parameters.reading), parameters.threshold_suv) == (node.modelFolder, None)
    assert parameters.is_model
    module.close_widget()


def test_an_anatomy_model_predicts_what_no_segmentation_gives(module, study, host):
    pytest.importorskip("torch", reason="torch is not installed")
    from AnatomyGuidedLib import mrml
    from AnatomyGuidedLib.errors import AnatomyGuidedError

    _patient, nodes, segmentation = study
    widget = module.widget()
    node = widget._parameterNode
    node.ctVolume, node.petVolume = nodes
    node.anatomyModel = "dap-demo"
    parameters = module.python.lesion_parameters(node)
    assert parameters.model.anatomy_model == "dap-demo"
    node.anatomyModel = "none"
    assert module.python.lesion_parameters(node).model.anatomy_model is None
    node.anatomyModel = "dap-demo"
    widget.ui.applyButton.click()
    rows = mrml.table_rows(host.scene.GetFirstNodeByClass("vtkMRMLTableNode"))
    assert rows
    assert all(row["nearest_structure"] for row in rows)  # empty without an anatomy
    node.anatomySegmentation = segmentation()
    with pytest.raises(AnatomyGuidedError, match="choose one of them"):
        module.logic().findLesions(*nodes, parameters, anatomyNode=node.anatomySegmentation)
    module.close_widget()


def test_a_model_folder_greys_the_reading_that_it_replaces(module, host):  # noqa: ARG001 - the host's scene is fresh
    ui = module.widget().ui
    assert ui.readingBox.enabled
    assert ui.thresholdBox.enabled
    ui.readingBox.currentText = "percist"
    assert ui.readingBox.enabled
    assert not ui.thresholdBox.enabled
    ui.readingBox.currentText = "suv41"
    assert ui.thresholdBox.enabled
    ui.modelFolderEdit.currentPath = "/models/Dataset900"
    assert not ui.readingBox.enabled
    assert not ui.thresholdBox.enabled
    module.close_widget()
    ui = module.widget().ui
    assert not ui.readingBox.enabled
    ui.modelFolderEdit.currentPath = ""
    assert ui.readingBox.enabled
    assert ui.thresholdBox.enabled
    module.close_widget()


def test_a_model_that_came_into_the_store_is_listed_when_the_panel_is_entered_again(
    module,
    host,  # noqa: ARG001 - the host's scene is fresh
    tmp_path,
    monkeypatch,
):
    from AnatomyGuidedLib.models import find_model

    monkeypatch.setenv("ANATOMYGUIDED_MODELS", str(tmp_path))
    widget = module.widget()

    def listed():
        box = widget.ui.readingBox
        return {box.itemText(place) for place in range(box.count)}

    assert {"suv4", "suv41", "percist", "grasp-demo"} <= listed()
    assert "my-lesions" not in listed()
    shutil.copytree(find_model("grasp-demo").folder, tmp_path / "my-lesions")
    shutil.copytree(find_model("dap-demo").folder, tmp_path / "my-atlas")
    widget.exit()
    widget.enter()
    assert "my-lesions" in listed()
    node = widget._parameterNode
    node.reading, node.anatomyModel = "my-lesions", "my-atlas"
    widget.exit()
    for name in ("my-lesions", "my-atlas"):
        shutil.rmtree(tmp_path / name)
    widget.enter()
    assert "my-lesions" not in listed()
    node = widget._parameterNode
    assert (node.reading, node.anatomyModel) == ("suv4", "none")
    module.close_widget()


def test_the_logic_runs_a_model_of_a_folder(module, host, tmp_path):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from AnatomyGuidedLib import mrml
    from AnatomyGuidedLib.inference.windows import Window
    from AnatomyGuidedLib.networks.build import build_network
    from AnatomyGuidedLib.phantom import PatientOptions, make_patient
    from AnatomyGuidedLib.runner import run_in_process
    from PathologySegLib.network_finder import lesion_preparation, write_lesion_model
    from PathologySegLib.parameters import LesionParameters
    from PathologySegLib.petct.presets import GRASP

    shape = {"features": [4, 4], "kernels": [[3, 3, 3]] * 2, "strides": [[1, 1, 1], [2, 2, 2]]}
    shape |= {"channels": 2, "classes": 2, "encoder_blocks": [1, 1], "decoder_blocks": [1]}
    entry = {"architecture": "unet", "arguments": shape}
    network = build_network(entry)
    head = [part for part in network.modules() if getattr(part, "out_channels", 0) == 2][-1]
    with torch.no_grad():  # everything is a lesion
        head.weight.zero_()
        head.bias.copy_(torch.tensor([0.0, 1.0]))
    write_lesion_model(
        tmp_path / "tiny", [network], network=entry, window=Window((32, 32, 32)), preset=GRASP,
        preparation=lesion_preparation(GRASP, "none", (16.0, 16.0, 16.0)), anatomy="none", licence="made by a test",
    )  # fmt: skip
    patient = make_patient(PatientOptions(spacing_mm=8.0, lesions=2))
    ctNode, petNode = (mrml.add_volume(host.scene, volume, "V") for volume in (patient.ct, patient.pet))
    parameters = LesionParameters(str(tmp_path / "tiny"), segments="one")
    node = module.logic().findLesions(ctNode, petNode, parameters, runner=run_in_process)
    assert node.GetSegmentation().GetNumberOfSegments() == 1
    assert node.GetName() == "V lesions (tiny)"
    (row,) = mrml.table_rows(host.scene.GetFirstNodeByClass("vtkMRMLTableNode"))
    assert float(row["suv_max"]) == pytest.approx(float(patient.pet.values.max()), abs=1e-3)


def test_a_pet_that_slicer_loaded_from_dicom_is_read_in_suv(module, host, tmp_path):
    """As Slicer's DICOM module leaves it: activity in the voxels, the slices' UIDs in an attribute."""
    from AnatomyGuidedLib import mrml
    from AnatomyGuidedLib.errors import AnatomyGuidedError
    from AnatomyGuidedLib.grid import Volume
    from AnatomyGuidedLib.phantom import PatientOptions, make_patient
    from AnatomyGuidedLib.runner import run_in_process

    patient = make_patient(PatientOptions(spacing_mm=8.0, lesions=2))
    slices = dicom_slices(np.ones((4, 4, 3), np.int16), **pet_tags())
    save_dicom(tmp_path, slices, names=["0.dcm", "1.dcm", "2.dcm"])
    factor = 70_000 / (350e6 * 2**-0.6)
    activity = Volume(patient.pet.values / np.float32(factor), patient.pet.grid)
    ctNode, suvNode = (mrml.add_volume(host.scene, volume, "V") for volume in (patient.ct, patient.pet))
    petNode = mrml.add_volume(host.scene, activity, "Activity")
    with pytest.raises(AnatomyGuidedError, match=r"Activity was taken for no PET in SUVbw.*Bq/ml"):
        module.logic().findLesions(ctNode, petNode, runner=run_in_process)
    petNode.SetAttribute("DICOM.instanceUIDs", " ".join(header.SOPInstanceUID for header in slices))
    files = {header.SOPInstanceUID: str(tmp_path / f"{k}.dcm") for k, header in enumerate(slices)}
    module.python.slicer.app.dicomDatabase().files.update(files)
    nodes = [module.logic().findLesions(ctNode, node, runner=run_in_process) for node in (suvNode, petNode)]
    suv, converted = (mrml.labelmap_from_segmentation_node(node, patient.pet.grid).values for node in nodes)
    assert suv.any()
    assert (suv != converted).mean() < 1e-4  # rounding at the threshold


def test_a_factor_is_refused_for_slices_that_are_no_pet(tmp_path):
    from AnatomyGuidedLib.dicom import read_suv_factor
    from AnatomyGuidedLib.errors import AnatomyGuidedError

    folder = save_dicom(tmp_path, dicom_slices(np.ones((4, 4, 2), np.int16)))
    with pytest.raises(AnatomyGuidedError, match="modality CT came, but a PET"):
        read_suv_factor(sorted(folder.iterdir()))
