"""Attribute access as PythonQt does it: Qt properties are attributes, names that do not exist raise."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto

from PySide6 import QtCore

from . import signals
from .declared import Signature, lineage
from .errors import NotImitated, UnknownName


class Kind(Enum):
    """What a name means on an object of a class."""

    PROPERTY = auto()
    DECLARED_PROPERTY = auto()
    SIGNAL = auto()
    DECLARED_SIGNAL = auto()
    METHOD = auto()
    PYTHON = auto()
    UNKNOWN = auto()


class StandInType(type(QtCore.QObject)):
    """Class of the stand-in classes: knows what names mean; any object of its Qt class counts as its instance."""

    def __instancecheck__(cls, instance: object) -> bool:
        return cls.__subclasscheck__(type(instance))

    def __subclasscheck__(cls, other: type) -> bool:
        wanted = cls.__dict__.get("_qt_itself")
        return type.__subclasscheck__(wanted, other) if wanted else type.__subclasscheck__(cls, other)

    def kind(cls, name: str) -> Kind:
        """What `name` means on an instance."""
        kinds = cls.__dict__.get("_kinds")
        if kinds is None:
            kinds = {}
            type.__setattr__(cls, "_kinds", kinds)
        if name not in kinds:
            kinds[name] = cls._find_kind(name)
        return kinds[name]

    def _find_kind(cls, name: str) -> Kind:
        if cls._is_python_member(name):
            return Kind.PYTHON
        for declaration in lineage(cls._declared_name):
            if name in declaration.properties:
                return Kind.DECLARED_PROPERTY
            if any(name == signal.name for signal in declaration.signals):
                return Kind.DECLARED_SIGNAL
            if any(name == method.name for method in declaration.methods):
                return Kind.METHOD
        return _qt_kind(cls._qt, name)

    def _is_python_member(cls, name: str) -> bool:
        for ancestor in cls.__mro__:
            if "_generated" in ancestor.__dict__:
                return False
            if name in ancestor.__dict__:
                return True
        return False

    def overloads(cls, name: str) -> tuple[Signature, ...]:
        """The declared signals of this name."""
        return tuple(s for declaration in lineage(cls._declared_name) for s in declaration.signals if s.name == name)

    def is_python_class(cls) -> bool:
        """Whether a module file derived this class; its instances may have attributes of their own."""
        return "_generated" not in cls.__dict__


def _qt_kind(qt_class: type, name: str) -> Kind:
    meta = qt_class.staticMetaObject
    is_timer_function = name == "singleShot" and issubclass(qt_class, QtCore.QTimer)
    if meta.indexOfProperty(name) >= 0 and not is_timer_function:
        return Kind.PROPERTY
    if name in _qt_signals(qt_class):
        return Kind.SIGNAL
    return Kind.METHOD if hasattr(qt_class, name) else Kind.UNKNOWN


def _qt_signals(qt_class: type) -> set[str]:
    meta = qt_class.staticMetaObject
    methods = (meta.method(index) for index in range(meta.methodCount()))
    return {bytes(m.name().data()).decode() for m in methods if m.methodType() == QtCore.QMetaMethod.MethodType.Signal}


class PythonQtAccess:
    """Mixed into every stand-in class, before its Qt class."""

    def __init__(self, *arguments: object) -> None:
        # Keyword arguments set properties in PySide6 and are an error in PythonQt, hence positional ones only.
        self._values: dict[str, object] = {}
        self._reading: set[str] = set()
        super().__init__(*arguments)
        self._set_up()

    def _set_up(self) -> None:
        """What a behaviour prepares; nothing by default."""

    def __getattribute__(self, name: str) -> object:
        inherited = super().__getattribute__
        if name.startswith("_"):
            return inherited(name)
        if name in _OWN_METHODS:
            # PySide6 finds QObject.connect before a mixin's.
            return getattr(PythonQtAccess, name).__get__(self)
        kind = type(self).kind(name)
        if kind in (Kind.METHOD, Kind.PYTHON):
            return inherited(name)
        if kind is Kind.PROPERTY:
            # Qt's virtual functions of the same name (sizeHint) look here for an override while the property is read.
            return inherited(name) if name in self._reading else _read(self, name)
        return _READERS[kind](self, name)

    def __setattr__(self, name: str, value: object) -> None:
        kind = type(self).kind("objectName" if name == "name" else name)
        if name.startswith("_") or kind is Kind.PYTHON:
            super().__setattr__(name, value)
        elif kind is Kind.PROPERTY:
            _write(self, "objectName" if name == "name" else name, value)
        elif kind is Kind.DECLARED_PROPERTY:
            getattr(self, f"_set_{name}", lambda new: self._store(name, new))(value)
        elif kind is Kind.UNKNOWN and "_building" in self.__dict__:
            # PySide6's form loader sets every child as an attribute of its parent; here children are looked up.
            return
        elif kind is Kind.UNKNOWN and name in _dynamic_names(self):
            QtCore.QObject.setProperty(self, name, value)
        elif kind is Kind.UNKNOWN and type(self).is_python_class():
            super().__setattr__(name, value)
        else:
            raise UnknownName(_refusal(self, name, kind))

    def _store(self, name: str, value: object) -> None:
        """Keep a declared property's value, converted to the type of its default, and tell those who listen."""
        converted = self._converted(name, value)
        if self._values.get(name, self._default(name)) == converted:
            self._values[name] = converted
            return
        self._values[name] = converted
        if len(type(self).overloads(f"{name}Changed")) == 1:
            self._emit(f"{name}Changed", converted)

    def _default(self, name: str) -> object:
        for ancestor in type(self).__mro__:
            if name in ancestor.__dict__.get("DEFAULTS", {}):
                return ancestor.__dict__["DEFAULTS"][name]
        return None

    def _converted(self, name: str, value: object) -> object:
        default = self._default(name)
        if default is None:
            return value
        number = isinstance(default, int | float) and isinstance(value, int | float | Enum)
        sequence = isinstance(default, list) and isinstance(value, list | tuple)
        if number or sequence or (isinstance(default, str) and isinstance(value, str)):
            return type(default)(value.value if isinstance(value, Enum) else value)
        raise UnknownName(f"Property {name} of {type(self).__name__} does not accept {value!r}.")

    def _emit(self, name: str, *arguments: object) -> None:
        """Emit the declared signal's overload that has this number of arguments."""
        signals.DeclaredSignal(self, name, type(self).overloads(name)).emit(*arguments)

    def _emit_overload(self, text: str, *arguments: object) -> None:
        wanted = signals.signature(text)
        signals.DeclaredSignal(self, wanted.name, type(self).overloads(wanted.name)).emit_overload(wanted, *arguments)

    def connect(self, signal: str, slot: Callable[..., object]) -> bool:
        """Connect a function to the signal of this signature."""
        return signals.connect(self, signal, slot)

    def disconnect(self, signal: str, slot: Callable[..., object] | None = None) -> bool:
        """Undo `connect`."""
        return signals.disconnect(self, signal, slot)

    def className(self) -> str:
        """The name of the C++ class."""
        return type(self)._declared_name

    def findChildren(self, wanted: type | str, name: str | None = None) -> list[QtCore.QObject]:
        """All descendants of a class (given as class or by name), in tree order."""
        found = [child for child in _descendants(self) if _is_a(child, wanted)]
        return [child for child in found if name is None or QtCore.QObject.objectName(child) == name]

    def findChild(self, wanted: type | str, name: str | None = None) -> QtCore.QObject | None:
        """The first of `findChildren`, or None."""
        return next(iter(PythonQtAccess.findChildren(self, wanted, name)), None)


