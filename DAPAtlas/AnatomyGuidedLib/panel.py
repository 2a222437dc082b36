"""What every module's panel does alike: hold its parameter node, show progress, cancel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from AnatomyGuidedLib.errors import Cancelled
from AnatomyGuidedLib.progress import CancelCheck, Progress


class ParameterPanel:
    """A mixin for a module's widget, between it and Slicer's classes; Slicer itself is an argument.

    A form whose work takes long has applyButton, cancelButton, progressBar and statusLabel (`setupJobs`).
    """

    ui: Any
    logic: Any
    layout: Any
    parent: Any
    addObserver: Any
    removeObservers: Any
    resourcePath: Any
    _parameterNode: Any = None
    _guiTag: Any = None
    _stopAsked: bool = False
    _processEvents: Callable[[], None]

    def setupForm(self, slicer: Any, form: str, logic: Any) -> None:
        """Nothing; the `.ui` file is shown, `self.ui` and `self.logic` are there, and the scene is followed."""
        widget = slicer.util.loadUI(self.resourcePath(form))
        self.layout.addWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        self.logic = logic
        widget.setMRMLScene(slicer.mrmlScene)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)

    def setupJobs(self, onApply: Callable[[], None], processEvents: Callable[[], None]) -> None:
        """Nothing; Apply and Cancel work, and `processEvents` keeps Slicer alive while a job runs."""
        self._processEvents = processEvents
        self.ui.applyButton.clicked.connect(onApply)
        self.ui.cancelButton.clicked.connect(self.onCancel)
        self.ui.cancelButton.enabled = False
        self.ui.progressBar.visible = False

    def cleanup(self) -> None:
        self.onCancel()
        self.setParameterNode(None)
        self.removeObservers()

    def enter(self) -> None:
        self.setParameterNode(self.logic.getParameterNode())

    def exit(self) -> None:
        self.setParameterNode(None)

    def onSceneStartClose(self, caller: Any, event: Any) -> None:
        self.onCancel()
        self.setParameterNode(None)

    def onSceneEndClose(self, caller: Any, event: Any) -> None:
        if self.parent.isEntered:
            self.enter()

    def setParameterNode(self, parameterNode: Any) -> None:
        """Nothing; the form shows this node's values and writes into it, or into none."""
        if self._parameterNode:
            self._parameterNode.disconnectGui(self._guiTag)
        self._parameterNode = parameterNode
        if parameterNode:
            self._guiTag = parameterNode.connectGui(self.ui)

    def onCancel(self) -> None:
        self._stopAsked = True

    @contextmanager
    def working(self) -> Iterator[tuple[Progress, CancelCheck]]:
        """Progress and cancel check for a job that the user started; the form is back to rest afterwards."""
        self._stopAsked = False
        self._show_busy(True)
        outcome = "Not done; see the message."
        try:
            yield self._show_progress, lambda: self._stopAsked
            outcome = "Done."
        except Cancelled:
            outcome = "Stopped; nothing was changed."
        finally:
            self.ui.statusLabel.text = outcome
            self._show_busy(False)

    def _show_busy(self, busy: bool) -> None:
        self.ui.applyButton.enabled = not busy
        self.ui.cancelButton.enabled = busy
        self.ui.progressBar.visible = busy

    def _show_progress(self, fraction: float, text: str) -> None:
        self.ui.progressBar.value = round(100 * fraction)
        self.ui.statusLabel.text = text
        self._processEvents()
