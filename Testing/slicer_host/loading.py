"""Loads a module file as Slicer's factory of scripted modules does."""

from __future__ import annotations

import importlib.util
import sys
import unittest
from pathlib import Path
from types import ModuleType
from typing import Any

from widgets.factory import widget_class

from . import scripted
from .core_modules import register
from .host import Host, start

REPOSITORY = Path(__file__).resolve().parents[2]


class BadModule(ImportError):
    """A file that Slicer would not load as a module."""


class LoadedModule:
    """A loaded module file: its Python module, its description, and ways to its logic, panel and tests."""

    def __init__(self, host: Host, python: ModuleType, handle: Any) -> None:
        self._host = host
        self._panel: Any = None
        self.python = python
        self.handle = handle
        self.name: str = handle.name

    def _class(self, suffix: str) -> Any:
        try:
            return getattr(self.python, self.name + suffix)
        except AttributeError as error:
            raise BadModule(f"{self.name}.py has no class {self.name}{suffix}.") from error

    def logic(self) -> Any:
        """A new object of the module's logic class."""
        return self._class("Logic")()

    def widget(self) -> Any:
        """The object of the module's widget class, set up and entered; made on the first call."""
        panel = self._panel_in_use()
        if not panel.isEntered:
            panel.enter()
        return panel.self()

    def _panel_in_use(self) -> Any:
        if self._panel is None:
            self._panel = self._new_panel()
            self._host.opened.append(self)
            self._panel.self().setup()
        return self._panel

    def _new_panel(self) -> Any:
        panel = widget_class("qSlicerScriptedLoadableModuleWidget")()
        panel.setLayout(widget_class("QVBoxLayout")())
        panel.setMRMLScene(self._host.scene)
        panel._store("moduleName", self.name)
        panel._python = self._class("Widget")(panel)
        return panel

    def close_widget(self) -> None:
        """What Slicer does when it unloads the module: exit, clean up, forget the panel."""
        if self._panel is not None:
            self._panel.exit()
            self._panel.self().cleanup()
            self._panel.deleteLater()
            self._panel = None
            self._host.opened.remove(self)
            self._host.process_events()

    def run_tests(self) -> unittest.TestResult:
        """The result of `runTest()` of the module's test class; faults in VTK, slots and observers count as errors."""
        host = self._host

        class Checked(self._class("Test")):  # type: ignore[misc]
            """The test class, with the host's check at the end."""

            def run(self, result: unittest.TestResult | None = None) -> unittest.TestResult | None:
                self.addCleanup(host.check)
                return super().run(result)

        Checked.__name__ = Checked.__qualname__ = f"{self.name}Test"
        host.clear()
        result = unittest.TestResult()
        Checked("runTest").run(result)
        host.clear()
        return result


def load_module(name: str, folder: Path | None = None) -> LoadedModule:
    """Load `<folder>/<name>.py`; without a folder, the repository's module of this name.

    Raises:
        BadModule: The file is missing, or lacks the class <name> or a title.
    """
    host = start()
    path = (folder or REPOSITORY / name) / f"{name}.py"
    if not path.is_file():
        raise BadModule(f"There is no module file {path}.")
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    python = _execute(name, path)
    handle = widget_class("qSlicerScriptedLoadableModule")()
    handle._store("name", name)
    handle._store("path", str(path))
    handle.setMRMLScene(host.scene)
    loaded = LoadedModule(host, python, handle)
    handle._make_panel = loaded._panel_in_use
    _describe(loaded)
    register(host.modules, host.app.moduleManager(), handle)
    return loaded


def _execute(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    python = importlib.util.module_from_spec(spec)
    sys.modules[name] = python
    spec.loader.exec_module(python)
    return python


def _describe(loaded: LoadedModule) -> None:
    """Let the module's class fill in the description, and look at it as Slicer's module list would."""
    description = loaded._class("")
    if not issubclass(description, scripted.ScriptedLoadableModule):
        raise BadModule(f"Class {loaded.name} is no ScriptedLoadableModule.")
    loaded.handle._python = description(loaded.handle)
    for required in ("title", "categories", "contributors", "helpText"):
        if not getattr(loaded.handle, required):
            raise BadModule(f"{loaded.name} does not set parent.{required}.")
