"""Typed parameters live in a real parameter node, and widgets follow them both ways."""

from __future__ import annotations

import enum
import pathlib
from typing import Annotated, Optional, Union

import pytest

pytest.importorskip("slicer_core", reason="the slicer-core wheel is not installed")
pytest.importorskip("PySide6", reason="PySide6 is not installed")

import slicer
from slicer_host import Host, HostFault
from slicer_host.parameters import (
    Choice,
    Decimals,
    Default,
    Exclude,
    FloatRange,
    IsInstance,
    Maximum,
    Minimum,
    NotNone,
    RangeBounds,
    SingleStep,
    Validator,
    WithinRange,
    findChildWidgetForParameter,
    isParameterNodeWrapper,
    parameterNodeWrapper,
)
from widgets.factory import widget_class


def soft_tissue() -> FloatRange:
    return FloatRange(-160, 240)


class Sex(enum.Enum):
    FEMALE = 1
    MALE = 2


@parameterNodeWrapper
class Everything:
    ct: slicer.vtkMRMLScalarVolumeNode
    anyImage: Union[slicer.vtkMRMLScalarVolumeNode, slicer.vtkMRMLSegmentationNode, None]  # noqa: UP007
    threshold: Annotated[float, WithinRange(-1000, 3000), Decimals(1), SingleStep(0.5)] = 41.0
    repeats: Annotated[int, Minimum(1), Maximum(9), Default(3)]
    side: Annotated[str, Choice(["left", "right"]), Default("left")]
    note: str
    strict: bool = True
    sex: Sex
    folder: pathlib.Path
    window: Annotated[FloatRange, RangeBounds(-1000, 1000), Default(generator=soft_tissue)]
    experts: list[str]
    seeds: list[int]
    limit: Optional[float]  # noqa: UP045
    share: Union[Annotated[float, WithinRange(0, 1)], None] = 0.5  # noqa: UP007


@pytest.fixture
def node(host: Host) -> slicer.vtkMRMLScriptedModuleNode:  # noqa: ARG001
    return slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")


@pytest.fixture
def parameters(node: slicer.vtkMRMLScriptedModuleNode) -> Everything:
    return Everything(node)


def test_new_parameters_have_their_defaults(parameters: Everything) -> None:
    assert (parameters.threshold, parameters.repeats, parameters.side, parameters.note) == (41.0, 3, "left", "")
    assert (parameters.strict, parameters.sex, parameters.folder) == (True, Sex.FEMALE, pathlib.Path())
    assert (parameters.window, parameters.experts, parameters.limit) == (FloatRange(-160, 240), [], None)
    assert parameters.ct is None
    assert parameters.anyImage is None


def test_values_survive_in_the_node(parameters: Everything, node: slicer.vtkMRMLScriptedModuleNode) -> None:
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    parameters.ct = parameters.anyImage = volume
    parameters.threshold, parameters.repeats, parameters.side = 2, 9, "right"
    parameters.note, parameters.strict, parameters.sex = "two words", False, Sex.MALE
    parameters.folder, parameters.window = pathlib.Path("/data/cts"), FloatRange(-1, 1)
    parameters.experts, parameters.seeds, parameters.limit = ["rules", "moose"], [1, 2], 2.5
    again = Everything(node)
    assert again.ct is volume
    assert again.anyImage is volume
    assert (again.threshold, again.repeats, again.side) == (2.0, 9, "right")
    assert (again.note, again.strict, again.sex) == ("two words", False, Sex.MALE)
    assert (again.folder, again.window) == (pathlib.Path("/data/cts"), FloatRange(-1, 1))
    assert (again.experts, again.seeds, again.limit) == (["rules", "moose"], [1, 2], 2.5)
    assert node.GetParameter("threshold") == "2"
    assert node.GetNodeReferenceID("ct") == volume.GetID()


