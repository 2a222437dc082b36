"""The PathologySeg module file in the headless host: its own tests and its panel."""

from __future__ import annotations

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
