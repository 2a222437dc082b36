"""Makes the stand-in classes: one for each Qt class, and one for each class that Slicer and CTK declare."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from PySide6 import QtCore, QtGui, QtNetwork, QtWidgets

from .access import PythonQtAccess, StandInType
from .behaviours import BEHAVIOURS
from .declared import Declaration, declarations, lineage
from .dialogs import waiting_functions
from .errors import NotImitated, UnknownClass

_QT_MODULES = (QtCore, QtGui, QtWidgets, QtNetwork)
_QT_NAMES = ("Qt", "Signal", "Slot", "Property")


@cache
def qt_name(name: str) -> object:
    """What `qt.<name>` is: a stand-in class for a QObject class, Qt's own for everything else."""
    if name.startswith("Q") or name in _QT_NAMES:
        for module in _QT_MODULES:
            if hasattr(module, name):
                found = getattr(module, name)
                is_object = isinstance(found, type) and issubclass(found, QtCore.QObject)
                return _qt_class(name, found) if is_object else found
    raise UnknownClass(f"qt has no {name!r}.")


@cache
def widget_class(name: str) -> type:
    """The stand-in for a class of Qt, CTK or Slicer."""
    if name in declarations():
        return _declared_class(declarations()[name])
    found = qt_name(name)
    if not isinstance(found, StandInType):
        raise UnknownClass(f"{name} is no class of Qt objects.")
    return found


def _qt_class(name: str, qt_class: type) -> type:
    members = {"_generated": True, "_qt": qt_class, "_qt_itself": qt_class, "_declared_name": name}
    behaviour = BEHAVIOURS.get(name)
    bases = (behaviour,) if behaviour else ()
    return StandInType(name, (*bases, PythonQtAccess, qt_class), members | waiting_functions(name, qt_class))


def _declared_class(declaration: Declaration) -> type:
    base = widget_class(declaration.base)
    behaviour = BEHAVIOURS.get(declaration.name)
    members: dict[str, object] = {"_generated": True, "_declared_name": declaration.name}
    members |= _declared_methods(declaration, base, behaviour)
    if behaviour is None:
        return StandInType(declaration.name, (base,), members)
    _check_declared(declaration, base, behaviour)
    members |= vars(behaviour).get("ENUMS", {})
    return StandInType(declaration.name, (behaviour, base), members)


def _check_declared(declaration: Declaration, base: type, behaviour: type) -> None:
    """A behaviour may not offer a name that Slicer's class lacks."""
    known = {m.name for d in lineage(declaration.name) for m in d.methods}
    offered = {name for name in vars(behaviour) if not name.startswith("_") and name not in ("DEFAULTS", "ENUMS")}
    extra = {name for name in offered - known if not hasattr(base._qt, name)}
    properties = {p for d in lineage(declaration.name) for p in d.properties}
    for name in vars(behaviour).get("DEFAULTS", {}):
        if name not in properties:
            extra.add(name)
    if extra:
        raise UnknownClass(f"The stand-in of {declaration.name} offers {sorted(extra)}, which Slicer does not declare.")


def _declared_methods(declaration: Declaration, base: type, behaviour: type | None) -> Mapping[str, object]:
    names = {method.name for method in declaration.methods}
    return {name: _declared_method(declaration, name) for name in names if not _has(name, base, behaviour)}


def _has(name: str, base: type, behaviour: type | None) -> bool:
    return (behaviour is not None and hasattr(behaviour, name)) or hasattr(base, name)


def _declared_method(declaration: Declaration, name: str) -> Callable[..., object]:
    """A property's setter, or a function that says that it is not imitated."""
    target = name[3:4].lower() + name[4:] if name.startswith("set") else ""
    if any(target in ancestor.properties for ancestor in lineage(declaration.name)):
        return lambda self, value: setattr(self, target, value)

    def refuse(self: object, *_: object) -> object:  # noqa: ARG001
        raise NotImitated(f"{declaration.name}.{name}() exists in Slicer; the stand-in gives it no behaviour.")

    return refuse