def _descendants(root: QtCore.QObject) -> list[QtCore.QObject]:
    children = QtCore.QObject.children(root)
    return [each for child in children for each in (child, *_descendants(child))]


def _is_a(child: QtCore.QObject, wanted: type | str) -> bool:
    return child.inherits(wanted) if isinstance(wanted, str) else isinstance(child, wanted)


def _read(owner: PythonQtAccess, name: str) -> object:
    owner._reading.add(name)
    try:
        return QtCore.QObject.property(owner, name)
    finally:
        owner._reading.discard(name)


def _write(owner: PythonQtAccess, name: str, value: object) -> None:
    meta = owner.metaObject()
    if not meta.property(meta.indexOfProperty(name)).isWritable():
        raise UnknownName(f"Property {name} of {type(owner).__name__} is not writable.")
    if value is None or not QtCore.QObject.setProperty(owner, name, value):
        raise UnknownName(f"Property {name} of {type(owner).__name__} does not accept {value!r}.")


def _read_declared(owner: PythonQtAccess, name: str) -> object:
    getter = getattr(type(owner), f"_get_{name}", None)
    if getter:
        return getter(owner)
    value = owner._values.get(name, owner._default(name))
    if value is None:
        raise NotImitated(
            f"{type(owner).__name__}.{name} exists in Slicer, but the stand-in does not know its default."
        )
    return list(value) if isinstance(value, list) else value


def _signal(owner: PythonQtAccess, name: str) -> signals.Signal:
    instance = getattr(super(PythonQtAccess, owner), name)
    types = _first_overload(owner.metaObject(), name)
    return signals.QtSignal(owner, name, instance[types] if types else instance)


def _first_overload(meta: QtCore.QMetaObject, name: str) -> str:
    """The C++ types of the overload that PythonQt connects to by name: the first one that Qt declares."""
    methods = (meta.method(index) for index in range(meta.methodCount()))
    first = next(method for method in methods if bytes(method.name().data()).decode() == name)
    return ",".join(bytes(each.data()).decode() for each in first.parameterTypes())


def _declared_signal(owner: PythonQtAccess, name: str) -> signals.Signal:
    return signals.DeclaredSignal(owner, name, type(owner).overloads(name))


def _unknown(owner: PythonQtAccess, name: str) -> object:
    if name == "name":
        return QtCore.QObject.objectName(owner)
    if name.endswith("_") and type(owner).kind(name[:-1]) is Kind.METHOD:
        return getattr(owner, name[:-1])
    if name in _dynamic_names(owner):
        return QtCore.QObject.property(owner, name)
    if type(owner).is_python_class() and name in owner.__dict__:
        return owner.__dict__[name]
    for child in QtCore.QObject.children(owner):
        if QtCore.QObject.objectName(child) == name:
            return child
    raise UnknownName(f"{type(owner).__name__} has no attribute {name!r} in Slicer.")


def _dynamic_names(owner: QtCore.QObject) -> set[str]:
    return {bytes(name.data()).decode() for name in QtCore.QObject.dynamicPropertyNames(owner)}


def _refusal(owner: PythonQtAccess, name: str, kind: Kind) -> str:
    if kind is Kind.UNKNOWN:
        return f"{type(owner).__name__} has no property {name!r} in Slicer, and its objects take no new attributes."
    return f"{name} is a signal or method of {type(owner).__name__} and cannot be set."


_OWN_METHODS = {"className", "connect", "disconnect", "findChild", "findChildren"}
_READERS = {
    Kind.DECLARED_PROPERTY: _read_declared,
    Kind.SIGNAL: _signal,
    Kind.DECLARED_SIGNAL: _declared_signal,
    Kind.UNKNOWN: _unknown,
}