def test_parameters_survive_in_a_scene_file(parameters: Everything, host: Host, tmp_path: pathlib.Path) -> None:
    parameters.experts = ["rules"]
    parameters.ct = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "ct")
    path = str(tmp_path / "scene.mrml")
    host.scene.SetURL(path)
    assert host.scene.Commit(path)
    host.clear()
    host.scene.SetURL(path)
    host.scene.Connect()
    found = slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode")
    assert len(found) == 1
    assert Everything(found[0]).experts == ["rules"]
    assert Everything(found[0]).ct.GetName() == "ct"


def test_a_deleted_node_leaves_none_behind(parameters: Everything) -> None:
    parameters.ct = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    slicer.mrmlScene.RemoveNode(parameters.ct)
    assert parameters.ct is None


def test_a_list_writes_itself_back(parameters: Everything, node: slicer.vtkMRMLScriptedModuleNode) -> None:
    parameters.experts.append("rules")
    parameters.experts += ["moose", "total"]
    del parameters.experts[1]
    parameters.experts[0] = "shapes"
    assert Everything(node).experts == ["shapes", "total"]
    assert len(parameters.experts) == 2
    assert node.GetParameter("experts.len") == "2"
    assert not node.HasParameter("experts.2")
    with pytest.raises(TypeError, match="hash"):
        hash(parameters.experts)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("threshold", 4000, ValueError),
        ("threshold", "high", TypeError),
        ("repeats", 0, ValueError),
        ("repeats", 10, ValueError),
        ("repeats", 2.5, TypeError),
        ("side", "up", ValueError),
        ("note", None, ValueError),
        ("note", 3, TypeError),
        ("strict", "yes", TypeError),
        ("sex", "MALE", TypeError),
        ("folder", "/data", TypeError),
        ("window", FloatRange(-5000, 0), ValueError),
        ("experts", [1], TypeError),
        ("experts", ["rules", 1], TypeError),
        ("limit", "x", TypeError),
        ("share", 2.0, ValueError),
    ],
)
def test_a_value_that_does_not_fit_is_refused(
    parameters: Everything, name: str, value: object, error: type[Exception]
) -> None:
    parameters.experts = ["moose"]
    before = parameters.getValue(name)
    with pytest.raises(error):
        setattr(parameters, name, value)
    assert parameters.getValue(name) == before


def test_a_node_of_another_class_is_refused(parameters: Everything) -> None:
    model = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode")
    for name in ("ct", "anyImage"):
        with pytest.raises(TypeError):
            setattr(parameters, name, model)


@pytest.mark.parametrize(
    ("validator", "bad", "good"),
    [
        (NotNone(), None, 0),
        (IsInstance(int), "1", None),
        (Exclude(["."]), ".", "x"),
        (Minimum(0), -1, 0),
        (Maximum(0), 1, 0),
        (Choice([1]), 2, 1),
    ],
)
def test_validators_refuse_and_pass(validator: Validator, bad: object, good: object) -> None:
    validator.validate(good)
    with pytest.raises((ValueError, TypeError)):
        validator.validate(bad)


def test_a_validator_must_say_what_it_validates() -> None:
    with pytest.raises(TypeError, match="has no validate"):
        Validator().validate(1)


def test_a_range_refuses_to_be_turned_around() -> None:
    window = FloatRange(1, 2)
    window.maximum = 5
    window.minimum = 4
    assert window == FloatRange(4, 5)
    with pytest.raises(ValueError, match="exceeds"):
        window.minimum = 6


def test_unknown_parameters_raise(parameters: Everything) -> None:
    with pytest.raises(ValueError, match="no parameter 'colour'; there are ct"):
        parameters.getValue("colour")
    assert parameters.default("repeats").value == 3
    assert parameters.dataType("note") is str


@pytest.mark.parametrize("kind", [dict[str, int], tuple[int, int], int | None, object, complex])
def test_types_that_the_host_does_not_know_are_refused(host: Host, kind: object) -> None:  # noqa: ARG001
    with pytest.raises(TypeError, match="parameter cannot be"):
        parameterNodeWrapper(type("Wrong", (), {"__annotations__": {"value": kind}}))


