"""Loads .ui files as Slicer does, and checks every name in them first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from PySide6 import QtCore, QtUiTools, QtWidgets

from .access import Kind
from .declared import signature
from .errors import BadForm, UnknownClass
from .factory import widget_class

# Dynamic properties that Slicer looks for.
_SLICER_PROPERTIES = {"SlicerParameterName", "SlicerPackParameterName"}
# Properties that Qt Designer invents for layouts, which are none of Qt's.
_LAYOUT_PROPERTIES = {
    "leftMargin", "topMargin", "rightMargin", "bottomMargin", "margin", "horizontalSpacing", "verticalSpacing",
}  # fmt: skip
_DESIGNER_PROPERTIES = {"buddy"}


class _Builder(QtUiTools.QUiLoader):
    """Qt's loader, told to make stand-ins."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[QtCore.QObject] = []

    def _make(self, class_name: str, name: str, *arguments: object) -> QtCore.QObject:
        made = widget_class(class_name)(*arguments)
        made.__dict__["_building"] = True
        QtCore.QObject.setObjectName(made, name)
        self.made.append(made)
        return made

    def createWidget(self, class_name: str, parent: QtWidgets.QWidget | None = None, name: str = "") -> object:
        if class_name == "Line":
            return super().createWidget(class_name, parent, name)
        return self._make(class_name, name, *([parent] if parent is not None else []))

    def createLayout(self, class_name: str, parent: QtCore.QObject | None = None, name: str = "") -> object:
        return self._make(class_name, name, *([parent] if isinstance(parent, QtWidgets.QWidget) else []))

    def createAction(self, parent: QtCore.QObject | None = None, name: str = "") -> object:
        return self._make("QAction", name, parent)


class UiLoader:
    """`qt.QUiLoader`."""

    def load(self, device: QtCore.QFile, parent: QtWidgets.QWidget | None = None) -> QtWidgets.QWidget:
        """The widget that a .ui file describes.

        Raises:
            BadForm: The file uses a class, property, signal or slot that does not exist.
        """
        path = Path(device.fileName())
        try:
            return _load(path, parent)
        except ElementTree.ParseError as error:
            raise BadForm(f"{path.name} is no XML: {error}") from error


def _load(path: Path, parent: QtWidgets.QWidget | None) -> QtWidgets.QWidget:
    root = ElementTree.parse(path).getroot()
    if root.find("widget") is None:
        raise BadForm(f"{path.name}: there is no widget in it.")
    if root.find(".//buttongroup") is not None:
        raise BadForm(f"{path.name}: make button groups in setup(), the headless host does not read them.")
    setters = [setter for element in root.iter("widget") for setter in _check_widget(path, element)]
    for layout in root.iter("layout"):
        _check_layout(path, layout)
    connections = [_texts(element) for element in root.iter("connection")]
    for group in root.findall("connections"):
        root.remove(group)
    widget, made = _build(root, parent)
    by_name = {QtCore.QObject.objectName(each): each for each in made}
    for name, property_name, value in setters:
        _set(path, by_name[name], property_name, value)
    for connection in connections:
        _connect(path, by_name, connection)
    return widget


def _build(
    root: ElementTree.Element, parent: QtWidgets.QWidget | None
) -> tuple[QtWidgets.QWidget, list[QtCore.QObject]]:
    """The form's widget, and everything that was made for it."""
    builder = _Builder()
    buffer = QtCore.QBuffer()
    buffer.setData(ElementTree.tostring(root))
    buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
    widget = builder.load(buffer, parent)
    for made in builder.made:
        del made.__dict__["_building"]
    widget.__dict__["_made"] = builder.made
    return widget, builder.made


def _check_widget(path: Path, element: ElementTree.Element) -> Iterator[tuple[str, str, object]]:
    """Check a widget's class and properties; take out those that Slicer and CTK declare, to be set by `_set`."""
    class_name, name = element.get("class", ""), element.get("name", "")
    if class_name == "Line":
        return
    try:
        known = widget_class(class_name)
    except UnknownClass as error:
        raise BadForm(f"{path.name}, widget {name}: no class {class_name}.") from error
    for entry in element.findall("property"):
        property_name = entry.get("name", "")
        kind = known.kind(property_name)
        if kind is Kind.DECLARED_PROPERTY:
            element.remove(entry)
            yield name, property_name, _value(entry)
        elif kind is not Kind.PROPERTY and not _is_free(entry):
            raise BadForm(f"{path.name}, widget {name}: {class_name} has no property {property_name}.")


def _is_free(entry: ElementTree.Element) -> bool:
    name = entry.get("name")
    return name in _DESIGNER_PROPERTIES or (name in _SLICER_PROPERTIES and entry.get("stdset") == "0")


def _check_layout(path: Path, element: ElementTree.Element) -> None:
    class_name = element.get("class", "")
    try:
        known = widget_class(class_name)
    except UnknownClass as error:
        raise BadForm(f"{path.name}: no layout {class_name}.") from error
    for entry in element.findall("property"):
        name = entry.get("name", "")
        if name not in _LAYOUT_PROPERTIES and known.kind(name) is not Kind.PROPERTY:
            raise BadForm(f"{path.name}, layout {element.get('name')}: {class_name} has no property {name}.")


def _value(entry: ElementTree.Element) -> object:
    value = entry[0]
    readers: dict[str, Callable[[ElementTree.Element], object]] = {
        "bool": lambda element: element.text == "true",
        "number": lambda element: int(element.text or "0"),
        "double": lambda element: float(element.text or "0"),
        "stringlist": lambda element: [each.text or "" for each in element.findall("string")],
        "set": lambda element: _Flags(tuple((element.text or "").split("|"))),
    }
    return readers.get(value.tag, lambda element: element.text or "")(value)


@dataclass(frozen=True)
class _Flags:
    """Names of a class's flags, such as ctkPathLineEdit::Dirs."""

    names: tuple[str, ...]

    def of(self, kind: type) -> int:
        return sum(int(getattr(kind, name.rpartition("::")[2])) for name in self.names)


def _set(path: Path, widget: QtWidgets.QWidget, name: str, value: object) -> None:
    try:
        setattr(widget, name, value.of(type(widget)) if isinstance(value, _Flags) else value)
    except AttributeError as error:
        raise BadForm(f"{path.name}, widget {QtCore.QObject.objectName(widget)}: {error}") from error


def _texts(element: ElementTree.Element) -> dict[str, str]:
    return {child.tag: child.text or "" for child in element}


def _connect(path: Path, by_name: dict[str, QtCore.QObject], connection: dict[str, str]) -> None:
    try:
        sender, receiver = by_name[connection["sender"]], by_name[connection["receiver"]]
        slot = signature(connection["slot"])
        function = getattr(receiver, slot.name)
        sender.connect(connection["signal"], lambda *arguments: function(*arguments[: len(slot.arguments)]))
    except (AttributeError, KeyError) as error:
        raise BadForm(f"{path.name}: cannot connect {connection}: {error}") from error
