"""Starts the headless host: puts real MRML and the stand-ins where module files import them from."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Protocol

import slicer
from widgets.modules import CtkModule, QtModule, slicer_class

from . import i18n, packaging, parameters, scripted
from .application import Application, qt_application
from .core_modules import Modules, core_modules, register
from .faults import Faults
from .scene import clear_scene, make_scene


class OpenPanel(Protocol):
    """A module whose panel is open."""

    def close_widget(self) -> None:
        """Close it."""


class Host:
    """The running host. There is one a process; `start()` gives it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="slicer-host-")
        folder = Path(self._folder.name)
        self.faults = Faults()
        self.faults.listen()
        self._parts = make_scene(folder)
        self.scene = self._parts.scene
        self.app = Application(qt_application(), self._parts, folder)
        self.modules = Modules()
        self.opened: list[OpenPanel] = []
        for module in core_modules(self._parts):
            register(self.modules, self.app.moduleManager(), module)

    def install(self) -> None:
        """Make `import qt`, `from slicer.ScriptedLoadableModule import *` and the like work."""
        sys.modules["qt"] = QtModule("qt")
        sys.modules["ctk"] = CtkModule("ctk")
        slicer.app = self.app
        slicer.modules = self.modules
        slicer.mrmlScene = self.scene
        slicer.__getattr__ = slicer_class
        _install_module("ScriptedLoadableModule", scripted)
        _install_module("parameterNodeWrapper", parameters)
        _install_module("i18n", i18n)
        _install_module("packaging", packaging)

    def process_events(self) -> None:
        """Let timers, queued slots and deferred deletions run."""
        self.app.processEvents()

    def clear(self) -> None:
        """Panels closed, the scene empty, no faults, testing mode on."""
        for panel in list(self.opened):
            panel.close_widget()
        clear_scene(self.scene)
        self.process_events()
        self.app._testing = True
        self.faults.clear()

    def check(self) -> None:
        """Raise `HostFault` if VTK, a slot or an observer failed since the last `clear` or `check`."""
        self.process_events()
        self.faults.check()

    @contextmanager
    def showing_dialogs(self) -> Iterator[None]:
        """Within it, messages are not just logged: a dialog that would wait raises `widgets.errors.PopUp`."""
        self.app._testing = False
        try:
            yield
        finally:
            self.app._testing = True


def _install_module(name: str, implementation: ModuleType) -> None:
    """Offer the public names of an implementation, and no others, as `slicer.<name>`."""
    module = ModuleType(f"slicer.{name}", implementation.__doc__)
    module.__all__ = implementation.__all__
    for public in implementation.__all__:
        setattr(module, public, getattr(implementation, public))
    sys.modules[f"slicer.{name}"] = module
    setattr(slicer, name, module)


@cache
def start() -> Host:
    """The host, started on the first call."""
    host = Host()
    host.install()
    host.clear()
    return host
