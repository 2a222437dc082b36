"""What every module's panel does alike: hold its parameter node, show progress, cancel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from AnatomyGuidedLib.errors import Cancelled
from AnatomyGuidedLib.progress import CancelCheck, Progress


class ParameterPanel:
    """A mixin for a module's widget whose form has applyButton, cancelButton, progressBar and statusLabel.

    The widget's `setup` calls `watchScene` once `self.ui` and `self.logic` are there; Slicer calls the others.
    """

    ui: Any
    logic: Any
    parent: Any
    addObserver: Any
    removeObservers: Any
    _parameterNode: Any = None
    _guiTag: Any = None
    _stopAsked: bool = False
    _processEvents: Callable[[], None]

    def watchScene(self, scene: Any, processEvents: Callable[[], None]) -> None:
        """Nothing; the panel follows the scene, and `processEvents` keeps Slicer alive while a job runs."""
        self._processEvents = processEvents
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneEndClose)
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
        try:
            yield self._show_progress, lambda: self._stopAsked
            self.ui.statusLabel.text = "Done."
        except Cancelled:
            self.ui.statusLabel.text = "Stopped; nothing was changed."
        except Exception:
            self.ui.statusLabel.text = "Not done; see the message."
            raise
        finally:
            self._show_busy(False)

    def _show_busy(self, busy: bool) -> None:
        self.ui.applyButton.enabled = not busy
        self.ui.cancelButton.enabled = busy
        self.ui.progressBar.visible = busy

    def _show_progress(self, fraction: float, text: str) -> None:
        self.ui.progressBar.value = round(100 * fraction)
        self.ui.statusLabel.text = text
        self._processEvents()
