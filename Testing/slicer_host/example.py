"""A small, complete module file with its .ui: the host's own tests run it, and it shows how one looks."""

from __future__ import annotations

from pathlib import Path

MODULE = """
from typing import Annotated

import slicer
from slicer import vtkMRMLScalarVolumeNode
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import Choice, Decimals, WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import *
from slicer.util import VTKObservationMixin


class Brighten(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("Brighten")
        parent.categories = ["Examples"]
        parent.dependencies = ["Volumes"]
        parent.contributors = ["The AnatomyGuided contributors"]
        parent.helpText = _("Adds a number to every voxel.")
        parent.acknowledgementText = _("Made for the tests of the headless host.")


@parameterNodeWrapper
class BrightenParameterNode:
    inputVolume: vtkMRMLScalarVolumeNode
    amount: Annotated[float, WithinRange(-100, 100), Decimals(1)] = 10.0
    repeats: int = 1
    side: Annotated[str, Choice(["left", "right", "both"])] = "both"
    inverted: bool = False
    note: str
    structures: list[str]


class BrightenWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self._parameterNode = None
        self._guiTag = None

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/Brighten.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = BrightenLogic()
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.ui.applyButton.clicked.connect(self.onApply)

    def cleanup(self):
        self.setParameterNode(None)
        self.removeObservers()

    def enter(self):
        self.setParameterNode(self.logic.getParameterNode())

    def exit(self):
        self.setParameterNode(None)

    def onSceneStartClose(self, caller, event):
        self.setParameterNode(None)

    def onSceneEndClose(self, caller, event):
        if self.parent.isEntered:
            self.enter()

    def setParameterNode(self, parameterNode):
        if self._parameterNode:
            self._parameterNode.disconnectGui(self._guiTag)
        self._parameterNode = parameterNode
        if parameterNode:
            self._guiTag = parameterNode.connectGui(self.ui)

    def onApply(self):
        with slicer.util.tryWithErrorDisplay(_("Brightening failed."), waitCursor=True):
            self.logic.brighten(self._parameterNode)
            self.ui.statusLabel.text = _("Done.")


class BrightenLogic(ScriptedLoadableModuleLogic):
    def getParameterNode(self):
        return BrightenParameterNode(super().getParameterNode())

    def brighten(self, parameters):
        if parameters.inputVolume is None:
            raise ValueError(_("Choose a volume first."))
        voxels = slicer.util.arrayFromVolume(parameters.inputVolume)
        voxels += parameters.amount * parameters.repeats * (-1 if parameters.inverted else 1)
        slicer.util.arrayFromVolumeModified(parameters.inputVolume)


class BrightenTest(ScriptedLoadableModuleTest):
    def runTest(self):
        self.setUp()
        self.test_adds_the_amount()

    def setUp(self):
        slicer.mrmlScene.Clear()

    def test_adds_the_amount(self):
        import numpy as np

        logic = BrightenLogic()
        parameters = logic.getParameterNode()
        parameters.inputVolume = slicer.util.addVolumeFromArray(np.zeros((2, 3, 4), np.float32))
        parameters.amount = 2.5
        logic.brighten(parameters)
        self.assertEqual(float(slicer.util.arrayFromVolume(parameters.inputVolume).max()), 2.5)
"""

FORM = """<?xml version="1.0" encoding="UTF-8"?>
<ui version="4.0">
 <class>Brighten</class>
 <widget class="qMRMLWidget" name="Brighten">
  <layout class="QVBoxLayout" name="verticalLayout">
   <item>
    <widget class="ctkCollapsibleButton" name="inputsButton">
     <property name="text"><string>Inputs</string></property>
     <property name="collapsed"><bool>false</bool></property>
     <layout class="QFormLayout" name="formLayout">
      <item row="0" column="0">
       <widget class="QLabel" name="volumeLabel">
        <property name="text"><string>Volume:</string></property>
       </widget>
      </item>
      <item row="0" column="1">
       <widget class="qMRMLNodeComboBox" name="volumeSelector">
        <property name="nodeTypes"><stringlist><string>vtkMRMLScalarVolumeNode</string></stringlist></property>
        <property name="noneEnabled"><bool>true</bool></property>
        <property name="addEnabled"><bool>false</bool></property>
        <property name="SlicerParameterName" stdset="0"><string>inputVolume</string></property>
       </widget>
      </item>
      <item row="1" column="1">
       <widget class="ctkSliderWidget" name="amountSlider">
        <property name="suffix"><string> HU</string></property>
        <property name="SlicerParameterName" stdset="0"><string>amount</string></property>
       </widget>
      </item>
      <item row="2" column="1">
       <widget class="QSpinBox" name="repeatsBox">
        <property name="SlicerParameterName" stdset="0"><string>repeats</string></property>
       </widget>
      </item>
      <item row="3" column="1">
       <widget class="QComboBox" name="sideBox">
        <property name="SlicerParameterName" stdset="0"><string>side</string></property>
       </widget>
      </item>
      <item row="4" column="1">
       <widget class="QCheckBox" name="invertedBox">
        <property name="text"><string>Darken</string></property>
        <property name="SlicerParameterName" stdset="0"><string>inverted</string></property>
       </widget>
      </item>
      <item row="5" column="1">
       <widget class="QLineEdit" name="noteEdit">
        <property name="SlicerParameterName" stdset="0"><string>note</string></property>
       </widget>
      </item>
     </layout>
    </widget>
   </item>
   <item>
    <widget class="QPushButton" name="applyButton">
     <property name="text"><string>Apply</string></property>
    </widget>
   </item>
   <item>
    <widget class="QLabel" name="statusLabel"/>
   </item>
   <item>
    <spacer name="verticalSpacer">
     <property name="orientation"><enum>Qt::Vertical</enum></property>
    </spacer>
   </item>
  </layout>
 </widget>
 <customwidgets>
  <customwidget><class>qMRMLWidget</class><extends>QWidget</extends><header>qMRMLWidget.h</header></customwidget>
  <customwidget><class>qMRMLNodeComboBox</class><extends>QWidget</extends><header>qMRMLNodeComboBox.h</header></customwidget>
  <customwidget><class>ctkCollapsibleButton</class><extends>QWidget</extends><header>ctkCollapsibleButton.h</header></customwidget>
  <customwidget><class>ctkSliderWidget</class><extends>QWidget</extends><header>ctkSliderWidget.h</header></customwidget>
 </customwidgets>
 <connections>
  <connection>
   <sender>Brighten</sender>
   <signal>mrmlSceneChanged(vtkMRMLScene*)</signal>
   <receiver>volumeSelector</receiver>
   <slot>setMRMLScene(vtkMRMLScene*)</slot>
  </connection>
 </connections>
</ui>
"""


def write_example(folder: Path, *, module: str = MODULE, form: str = FORM) -> Path:
    """Write the module Brighten into a folder; returns the folder to load it from."""
    home = folder / "Brighten"
    (home / "Resources" / "UI").mkdir(parents=True)
    (home / "Brighten.py").write_text(module, encoding="utf-8")
    (home / "Resources" / "UI" / "Brighten.ui").write_text(form, encoding="utf-8")
    return home
