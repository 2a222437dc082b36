"""Widgets have the names that Slicer's have, and no others."""

from __future__ import annotations

import pytest

pytest.importorskip("slicer_core", reason="the slicer-core wheel is not installed")
pytest.importorskip("PySide6", reason="PySide6 is not installed")

import slicer
from slicer_host import Host
from widgets.declared import Signature, declarations, signature
from widgets.errors import NotImitated, UnknownClass, UnknownName
from widgets.factory import widget_class


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("clicked()", Signature("clicked", ())),
        ("currentNodeChanged(vtkMRMLNode *node)", Signature("currentNodeChanged", ("vtkMRMLNode*",))),
        ("setRange(double min, double max)", Signature("setRange", ("double", "double"))),
        ("pathChanged(const QString &)", Signature("pathChanged", ("QString",))),
        ("wait(unsigned int delay = 3)", Signature("wait", ("unsigned int",))),
        ("set(const QMap<QString, int>& map)", Signature("set", ("QMap<QString, int>",))),
    ],
)
def test_signatures_lose_names_const_and_references(text: str, expected: Signature) -> None:
    assert signature(text) == expected


def test_a_text_that_is_no_signature_is_refused() -> None:
    with pytest.raises(ValueError, match="no signature"):
        signature("clicked")


def test_properties_are_attributes_as_in_pythonqt(qt: object) -> None:
    button = qt.QPushButton("Apply")
    button.enabled = False
    button.toolTip = "Starts"
    assert (button.text, button.enabled, button.toolTip) == ("Apply", False, "Starts")
    bar = qt.QProgressBar()
    bar.value = 3
    assert bar.value == 3
    button.name = "applyButton"
    assert button.objectName == "applyButton"


def test_calling_a_property_fails_as_in_pythonqt(qt: object) -> None:
    with pytest.raises(TypeError):
        qt.QLabel("x").text()


def test_methods_that_are_no_properties_are_called(qt: object) -> None:
    box = qt.QComboBox()
    box.addItems(["a", "b"])
    box.setCurrentIndex(1)
    assert (box.count, box.currentText, box.findText("a")) == (2, "b", 0)
    assert not qt.QCheckBox().isChecked()


@pytest.mark.parametrize("name", ["txt", "enable", "setTxt", "snake_case", "Text"])
def test_an_unknown_name_of_a_widget_raises_on_reading_and_writing(qt: object, name: str) -> None:
    button = qt.QPushButton()
    with pytest.raises(UnknownName, match=name):
        getattr(button, name)
    with pytest.raises(UnknownName, match=name):
        setattr(button, name, 1)


def test_methods_and_signals_cannot_be_overwritten(qt: object) -> None:
    button = qt.QPushButton()
    for name in ("clicked", "show"):
        with pytest.raises(UnknownName, match="cannot be set"):
            setattr(button, name, None)


@pytest.mark.parametrize("value", [None, "many", [1]])
def test_a_property_refuses_values_of_other_types(qt: object, value: object) -> None:
    with pytest.raises(UnknownName, match="does not accept"):
        qt.QProgressBar().value = value


def test_a_property_that_only_qt_may_write_is_refused(qt: object) -> None:
    with pytest.raises(UnknownName, match="not writable"):
        qt.QComboBox().count = 3


def test_constructors_take_no_keywords(qt: object) -> None:
    with pytest.raises(TypeError):
        qt.QLabel(text="x")


def test_classes_derived_in_a_module_file_may_have_attributes(qt: object) -> None:
    class Panel(qt.QWidget):
        def __init__(self) -> None:
            super().__init__()
            self.count = 1

        def grow(self) -> None:
            self.count += 1

    panel = Panel()
    panel.grow()
    panel.enabled = False
    assert (panel.count, panel.enabled) == (2, False)


def test_unknown_classes_raise(qt: object, ctk: object) -> None:
    for module, name in ((qt, "QNothing"), (qt, "nothing"), (ctk, "ctkNothing"), (slicer, "qMRMLNothing")):
        with pytest.raises(UnknownClass, match=name):
            getattr(module, name)


def test_a_class_that_is_no_widget_has_no_stand_in() -> None:
    with pytest.raises(UnknownClass, match="QSize is no class of Qt objects"):
        widget_class("QSize")


def test_class_checks_follow_qts_classes(qt: object, ctk: object) -> None:
    button = ctk.ctkCollapsibleButton()
    assert isinstance(button, qt.QWidget)
    assert isinstance(button, qt.QAbstractButton)
    assert not isinstance(button, qt.QPushButton)
    assert not isinstance(qt.QWidget(), ctk.ctkCollapsibleButton)
    assert button.className() == "ctkCollapsibleButton"


def test_every_declared_widget_of_ctk_and_slicer_has_a_stand_in(host: Host) -> None:  # noqa: ARG001
    made = [name for name in declarations() if _can_be_made(name)]
    assert {"ctkPathLineEdit", "qMRMLNodeComboBox", "qMRMLSegmentEditorWidget", "qSlicerApplication"} <= set(made)
    assert len(made) > 750


def _can_be_made(name: str) -> bool:
    try:
        widget_class(name)
    except UnknownClass:
        return False
    return True


def test_what_is_declared_but_not_imitated_says_so(host: Host) -> None:  # noqa: ARG001
    editor = slicer.qMRMLSegmentEditorWidget()
    with pytest.raises(NotImitated, match=r"rotateSliceViewsToSegmentation\(\) exists in Slicer"):
        editor.rotateSliceViewsToSegmentation()
    with pytest.raises(NotImitated, match="does not know its default"):
        editor.undoEnabled  # noqa: B018
    editor.undoEnabled = True
    assert editor.undoEnabled is True


def test_children_are_found_by_class_and_name(qt: object) -> None:
    parent = qt.QWidget()
    layout = qt.QVBoxLayout()
    parent.setLayout(layout)
    label, button = qt.QLabel("x"), qt.QPushButton("y")
    button.name = "go"
    layout.addWidget(label)
    layout.addWidget(button)
    assert parent.findChildren(qt.QPushButton) == [button]
    assert parent.findChild("QLabel") is label
    assert parent.findChild(qt.QWidget, "go") is button
    assert parent.findChild(qt.QSlider) is None
    assert parent.go is button
    assert slicer.util.findChild(parent, "go") is button
