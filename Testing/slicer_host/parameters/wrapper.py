"""`@parameterNodeWrapper`: a class whose annotated members live in a real vtkMRMLScriptedModuleNode."""

from __future__ import annotations

import itertools
import typing
from dataclasses import dataclass

import slicer
import vtk

from .annotations import Default, first, split
from .connectors import Connector, connector_for
from .storage import Storage
from .types import storage_for

_PROPERTY = "SlicerParameterName"


@dataclass(frozen=True)
class _Parameter:
    name: str
    datatype: object
    storage: Storage
    default: Default


class _Wrapper:
    """What a decorated class gets."""

    def __init__(self, parameterNode: slicer.vtkMRMLScriptedModuleNode, prefix: str | None = None) -> None:
        self.parameterNode = parameterNode
        self._prefix = prefix or ""
        self._guis: dict[int, dict[str, Connector]] = {}
        self._tags = itertools.count()
        self._updating = False
        for parameter in self.allParameters.values():
            if not parameter.storage.is_in(parameterNode, self._prefix + parameter.name):
                self.setValue(parameter.name, parameter.default.value)

    def _parameter(self, name: str) -> _Parameter:
        if name not in self.allParameters:
            raise ValueError(f"There is no parameter {name!r}; there are {', '.join(self.allParameters)}.")
        return self.allParameters[name]

    def getValue(self, name: str) -> object:
        """A parameter's value."""
        return self._parameter(name).storage.read(self.parameterNode, self._prefix + name)

    def setValue(self, name: str, value: object) -> None:
        """Change a parameter."""
        self._parameter(name).storage.write(self.parameterNode, self._prefix + name, value)

    def default(self, name: str) -> Default:
        """A parameter's default."""
        return self._parameter(name).default

    def connectGui(self, gui: typing.Any) -> int:
        """Connect every widget whose dynamic property SlicerParameterName names a parameter; returns a tag."""
        return self.connectParametersToGui({w.property(_PROPERTY): w for w in _widgets(gui) if w.property(_PROPERTY)})

    def connectParametersToGui(self, mapping: typing.Mapping[str, typing.Any]) -> int:
        """Connect widgets by parameter name; returns a tag."""
        connectors = {name: connector_for(w, self._parameter(name).datatype) for name, w in mapping.items()}
        tag = next(self._tags)
        self._guis[tag] = connectors
        for name, connector in connectors.items():
            connector.write(self.getValue(name))
            connector.signal.connect(self._follow(tag, name, connector))
        self.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._update_gui())
        return tag

    def _follow(self, tag: int, name: str, connector: Connector) -> typing.Callable[[], None]:
        def changed() -> None:
            if tag in self._guis and not self._updating:
                with slicer.util.NodeModify(self):
                    self.setValue(name, connector.read())

        return changed

    def _update_gui(self) -> None:
        if self._updating:
            return
        self._updating = True
        try:
            for connectors in self._guis.values():
                for name, connector in connectors.items():
                    connector.write(self.getValue(name))
        finally:
            self._updating = False

    def disconnectGui(self, tag: int) -> None:
        """Undo `connectGui`."""
        self._guis.pop(tag, None)

    def StartModify(self) -> int:
        """Hold the node's events back."""
        return self.parameterNode.StartModify()

    def EndModify(self, wasModifying: int) -> int:
        """Let the node's events go."""
        return self.parameterNode.EndModify(wasModifying)

    def AddObserver(self, event: int, callback: typing.Callable[..., None], priority: float = 0.0) -> int:
        """Observe the node."""
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag: int) -> None:
        """Stop observing the node."""
        self.parameterNode.RemoveObserver(tag)

    def Modified(self) -> None:
        """Tell the node's observers."""
        self.parameterNode.Modified()


def _widgets(gui: typing.Any) -> list[typing.Any]:
    is_widget = getattr(gui, "isWidgetType", lambda: False)()
    return gui.findChildren("QWidget") if is_widget else list(vars(gui).values())


def parameterNodeWrapper(classtype: type | None = None) -> typing.Any:
    """Class decorator, with or without parentheses."""
    return _process if classtype is None else _process(classtype)


def _process(classtype: type) -> type:
    parameters = {
        name: _parameter(classtype, name, datatype)
        for name, datatype in typing.get_type_hints(classtype, include_extras=True).items()
    }
    for name, member in vars(_Wrapper).items():
        if name in parameters:
            raise ValueError(f"Cannot use reserved name '{name}' in a parameterNodeWrapper")
        if name == "__init__" or not name.startswith("__"):
            setattr(classtype, name, member)
    classtype.allParameters = parameters
    classtype.dataType = staticmethod(lambda name: parameters[name].datatype)
    for name in parameters:
        setattr(classtype, name, _member(name))
    return classtype


def _parameter(classtype: type, name: str, datatype: object) -> _Parameter:
    storage = storage_for(datatype)
    annotated = first(split(datatype)[1], Default)
    if hasattr(classtype, name):
        return _Parameter(name, datatype, storage, Default(getattr(classtype, name)))
    return _Parameter(name, datatype, storage, annotated or Default(generator=storage.default))


def _member(name: str) -> property:
    return property(lambda self: self.getValue(name), lambda self, value: self.setValue(name, value))


def isParameterNodeWrapper(classOrObj: object) -> bool:
    """Whether a class or object comes from `@parameterNodeWrapper`."""
    return hasattr(classOrObj, "allParameters")


def findChildWidgetForParameter(widget: typing.Any, parameter: str) -> typing.Any:
    """The descendant that is bound to a parameter, or None."""
    found = (child for child in widget.findChildren("QWidget") if child.property(_PROPERTY) == parameter)
    return next(found, None)
