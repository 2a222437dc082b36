"""The modules `qt` and `ctk`, and the Qt classes in `slicer`."""

from __future__ import annotations

from types import ModuleType

from .declared import declarations
from .errors import UnknownClass
from .factory import qt_name, widget_class
from .forms import UiLoader


class QtModule(ModuleType):
    """`qt`: all of Qt's classes in one namespace."""

    QUiLoader = UiLoader

    def __getattr__(self, name: str) -> object:
        return qt_name(name)


class CtkModule(ModuleType):
    """`ctk`: CTK's classes."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("ctk") and name in declarations():
            return widget_class(name)
        raise UnknownClass(f"ctk has no class {name!r}.")


def slicer_class(name: str) -> type:
    """A Qt class of Slicer's, such as qMRMLNodeComboBox."""
    if name.startswith(("qMRML", "qSlicer")) and name in declarations():
        return widget_class(name)
    raise UnknownClass(f"slicer has no {name!r}.")