def test_reserved_names_are_refused(host: Host) -> None:  # noqa: ARG001
    with pytest.raises(ValueError, match="reserved name 'connectGui'"):
        parameterNodeWrapper(type("Wrong", (), {"__annotations__": {"connectGui": str}}))


def test_the_decorator_works_with_parentheses_too(node: slicer.vtkMRMLScriptedModuleNode) -> None:
    @parameterNodeWrapper()
    class One:
        note: str = "x"

    assert One(node, "prefix.").note == "x"
    assert node.GetParameter("prefix.note") == "x"
    assert isParameterNodeWrapper(One)
    assert not isParameterNodeWrapper(int)


# Widgets

WIDGETS = {
    "threshold": "ctkSliderWidget",
    "repeats": "QSpinBox",
    "side": "QComboBox",
    "note": "QLineEdit",
    "strict": "QCheckBox",
    "sex": "QComboBox",
    "folder": "ctkPathLineEdit",
    "window": "ctkRangeWidget",
    "ct": "qMRMLNodeComboBox",
    "anyImage": "qMRMLNodeComboBox",
}


@pytest.fixture
def panel(host: Host) -> object:  # noqa: ARG001
    made = widget_class("QWidget")()
    made._layout = widget_class("QVBoxLayout")()
    made.setLayout(made._layout)
    for parameter, class_name in WIDGETS.items():
        child = widget_class(class_name)()
        child.setProperty("SlicerParameterName", parameter)
        made._layout.addWidget(child)
        if class_name == "qMRMLNodeComboBox":
            child.noneEnabled = True
            child.setMRMLScene(slicer.mrmlScene)
    return made


def test_connecting_shows_the_parameters(parameters: Everything, panel: object) -> None:
    parameters.connectGui(panel)
    find = findChildWidgetForParameter
    slider = find(panel, "threshold")
    assert (slider.minimum, slider.value, slider.maximum, slider.decimals) == (-1000.0, 41.0, 3000.0, 1)
    box = find(panel, "repeats")
    assert (box.minimum, box.value, box.maximum) == (1, 3, 9)
    assert [find(panel, "side").itemText(index) for index in range(2)] == ["left", "right"]
    assert find(panel, "sex").currentText == "FEMALE"
    assert find(panel, "strict").checked
    assert (find(panel, "window").minimumValue, find(panel, "window").maximum) == (-160.0, 1000.0)
    assert find(panel, "ct").nodeTypes == ["vtkMRMLScalarVolumeNode"]
    assert find(panel, "anyImage").nodeTypes == ["vtkMRMLScalarVolumeNode", "vtkMRMLSegmentationNode"]
    assert find(panel, "experts") is None


def test_changes_of_widgets_reach_the_node(parameters: Everything, panel: object) -> None:
    parameters.connectGui(panel)
    find = findChildWidgetForParameter
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    find(panel, "threshold").value = 7
    find(panel, "repeats").value = 5
    find(panel, "side").currentText = "right"
    find(panel, "note").text = "seen"
    find(panel, "strict").checked = False
    find(panel, "sex").currentIndex = 1
    find(panel, "folder").currentPath = "/data"
    find(panel, "window").setValues(-5, 5)
    find(panel, "ct").setCurrentNode(volume)
    assert (parameters.threshold, parameters.repeats, parameters.side) == (7.0, 5, "right")
    assert (parameters.note, parameters.strict, parameters.sex) == ("seen", False, Sex.MALE)
    assert (parameters.folder, parameters.window) == (pathlib.Path("/data"), FloatRange(-5, 5))
    assert parameters.ct is volume


