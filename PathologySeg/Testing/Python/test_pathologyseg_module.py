"""The PathologySeg module file in the headless host: its own tests and its panel."""

from __future__ import annotations

from pathlib import Path

import pytest

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
    assert widget.ui.statusLabel.text == "Done."
    table = host.scene.GetFirstNodeByName("PET lesions")
    assert table is not None
    module.close_widget()


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
    (row,) = mrml.table_rows(host.scene.GetFirstNodeByClass("vtkMRMLTableNode"))
    assert float(row["suv_max"]) == pytest.approx(float(patient.pet.values.max()), abs=1e-3)
