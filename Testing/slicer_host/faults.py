"""Collects what Slicer would only print: VTK errors, and Python errors in slots and observers."""

from __future__ import annotations

import sys
import traceback
from types import TracebackType

import vtk


class HostFault(AssertionError):
    """Something went wrong where no exception reaches the caller: in VTK, in a slot, in an observer."""


class Faults:
    """The faults since the last `clear`."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.warnings: list[str] = []

    def listen(self) -> None:
        """Start collecting, for the rest of the process."""
        window = vtk.vtkStringOutputWindow()
        window.AddObserver("ErrorEvent", _text_observer(self.messages))
        window.AddObserver("WarningEvent", _text_observer(self.warnings))
        vtk.vtkOutputWindow.SetInstance(window)
        self._window = window
        sys.excepthook = self._record

    def _record(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        text = "".join(traceback.format_exception(kind, error, trace))
        self.messages.append(text)
        sys.stderr.write(text)

    def clear(self) -> None:
        """Forget what was collected."""
        self.messages.clear()
        self.warnings.clear()

    def check(self) -> None:
        """Raise what was collected.

        Raises:
            HostFault: At least one error was collected; its text is the message.
        """
        if self.messages:
            text = "\n".join(self.messages)
            self.clear()
            raise HostFault(text)


def _text_observer(messages: list[str]) -> object:
    def observe(_: object, __: str, text: str) -> None:
        messages.append(text)

    observe.CallDataType = vtk.VTK_STRING
    return observe