def test_changes_of_the_node_reach_the_widgets(parameters: Everything, panel: object) -> None:
    parameters.connectGui(panel)
    find = findChildWidgetForParameter
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    parameters.threshold, parameters.side, parameters.sex, parameters.ct = 8.0, "right", Sex.MALE, volume
    parameters.window = FloatRange(0, 1)
    parameters.parameterNode.SetParameter("note", "written elsewhere")
    assert find(panel, "threshold").value == 8.0
    assert find(panel, "side").currentText == "right"
    assert find(panel, "sex").currentText == "MALE"
    assert find(panel, "ct").currentNode() is volume
    assert find(panel, "window").maximumValue == 1.0
    assert find(panel, "note").text == "written elsewhere"


def test_two_panels_follow_each_other_through_the_node(parameters: Everything) -> None:
    first, second = widget_class("QLineEdit")(), widget_class("QTextEdit")()
    parameters.connectParametersToGui({"note": first})
    parameters.connectParametersToGui({"note": second})
    first.text = "a"
    assert second.plainText == "a"
    second.setPlainText("b")
    assert (first.text, parameters.note) == ("b", "b")


def test_after_disconnecting_nothing_is_followed(parameters: Everything) -> None:
    first, second = widget_class("QLineEdit")(), widget_class("QLineEdit")()
    tag = parameters.connectParametersToGui({"note": first})
    other = parameters.connectParametersToGui({"note": second})
    parameters.disconnectGui(tag)
    first.text = "ignored"
    assert parameters.note == ""
    parameters.note = "new"
    assert (first.text, second.text) == ("ignored", "new")
    assert parameters.connectParametersToGui({"note": first}) not in (tag, other)


def test_a_widget_for_an_unknown_parameter_is_refused(parameters: Everything) -> None:
    edit = widget_class("QLineEdit")()
    with pytest.raises(ValueError, match="no parameter 'notes'"):
        parameters.connectParametersToGui({"notes": edit})


@pytest.mark.parametrize(
    ("parameter", "class_name", "reason"),
    [
        ("note", "QPlainTextEdit", "cannot connect"),
        ("strict", "ctkCheckBox", "cannot connect"),
        ("side", "ctkComboBox", "cannot connect"),
        ("note", "QComboBox", "Choice"),
        ("experts", "QListWidget", "cannot connect"),
    ],
)
def test_pairs_that_slicer_does_not_connect_are_refused(
    parameters: Everything, parameter: str, class_name: str, reason: str
) -> None:
    with pytest.raises(RuntimeError, match=reason):
        parameters.connectParametersToGui({parameter: widget_class(class_name)()})


def test_sliders_and_ranges_need_limits(node: slicer.vtkMRMLScriptedModuleNode) -> None:
    @parameterNodeWrapper
    class Unlimited:
        number: float
        window: FloatRange

    parameters = Unlimited(node)
    with pytest.raises(RuntimeError, match="slider needs"):
        parameters.connectParametersToGui({"number": widget_class("ctkSliderWidget")()})
    with pytest.raises(RuntimeError, match="range widget needs"):
        parameters.connectParametersToGui({"window": widget_class("ctkRangeWidget")()})
    box = widget_class("QDoubleSpinBox")()
    parameters.connectParametersToGui({"number": box})
    box.value = -12345.5
    assert parameters.number == -12345.5


def test_a_push_button_and_a_folder_button_show_a_parameter(parameters: Everything) -> None:
    push, folder = widget_class("QPushButton")(), widget_class("ctkDirectoryButton")()
    parameters.connectParametersToGui({"strict": push, "folder": folder})
    push.click()
    folder.directory = "/cts"
    assert (parameters.strict, parameters.folder) == (False, pathlib.Path("/cts"))


def test_a_widget_value_that_the_parameter_refuses_fails_the_check(
    node: slicer.vtkMRMLScriptedModuleNode, host: Host
) -> None:
    @parameterNodeWrapper
    class Named:
        name: Annotated[str, Exclude(["bad"])] = "good"

    parameters = Named(node)
    edit = widget_class("QLineEdit")()
    parameters.connectParametersToGui({"name": edit})
    edit.text = "bad"
    assert parameters.name == "good"
    with pytest.raises(HostFault, match="not allowed"):
        host.check()
