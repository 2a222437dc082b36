"""`slicer.modules`, and the manager that lists them."""

from __future__ import annotations

from PySide6 import QtCore
from widgets.access import PythonQtAccess, StandInType
from widgets.errors import UnknownName
from widgets.factory import widget_class

from .scene import SceneParts


class Modules:
    """The loaded modules, each under its name in lower case."""

    def __init__(self) -> None:
        self._by_name: dict[str, object] = {}

    def __getattr__(self, name: str) -> object:
        if name.startswith("_") or name not in self._by_name:
            raise UnknownName(f"slicer.modules has no {name!r}: not loaded, or no module of Slicer's.")
        return self._by_name[name]


class ModuleManager(PythonQtAccess, QtCore.QObject, metaclass=StandInType):
    """`slicer.app.moduleManager()`."""

    _generated = True
    _qt = QtCore.QObject
    _declared_name = "qSlicerModuleManager"

    def __init__(self) -> None:
        super().__init__()
        self._modules: dict[str, object] = {}

    def module(self, name: str) -> object | None:
        """A loaded module, or None."""
        return self._modules.get(name)

    def modulesNames(self) -> list[str]:
        """Names of the loaded modules."""
        return list(self._modules)

    def factoryManager(self) -> ModuleFactoryManager:
        """What answers the same questions under other names."""
        return ModuleFactoryManager(self._modules)


class ModuleFactoryManager(PythonQtAccess, QtCore.QObject, metaclass=StandInType):
    """`slicer.app.moduleManager().factoryManager()`."""

    _generated = True
    _qt = QtCore.QObject
    _declared_name = "qSlicerModuleFactoryManager"

    def __init__(self, modules: dict[str, object]) -> None:
        super().__init__()
        self._modules = modules

    def loadedModuleNames(self) -> list[str]:
        """Names of the loaded modules."""
        return list(self._modules)

    def isLoaded(self, name: str) -> bool:
        """Whether a module is loaded."""
        return name in self._modules


def register(modules: Modules, manager: ModuleManager, module: object) -> None:
    """Make a module known under `slicer.modules` and to the manager."""
    modules._by_name[module.name.lower()] = module
    manager._modules[module.name] = module


def core_modules(parts: SceneParts) -> list[object]:
    """The modules of Slicer's own whose logics are in the wheel."""
    return [_core_module(name, parts) for name in parts.logics]


def _core_module(name: str, parts: SceneParts) -> object:
    module = widget_class("qSlicerLoadableModule")()
    module._store("name", name)
    module._store("title", name)
    module._logic = parts.logics[name]
    module.setMRMLScene(parts.scene)
    return module
