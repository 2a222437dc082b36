"""`slicer.app`: what module files ask of Slicer's application object, without Slicer's application."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

import slicer
import vtk
from PySide6 import QtCore, QtWidgets
from widgets import signals
from widgets.access import Kind, PythonQtAccess, StandInType
from widgets.errors import NotImitated, UnknownName

from .core_modules import ModuleManager
from .scene import SceneParts


class Application(PythonQtAccess, QtCore.QObject, metaclass=StandInType):
    """Has the names that qSlicerApplication declares and Qt's QApplication has; the rest raises."""

    _generated = True
    _qt = QtWidgets.QApplication
    _declared_name = "qSlicerApplication"
    DEFAULTS: ClassVar[dict[str, object]] = {
        "applicationLocaleName": "en_US",
        "isInstalled": True,
        "mainApplicationName": "Slicer",
        "majorVersion": 5,
        "minorVersion": 13,
        "revision": "31053",
    }

    def __init__(self, qt_application: QtWidgets.QApplication, parts: SceneParts, folder: Path) -> None:
        super().__init__()
        self._qt_application = qt_application
        self._parts = parts
        self._testing = True
        self._manager = ModuleManager()
        self._layout_manager = LayoutManager(parts)
        self._values |= {"temporaryPath": str(folder), "slicerHome": str(folder), "cachePath": str(folder)}
        ini = QtCore.QSettings.Format.IniFormat
        QtCore.QSettings.setDefaultFormat(ini)
        QtCore.QSettings.setPath(ini, QtCore.QSettings.Scope.UserScope, str(folder))
        self._settings = QtCore.QSettings(str(folder / "settings.ini"), ini)
        self._dicom_database = DicomDatabase()
        self._blockers = 0

    def __getattribute__(self, name: str) -> object:
        if name.startswith("_") or name in Application.__dict__:
            return object.__getattribute__(self, name)
        kind = Application.kind(name)
        if kind in (Kind.DECLARED_PROPERTY, Kind.DECLARED_SIGNAL):
            return super().__getattribute__(name)
        return _of_qt_application(self._qt_application, name, kind)

    def testingEnabled(self) -> bool:
        """Whether messages are only logged. True unless a test sets it through the host."""
        return self._testing

    def processEvents(self, *_: object) -> None:
        """Let timers and queued slots run."""
        self._qt_application.processEvents()

    def applicationLogic(self) -> slicer.vtkSlicerApplicationLogic:
        """The real application logic."""
        return self._parts.application_logic

    def mrmlScene(self) -> slicer.vtkMRMLScene:
        """The scene."""
        return self._parts.scene

    def moduleManager(self) -> ModuleManager:
        """What knows the loaded modules."""
        return self._manager

    def moduleLogic(self, name: str) -> slicer.vtkMRMLAbstractLogic:
        """The logic of a module of Slicer's own."""
        return self._parts.logics[name]

    def layoutManager(self) -> LayoutManager:
        """There are no views here; see `LayoutManager` for the few calls that make sense without."""
        return self._layout_manager

    def dicomDatabase(self) -> DicomDatabase:
        """The database of DICOM files: those that a test has put in."""
        return self._dicom_database

    def startupEnvironment(self) -> QtCore.QProcessEnvironment:
        """The environment of this process."""
        return QtCore.QProcessEnvironment.systemEnvironment()

    def environment(self) -> QtCore.QProcessEnvironment:
        """The environment of this process."""
        return QtCore.QProcessEnvironment.systemEnvironment()

    def settings(self) -> QtCore.QSettings:
        """Settings in a temporary file."""
        return self._settings

    def userSettings(self) -> QtCore.QSettings:
        """Settings in a temporary file."""
        return self._settings

    def moduleDocumentationUrl(self, name: str) -> str:
        """Where Slicer would look for a module's documentation."""
        return f"https://slicer.readthedocs.io/en/latest/user_guide/modules/{name.lower()}.html"

    def setRenderPaused(self, pause: bool) -> None:
        """Count who wants no rendering."""
        self._blockers += 1 if pause else -1

    def pauseRender(self) -> None:
        """Hold rendering back."""
        self.setRenderPaused(True)

    def resumeRender(self) -> None:
        """Undo `pauseRender`."""
        self.setRenderPaused(False)

    def translate(self, context: str, text: str) -> str:
        """The text: there is no translation here."""
        return QtCore.QCoreApplication.translate(context, text)

    def connect(self, signal: str, slot: object) -> bool:
        """Connect a function to a declared signal such as startupCompleted()."""
        return signals.connect(self, signal, slot)

    def disconnect(self, signal: str, slot: object = None) -> bool:
        """Undo `connect`."""
        return signals.disconnect(self, signal, slot)


def _of_qt_application(qt_application: QtWidgets.QApplication, name: str, kind: Kind) -> object:
    if kind is Kind.METHOD and not hasattr(qt_application, name):
        raise NotImitated(f"slicer.app.{name}() exists in Slicer; the headless host gives it no behaviour.")
    if kind is Kind.UNKNOWN:
        raise UnknownName(f"slicer.app has no attribute {name!r} in Slicer.")
    return qt_application.property(name) if kind is Kind.PROPERTY else getattr(qt_application, name)


class LayoutManager(PythonQtAccess, QtCore.QObject, metaclass=StandInType):
    """A layout without views: resetting and fitting do nothing, everything else that Slicer declares raises."""

    _generated = True
    _qt = QtCore.QObject
    _declared_name = "qSlicerLayoutManager"

    def __init__(self, parts: SceneParts) -> None:
        super().__init__()
        self._parts = parts

    def __getattribute__(self, name: str) -> object:
        if name.startswith("_") or name in LayoutManager.__dict__:
            return object.__getattribute__(self, name)
        if LayoutManager.kind(name) is Kind.METHOD and not hasattr(QtCore.QObject, name):
            raise NotImitated(f"layoutManager().{name}() needs a view, and the headless host has none.")
        return super().__getattribute__(name)

    def resetSliceViews(self) -> None:
        """There is no slice view to reset."""

    def resetThreeDViews(self) -> None:
        """There is no 3D view to reset."""

    def mrmlSliceLogics(self) -> vtk.vtkCollection:
        """The logics of the slice views: those that a test has added to the application logic."""
        return self._parts.application_logic.GetSliceLogics() or vtk.vtkCollection()

    def sliceViewNames(self) -> list[str]:
        """No views, no names."""
        return []


class DicomDatabase:
    """ctkDICOMDatabase as far as asking for an instance's file; a test puts files into `files`, by instance UID."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}

    def fileForInstance(self, uid: str) -> str:
        """The instance's file, empty where it is not known."""
        return self.files.get(uid, "")


def qt_application() -> QtWidgets.QApplication:
    """This process's QApplication, off screen."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    existing = QtWidgets.QApplication.instance()
    application = existing or QtWidgets.QApplication(["Slicer"])
    application.setOrganizationName("headless host")
    application.setApplicationName("Slicer")
    application.setApplicationVersion("5.13.0")
    return application
