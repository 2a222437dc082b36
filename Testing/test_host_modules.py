"""A module file loads, shows its panel and runs its tests as in Slicer."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("slicer_core", reason="the slicer-core wheel is not installed")
pytest.importorskip("PySide6", reason="PySide6 is not installed")

import numpy as np
import slicer
from slicer_host import BadModule, Host, HostFault, LoadedModule, load_module
from slicer_host.example import FORM, MODULE, write_example
from widgets.errors import PopUp, UnknownName


@pytest.fixture
def brighten(host: Host, tmp_path: Path) -> LoadedModule:  # noqa: ARG001
    return load_module("Brighten", write_example(tmp_path))


def load_changed(folder: Path, old: str, new: str) -> LoadedModule:
    assert old in MODULE
    return load_module("Brighten", write_example(folder, module=MODULE.replace(old, new)))


def add_volume() -> slicer.vtkMRMLScalarVolumeNode:
    return slicer.util.addVolumeFromArray(np.zeros((2, 3, 4), np.float32), name="ct")


def test_the_description_of_a_module_can_be_read(brighten: LoadedModule) -> None:
    handle = brighten.handle
    assert (handle.title, handle.categories, handle.dependencies) == ("Brighten", ["Examples"], ["Volumes"])
    assert handle.helpText == "Adds a number to every voxel."
    assert Path(handle.path).name == "Brighten.py"
    assert slicer.modules.brighten is handle


def test_the_tests_of_a_module_run(brighten: LoadedModule) -> None:
    result = brighten.run_tests()
    assert result.testsRun == 1
    assert result.wasSuccessful()


def test_a_failing_test_is_reported_as_failing(host: Host, tmp_path: Path) -> None:  # noqa: ARG001
    result = load_changed(tmp_path, "2.5)", "3.5)").run_tests()
    assert len(result.failures) == 1
    assert "2.5 != 3.5" in result.failures[0][1]


def test_a_test_that_raises_is_reported_as_an_error(host: Host, tmp_path: Path) -> None:  # noqa: ARG001
    result = load_changed(tmp_path, "logic.brighten(parameters)", "logic.brightn(parameters)").run_tests()
    assert "brightn" in result.errors[0][1]


def test_a_test_class_without_run_test_fails(host: Host, tmp_path: Path) -> None:  # noqa: ARG001
    result = load_changed(tmp_path, "def runTest(self)", "def runSomething(self)").run_tests()
    assert "tests nothing" in result.failures[0][1]


def test_an_error_of_vtk_makes_a_modules_test_fail(host: Host, tmp_path: Path) -> None:
    result = load_changed(
        tmp_path,
        "        logic = BrightenLogic()\n        par",
        "        logic = BrightenLogic()\n        slicer.mrmlScene.AddNode(None)\n        par",
    ).run_tests()
    assert not result.wasSuccessful()
    assert "null node" in (result.failures + result.errors)[0][1]
    host.check()


def test_the_panel_shows_and_changes_the_parameter_node(brighten: LoadedModule, host: Host) -> None:
    widget = brighten.widget()
    ui = widget.ui
    assert (ui.amountSlider.value, ui.amountSlider.minimum, ui.amountSlider.suffix) == (10.0, -100.0, " HU")
    ui.amountSlider.value = 5
    ui.sideBox.currentIndex = 0
    ui.invertedBox.checked = True
    node = slicer.mrmlScene.GetSingletonNode("Brighten", "vtkMRMLScriptedModuleNode")
    assert (node.GetParameter("amount"), node.GetParameter("side"), node.GetParameter("inverted")) == (
        "5.0",
        "left",
        "True",
    )
    node.SetParameter("repeats", "4")
    brighten.logic().getParameterNode().note = "from the console"
    assert (ui.repeatsBox.value, ui.noteEdit.text) == (4, "from the console")
    host.check()


def test_pressing_apply_changes_the_chosen_volume(brighten: LoadedModule, host: Host) -> None:
    volume = add_volume()
    ui = brighten.widget().ui
    ui.volumeSelector.setCurrentNode(volume)
    ui.repeatsBox.value = 3
    ui.applyButton.click()
    assert slicer.util.arrayFromVolume(volume).max() == 30.0
    assert ui.statusLabel.text == "Done."
    host.check()


def test_an_error_while_applying_fails_the_check(brighten: LoadedModule, host: Host) -> None:
    brighten.widget().ui.applyButton.click()
    with pytest.raises(HostFault, match="Choose a volume first"):
        host.check()


def test_an_error_while_applying_is_shown_outside_testing_mode(
    brighten: LoadedModule, host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    with host.showing_dialogs():
        brighten.widget().ui.applyButton.click()
    assert "Brightening failed" in caplog.text
    with pytest.raises(HostFault, match="Choose a volume first"):
        host.check()


def test_the_logic_works_without_a_panel(brighten: LoadedModule) -> None:
    logic = brighten.logic()
    parameters = logic.getParameterNode()
    parameters.inputVolume = add_volume()
    logic.brighten(parameters)
    assert slicer.util.arrayFromVolume(parameters.inputVolume).min() == 10.0
    assert len(logic.getAllParameterNodes()) == 1


def test_closing_the_scene_gives_the_open_panel_fresh_parameters(brighten: LoadedModule, host: Host) -> None:
    ui = brighten.widget().ui
    ui.volumeSelector.setCurrentNode(add_volume())
    ui.amountSlider.value = 5
    slicer.mrmlScene.Clear()
    assert ui.volumeSelector.currentNode() is None
    assert ui.amountSlider.value == 10.0
    host.check()


def test_slicer_finds_a_loaded_module_its_panel_and_its_logic(brighten: LoadedModule) -> None:
    assert slicer.util.getModule("Brighten") is brighten.handle
    assert slicer.util.getModuleWidget("Brighten") is brighten.widget()
    assert slicer.util.getModuleLogic("Brighten") is brighten.widget().logic
    assert "Brighten" in slicer.util.moduleNames()
    assert slicer.app.moduleManager().factoryManager().isLoaded("Brighten")


def test_the_panel_is_entered_once_and_left_when_closed(brighten: LoadedModule) -> None:
    widget = brighten.widget()
    assert brighten.widget() is widget
    assert widget.parent.isEntered
    brighten.close_widget()
    assert widget._parameterNode is None
    assert brighten.widget() is not widget


def test_clearing_the_host_closes_panels(brighten: LoadedModule, host: Host) -> None:
    widget = brighten.widget()
    host.clear()
    assert widget._parameterNode is None
    assert host.opened == []


def test_a_panel_without_a_parent_makes_and_shows_its_own(host: Host) -> None:  # noqa: ARG001
    class Bare(slicer.ScriptedLoadableModule.ScriptedLoadableModuleWidget):
        def setup(self) -> None:
            super().setup()
            self.was_set_up = True

    widget = Bare()
    assert widget.was_set_up
    assert widget.parent.visible
    assert widget.parent.mrmlScene() is slicer.mrmlScene
    assert widget.layout.count() == 0
    widget.cleanup()
    widget.parent.deleteLater()


def test_reload_and_test_of_a_module_raises_on_failure(host: Host, tmp_path: Path) -> None:  # noqa: ARG001
    loaded = load_changed(tmp_path, "2.5)", "3.5)")
    with pytest.raises(AssertionError, match=r"2\.5 != 3\.5"):
        loaded.handle._python.runTest()


def test_an_icon_beside_the_module_is_taken(host: Host, tmp_path: Path) -> None:  # noqa: ARG001
    home = write_example(tmp_path)
    icons = home / "Resources" / "Icons"
    icons.mkdir()
    (icons / "Brighten.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8"/></svg>',
        encoding="utf-8",
    )
    assert not load_module("Brighten", home).handle.icon.isNull()


def test_the_documentation_link_names_the_module(brighten: LoadedModule) -> None:
    assert "brighten" in brighten.handle._python.getDefaultModuleDocumentationLink()
    assert "page.html" in brighten.handle._python.getDefaultModuleDocumentationLink("page.html")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("class Brighten(", "class Brightening(", "no class Brighten"),
        ("class Brighten(ScriptedLoadableModule)", "class Brighten(object)", "no ScriptedLoadableModule"),
        ('parent.title = _("Brighten")', "pass", "does not set parent.title"),
        ('parent.contributors = ["The AnatomyGuided contributors"]', "pass", "does not set parent.contributors"),
    ],
)
def test_a_module_that_slicer_could_not_list_is_refused(
    host: Host,  # noqa: ARG001
    tmp_path: Path,
    old: str,
    new: str,
    message: str,
) -> None:
    with pytest.raises(BadModule, match=message):
        load_changed(tmp_path, old, new).handle  # noqa: B018


def test_a_wrong_name_in_the_description_raises(host: Host, tmp_path: Path) -> None:  # noqa: ARG001
    with pytest.raises(UnknownName, match="titel"):
        load_changed(tmp_path, "parent.title =", "parent.titel =")


def test_a_missing_module_file_or_class_raises(host: Host, tmp_path: Path) -> None:  # noqa: ARG001
    with pytest.raises(BadModule, match="no module file"):
        load_module("Nothing", tmp_path)
    with pytest.raises(BadModule, match="no class BrightenLogic"):
        load_changed(tmp_path, "class BrightenLogic", "class BrightenLogik").logic()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('self.ui.statusLabel.text = _("Done.")', 'self.ui.statusLabel.txt = _("Done.")'),
        ('self.ui.statusLabel.text = _("Done.")', "self.ui.statusLable.text = 1"),
        ("slicer.util.arrayFromVolumeModified(", "slicer.util.arrayFromVolumeChanged("),
    ],
)
def test_a_wrong_name_in_a_slot_fails_the_check(host: Host, tmp_path: Path, old: str, new: str) -> None:
    ui = load_changed(tmp_path, old, new).widget().ui
    ui.volumeSelector.setCurrentNode(add_volume())
    ui.applyButton.click()
    with pytest.raises(HostFault, match=r"AttributeError|UnknownName"):
        host.check()


def test_a_dialog_in_setup_raises(host: Host, tmp_path: Path) -> None:  # noqa: ARG001
    loaded = load_changed(
        tmp_path, "self.logic = BrightenLogic()", 'import qt; qt.QMessageBox.information(None, "Welcome", "Hello")'
    )
    with pytest.raises(PopUp, match="Welcome Hello"):
        loaded.widget()
    loaded.close_widget()


def test_a_wrong_property_in_the_form_raises_with_file_widget_and_name(host: Host, tmp_path: Path) -> None:  # noqa: ARG001
    form = FORM.replace('name="noneEnabled"', 'name="noneAllowed"')
    loaded = load_module("Brighten", write_example(tmp_path, form=form))
    with pytest.raises(
        ValueError, match=r"Brighten\.ui, widget volumeSelector: qMRMLNodeComboBox has no property noneAllowed"
    ):
        loaded.widget()
