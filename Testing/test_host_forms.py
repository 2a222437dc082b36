"""A .ui file loads as in Slicer, and a name in it that does not exist raises."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("slicer_core", reason="the slicer-core wheel is not installed")
pytest.importorskip("PySide6", reason="PySide6 is not installed")

import slicer
from slicer_host import Host
from widgets.errors import BadForm, UnknownName

FORM = """<ui version="4.0">
 <class>Form</class>
 <widget class="qMRMLWidget" name="Form">
  <property name="windowTitle"><string>A form</string></property>
  <layout class="QGridLayout" name="grid">
   <property name="leftMargin"><number>3</number></property>
   <item row="0" column="0">
    <widget class="QTabWidget" name="tabs">
     <widget class="QWidget" name="firstTab">
      <attribute name="title"><string>First</string></attribute>
      <layout class="QVBoxLayout" name="column">
       <item><widget class="ctkSliderWidget" name="slider">
        <property name="minimum"><double>5.0</double></property>
        <property name="toolTip"><string>How much</string></property>
        <property name="decimals"><number>0</number></property>
       </widget></item>
       <item><widget class="QLabel" name="label">
        <property name="alignment"><set>Qt::AlignRight|Qt::AlignVCenter</set></property>
        <property name="buddy"><cstring>slider</cstring></property>
        <property name="SlicerParameterName" stdset="0"><string>note</string></property>
       </widget></item>
       <item><layout class="QHBoxLayout" name="row">
        <item><widget class="Line" name="line">
         <property name="orientation"><enum>Qt::Horizontal</enum></property>
        </widget></item>
        <item><widget class="qMRMLNodeComboBox" name="selector">
         <property name="nodeTypes"><stringlist><string>vtkMRMLModelNode</string></stringlist></property>
        </widget></item>
       </layout></item>
      </layout>
     </widget>
    </widget>
   </item>
   <item row="1" column="0"><widget class="QCheckBox" name="switch"/></item>
   <item row="2" column="0"><widget class="QWidget" name="contents"/></item>
  </layout>
 </widget>
 <connections>
  <connection><sender>Form</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>
   <receiver>selector</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot></connection>
  <connection><sender>switch</sender><signal>toggled(bool)</signal>
   <receiver>contents</receiver><slot>setEnabled(bool)</slot></connection>
 </connections>
</ui>
"""


def load(folder: Path, text: str) -> object:
    path = folder / "Form.ui"
    path.write_text(text, encoding="utf-8")
    return slicer.util.loadUI(str(path))


def test_a_form_loads_with_all_its_widgets(host: Host, tmp_path: Path) -> None:
    form = load(tmp_path, FORM)
    ui = slicer.util.childWidgetVariables(form)
    assert form.className() == "qMRMLWidget"
    assert form.windowTitle == "A form"
    assert (ui.slider.minimum, ui.slider.decimals, ui.slider.toolTip) == (5.0, 0, "How much")
    assert ui.tabs.count == 1
    assert ui.tabs.tabText(0) == "First"
    assert ui.label.property("SlicerParameterName") == ui.label.SlicerParameterName == "note"
    assert ui.selector.nodeTypes == ["vtkMRMLModelNode"]
    assert ui.selector.parent() is ui.firstTab
    assert form.layout() is ui.grid
    host.check()


def test_the_widgets_of_a_form_are_strict(host: Host, tmp_path: Path) -> None:  # noqa: ARG001
    ui = slicer.util.childWidgetVariables(load(tmp_path, FORM))
    for name in ("label", "slider", "selector", "grid"):
        with pytest.raises(UnknownName):
            setattr(getattr(ui, name), "colour", "red")  # noqa: B010


def test_connections_of_a_form_work(host: Host, tmp_path: Path) -> None:
    form = load(tmp_path, FORM)
    ui = slicer.util.childWidgetVariables(form)
    model = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode")
    form.setMRMLScene(slicer.mrmlScene)
    assert ui.selector.currentNode() is model
    ui.switch.checked = True
    ui.switch.checked = False
    assert not ui.contents.enabled
    host.check()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('class="ctkSliderWidget"', 'class="ctkSlideWidget"', "Form.ui, widget slider: no class ctkSlideWidget"),
        ('class="QCheckBox"', 'class="QChekBox"', "Form.ui, widget switch: no class QChekBox"),
        ('name="minimum"', 'name="lowest"', "Form.ui, widget slider: ctkSliderWidget has no property lowest"),
        ('name="alignment"', 'name="align"', "Form.ui, widget label: QLabel has no property align"),
        ("SlicerParameterName", "SlicerParmeterName", "widget label: QLabel has no property SlicerParmeterName"),
        ('class="QGridLayout"', 'class="QTableLayout"', "no layout QTableLayout"),
        ('name="leftMargin"', 'name="leftmargin"', "layout grid: QGridLayout has no property leftmargin"),
        ("<double>5.0</double>", "<string>five</string>", "widget slider: Property minimum"),
        ("<signal>toggled(bool)", "<signal>toggeled(bool)", "cannot connect"),
        ("<slot>setEnabled(bool)", "<slot>setEnable(bool)", "cannot connect"),
        ("<receiver>selector", "<receiver>selectors", "cannot connect"),
        ("</ui>", "<buttongroups><buttongroup/></buttongroups></ui>", "button groups"),
        ("</ui>", "", "is no XML"),
    ],
)
def test_a_name_in_a_form_that_does_not_exist_raises(
    host: Host,  # noqa: ARG001
    tmp_path: Path,
    old: str,
    new: str,
    message: str,
) -> None:
    assert old in FORM
    with pytest.raises(BadForm, match=message):
        load(tmp_path, FORM.replace(old, new))


def test_a_missing_form_raises(host: Host, tmp_path: Path) -> None:  # noqa: ARG001
    with pytest.raises(RuntimeError, match="file not found"):
        slicer.util.loadUI(str(tmp_path / "none.ui"))


def test_a_form_without_a_widget_raises(host: Host, tmp_path: Path) -> None:  # noqa: ARG001
    with pytest.raises(BadForm, match=r"Form\.ui: there is no widget"):
        load(tmp_path, '<ui version="4.0"><class>Form</class></ui>')
