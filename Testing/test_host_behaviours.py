"""The widgets of CTK and Slicer do what module files depend on."""

from __future__ import annotations

import pytest

pytest.importorskip("slicer_core", reason="the slicer-core wheel is not installed")
pytest.importorskip("PySide6", reason="PySide6 is not installed")

import numpy as np
import slicer
from slicer_host import Host
from widgets.errors import UnknownName


def add_volume(name: str) -> slicer.vtkMRMLScalarVolumeNode:
    return slicer.util.addVolumeFromArray(np.zeros((2, 2, 2)), name=name)


def node_selector(*node_types: str, **properties: object) -> object:
    selector = slicer.qMRMLNodeComboBox()
    for name, value in properties.items():
        setattr(selector, name, value)
    selector.nodeTypes = list(node_types) or ["vtkMRMLScalarVolumeNode"]
    selector.setMRMLScene(slicer.mrmlScene)
    return selector


def test_a_collapsible_button_is_open_while_it_is_checked(ctk: object) -> None:
    button, seen = ctk.ctkCollapsibleButton(), []
    button.connect("contentsCollapsed(bool)", seen.append)
    assert button.checked
    button.collapsed = True
    assert not button.checked
    button.checked = True
    assert not button.collapsed
    assert seen == [True, False]


def test_a_slider_keeps_its_value_within_its_limits_and_decimals(ctk: object) -> None:
    slider, seen = ctk.ctkSliderWidget(), []
    slider.valueChanged.connect(seen.append)
    slider.maximum = 10
    slider.decimals = 1
    for value in (3.14, 3.14, 99, -5):
        slider.value = value
    assert seen == [3.1, 10.0, 0.0]
    slider.minimum = 20
    assert (slider.minimum, slider.value, slider.maximum) == (20.0, 20.0, 20.0)
    slider.setValue(20)
    with pytest.raises(UnknownName):
        slider.setMaximum(3)


def test_a_range_keeps_order_and_limits(ctk: object) -> None:
    widget, seen = ctk.ctkRangeWidget(), []
    widget.valuesChanged.connect(lambda low, high: seen.append((low, high)))
    widget.setRange(-100, 100)
    widget.setValues(-200, 50)
    widget.minimumValue = 60
    assert (widget.minimumValue, widget.maximumValue) == (60.0, 60.0)
    widget.reset()
    assert seen == [(-100.0, 50.0), (60.0, 60.0), (-100.0, 100.0)]


def test_a_spin_box_steps(ctk: object) -> None:
    box = ctk.ctkDoubleSpinBox()
    box.singleStep = 0.5
    box.stepUp()
    box.stepUp()
    box.stepDown()
    assert box.value == 0.5


def test_a_path_line_tells_of_new_paths(ctk: object, tmp_path: object) -> None:
    line, seen = ctk.ctkPathLineEdit(), []
    line.currentPathChanged.connect(seen.append)
    line.validInputChanged.connect(seen.append)
    line.filters = ctk.ctkPathLineEdit.Dirs
    line.currentPath = str(tmp_path)
    line.setCurrentPath(str(tmp_path / "missing"))
    assert seen == [str(tmp_path), True, str(tmp_path / "missing"), False]
    with pytest.raises(UnknownName, match="does not accept"):
        line.currentPath = tmp_path


def test_a_group_box_a_folder_button_a_colour_and_a_combo_box_of_ctk(qt: object, ctk: object) -> None:
    box = ctk.ctkCollapsibleGroupBox()
    box.collapsed = True
    assert not box.checked
    folder, seen = ctk.ctkDirectoryButton(), []
    folder.directoryChanged.connect(seen.append)
    folder.directory = "/data"
    colour = ctk.ctkColorPickerButton()
    colour.connect("colorChanged(QColor)", lambda value: seen.append(value.red()))
    colour.setColor(qt.QColor(200, 0, 0))
    assert seen == ["/data", 200]
    combo = ctk.ctkComboBox()
    combo.addItem("Female", "F")
    combo.addItem("Male", "M")
    combo.setCurrentUserDataAsString("M")
    assert (combo.currentText, combo.currentUserDataAsString) == ("Male", "M")


