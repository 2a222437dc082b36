"""Signals connect as in PythonQt, and no dialog waits for a person."""

from __future__ import annotations

import pytest

pytest.importorskip("slicer_core", reason="the slicer-core wheel is not installed")
pytest.importorskip("PySide6", reason="PySide6 is not installed")

import slicer
from slicer_host import Host, HostFault
from widgets.errors import PopUp, UnknownName


def test_slots_get_as_many_arguments_as_they_take(qt: object) -> None:
    box, seen = qt.QCheckBox(), []
    box.toggled.connect(lambda: seen.append("none"))
    box.toggled.connect(seen.append)
    box.connect("toggled(bool)", lambda on: seen.append(("one", on)))
    box.checked = True
    assert seen == ["none", True, ("one", True)]


def test_a_connection_can_be_undone(qt: object) -> None:
    button, seen = qt.QPushButton(), []

    def note() -> None:
        seen.append(1)

    button.clicked.connect(note)
    button.click()
    button.clicked.disconnect(note)
    button.click()
    button.connect("clicked()", note)
    button.disconnect("clicked()", note)
    button.click()
    assert seen == [1]


@pytest.mark.parametrize("text", ["klicked()", "clicked(QString)", "text()"])
def test_an_unknown_signal_raises_instead_of_being_ignored(qt: object, text: str) -> None:
    with pytest.raises(UnknownName, match="no signal"):
        qt.QPushButton().connect(text, print)


def test_an_overloaded_signal_wants_its_signature_or_a_slot_without_arguments(host: Host) -> None:  # noqa: ARG001
    selector, seen = slicer.qMRMLNodeComboBox(), []
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    selector.setMRMLScene(slicer.mrmlScene)
    with pytest.raises(TypeError, match="several overloads"):
        selector.currentNodeChanged.connect(lambda node: seen.append(node))
    with pytest.raises(UnknownName, match="no signal"):
        selector.connect("currentNodeChanged(int)", print)
    selector.currentNodeChanged.connect(lambda: seen.append("changed"))
    selector.connect("currentNodeChanged(vtkMRMLNode*)", lambda node: seen.append(node))
    selector.connect("currentNodeChanged(bool)", lambda valid: seen.append(valid))
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    assert set(map(str, seen)) == {"changed", str(volume), "True"}


def test_blocked_signals_are_not_emitted(ctk: object) -> None:
    slider, seen = ctk.ctkSliderWidget(), []
    slider.valueChanged.connect(seen.append)
    slider.blockSignals(True)
    slider.value = 3
    slider.blockSignals(False)
    slider.value = 4
    assert seen == [4.0]


def test_a_slot_that_fails_stops_nobody_and_fails_the_check(host: Host, qt: object, ctk: object) -> None:
    def fail() -> None:
        raise ValueError("the slot failed")

    for signal, act in _signals(qt, ctk):
        seen: list[object] = []
        signal.connect(fail)
        signal.connect(seen.append)
        act()
        assert len(seen) == 1
        with pytest.raises(HostFault, match="the slot failed"):
            host.check()


def _signals(qt: object, ctk: object) -> list[tuple[object, object]]:
    button, slider = qt.QPushButton(), ctk.ctkSliderWidget()
    return [(button.clicked, button.click), (slider.valueChanged, lambda: slider.setValue(5))]


def test_a_timer_runs_when_events_are_processed(host: Host, qt: object) -> None:
    seen: list[int] = []
    timer = qt.QTimer()
    timer.setSingleShot(True)
    timer.timeout.connect(lambda: seen.append(1))
    timer.start(0)
    qt.QTimer.singleShot(0, lambda: seen.append(2))
    host.process_events()
    assert sorted(seen) == [1, 2]


def test_dialogs_raise_instead_of_waiting(qt: object, ctk: object) -> None:
    box = qt.QMessageBox()
    box.text = "Really?"
    with pytest.raises(PopUp, match="Really"):
        box.exec_()
    with pytest.raises(PopUp, match="Delete all"):
        qt.QMessageBox.question(None, "Title", "Delete all?")
    for wait in (qt.QFileDialog.getOpenFileName, qt.QInputDialog.getText, qt.QDialog().exec, ctk.ctkMessageBox().exec_):
        with pytest.raises(PopUp):
            wait()


def test_messages_are_logged_in_testing_mode_and_pop_up_without(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    slicer.util.errorDisplay("No volume")
    assert "No volume" in caplog.text
    slicer.util.confirmOkCancelDisplay("Sure?")
    assert "Sure?" in caplog.text
    with host.showing_dialogs(), pytest.raises(PopUp, match="Go on"):
        slicer.util.confirmOkCancelDisplay("Go on?")
    assert slicer.app.testingEnabled()


def test_an_error_inside_try_with_error_display_goes_on_to_the_caller(host: Host) -> None:  # noqa: ARG001
    with pytest.raises(ValueError, match="inner"), slicer.util.tryWithErrorDisplay("Failed.", waitCursor=True):
        raise ValueError("inner")
