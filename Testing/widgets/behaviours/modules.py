"""Slicer's module objects: what a module file fills in, and what `slicer.modules.x` offers."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from PySide6 import QtGui

from .scenes import ReadableSceneHolder, SceneHolder


class CoreModule(ReadableSceneHolder):
    """A loaded module."""

    DEFAULTS: ClassVar[dict[str, object]] = {
        "acknowledgementText": "",
        "associatedNodeTypes": [],
        "categories": [],
        "contributors": [],
        "dependencies": [],
        "helpText": "",
        "hidden": False,
        "index": -1,
        "isBuiltIn": False,
        "name": "",
        "path": "",
        "title": "",
        "widgetRepresentationCreationEnabled": True,
    }
    _logic: object = None
    _make_panel: Callable[[], object] | None = None

    def logic(self) -> object:
        """The module's C++ logic, or None."""
        return self._logic


class GuiModule:
    """A loaded module with an icon and a panel."""

    def widgetRepresentation(self) -> object:
        """The panel, made on the first call; None for a module without one."""
        return self._make_panel() if self._make_panel else None

    def _get_icon(self) -> QtGui.QIcon:
        return self._values.get("icon", QtGui.QIcon())


class ScriptedModule:
    """A module written in Python."""

    DEFAULTS: ClassVar[dict[str, object]] = {"extensions": []}


class ScriptedModuleWidget(SceneHolder):
    """The panel around a scripted module's widget class."""

    DEFAULTS: ClassVar[dict[str, object]] = {"moduleName": "", "isEntered": False}
    _python: object = None

    def self(self) -> object:
        """The object of the module file's widget class."""
        return self._python

    def enter(self) -> None:
        """Tell the module that its panel is shown."""
        self._values["isEntered"] = True
        getattr(self._python, "enter", lambda: None)()

    def exit(self) -> None:
        """Tell the module that its panel is hidden."""
        self._values["isEntered"] = False
        getattr(self._python, "exit", lambda: None)()


BEHAVIOURS: dict[str, type] = {
    "qSlicerAbstractCoreModule": CoreModule,
    "qSlicerAbstractModule": GuiModule,
    "qSlicerScriptedLoadableModule": ScriptedModule,
    "qSlicerScriptedLoadableModuleWidget": ScriptedModuleWidget,
}