def test_a_node_selector_offers_nodes_of_its_classes(host: Host) -> None:  # noqa: ARG001
    volume = add_volume("ct")
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode", "model")
    assert node_selector().nodeCount() == 2
    assert node_selector(showChildNodeTypes=False).nodeCount() == 1
    assert node_selector(hideChildNodeTypes=["vtkMRMLLabelMapVolumeNode"]).nodeFromIndex(0) is volume
    filtered = node_selector()
    filtered.addAttribute("vtkMRMLScalarVolumeNode", "modality", "PT")
    assert filtered.nodeCount() == 0
    volume.SetAttribute("modality", "PT")
    assert filtered.nodeCount() == 1
    filtered.removeAttribute("vtkMRMLScalarVolumeNode", "modality")
    assert filtered.nodeCount() == 2


def test_a_node_selector_chooses_by_itself_only_without_none(host: Host) -> None:  # noqa: ARG001
    with_none, without = node_selector(noneEnabled=True), node_selector()
    assert without.currentNode() is None
    volume = add_volume("ct")
    assert without.currentNode() is volume
    assert with_none.currentNode() is None
    assert (without.currentNodeID, with_none.currentNodeID) == (volume.GetID(), "")


def test_a_node_selector_lets_go_of_nodes_that_leave_the_scene(host: Host) -> None:
    selector, seen = node_selector(noneEnabled=True), []
    selector.connect("currentNodeChanged(vtkMRMLNode*)", seen.append)
    volume = add_volume("ct")
    selector.setCurrentNode(volume)
    slicer.mrmlScene.RemoveNode(volume)
    assert selector.currentNode() is None
    assert seen == [volume, None]
    selector.setCurrentNode(volume)
    assert selector.currentNode() is None
    host.check()


def test_a_node_selector_makes_and_removes_nodes(host: Host) -> None:  # noqa: ARG001
    selector = node_selector("vtkMRMLSegmentationNode", baseName="Atlas", noneEnabled=True)
    made = selector.addNode()
    assert made.GetName() == "Atlas"
    assert selector.currentNode() is made
    selector.removeCurrentNode()
    assert selector.nodeCount() == 0
    selector.setMRMLScene(None)
    assert selector.currentNode() is None


def test_a_node_selector_refuses_a_text_for_a_list_of_classes(host: Host) -> None:  # noqa: ARG001
    with pytest.raises(UnknownName, match="does not accept"):
        slicer.qMRMLNodeComboBox().nodeTypes = "vtkMRMLScalarVolumeNode"


def segmentation_of(*names: str) -> slicer.vtkMRMLSegmentationNode:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    for name in names:
        node.GetSegmentation().AddEmptySegment(name, name)
    return node


def test_a_segment_selector_follows_its_segmentation(host: Host) -> None:  # noqa: ARG001
    selector, seen = slicer.qMRMLSegmentSelectorWidget(), []
    selector.setMRMLScene(slicer.mrmlScene)
    selector.currentSegmentChanged.connect(seen.append)
    node = segmentation_of("liver", "spleen")
    selector.setCurrentNode(node)
    assert selector.segmentIDs() == ["liver", "spleen"]
    selector.setCurrentSegmentID("spleen")
    selector.setCurrentSegmentID("no such segment")
    assert seen == ["liver", "spleen", ""]
    selector.multiSelection = True
    selector.setSelectedSegmentIDs(["spleen", "liver", "heart"])
    assert selector.selectedSegmentIDs() == ["spleen", "liver"]
    selector.setCurrentNodeID("")
    assert (selector.currentNode(), selector.currentSegmentID()) == (None, "")


def test_a_segments_table_filters_by_name(host: Host) -> None:  # noqa: ARG001
    table = slicer.qMRMLSegmentsTableView()
    table.setSegmentationNode(segmentation_of("Kidney Left", "Kidney Right", "Liver"))
    table.textFilter = "kidney"
    assert table.displayedSegmentIDs() == ["Kidney Left", "Kidney Right"]
    assert table.segmentCount == 3
    table.setSelectedSegmentIDs(["Liver", "x"])
    assert table.selectedSegmentIDs() == ["Liver"]
    table.clearSelection()
    assert table.selectedSegmentIDs() == []


def test_a_table_view_shows_a_table_node(host: Host) -> None:  # noqa: ARG001
    view = slicer.qMRMLTableView()
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
    view.setMRMLScene(slicer.mrmlScene)
    view.setMRMLTableNode(node)
    assert view.mrmlTableNode() is node


def test_a_text_browser_of_ctk_keeps_its_text(ctk: object) -> None:
    browser = ctk.ctkFittedTextBrowser()
    browser.setCollapsibleText("Long text")
    assert browser.collapsibleText() == browser.plainText == "Long text"
