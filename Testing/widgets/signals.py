"""Signals as PythonQt offers them: connect by attribute or by signature, arguments cut to what the function takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from PySide6 import QtCore

from .declared import Signature, signature
from .errors import UnknownName

Slot = Callable[..., object]


def accepted_arguments(slot: Slot) -> int | None:
    """How many positional arguments PythonQt passes to a slot; None where it passes all of them.

    >>> accepted_arguments(lambda value: value)
    1
    >>> accepted_arguments(print) is None
    True
    """
    function = slot.__func__ if inspect.ismethod(slot) else slot
    if not inspect.isfunction(function) or function.__code__.co_flags & inspect.CO_VARARGS:
        return None
    return function.__code__.co_argcount - int(inspect.ismethod(slot))


def trimmed(slot: Slot, limit: int | None = None) -> Slot:
    """The slot behind a function that takes any arguments and passes on as many as PythonQt would."""
    counts = [count for count in (accepted_arguments(slot), limit) if count is not None]
    return lambda *arguments: slot(*arguments[: min(counts)]) if counts else slot(*arguments)


class Signal:
    """A signal of one object. Connections live in the object, so that every access sees the same ones."""

    def __init__(self, owner: QtCore.QObject, name: str) -> None:
        self._owner = owner
        self._name = name

    def _connections(self, key: str) -> list[tuple[Slot, Slot]]:
        return self._owner.__dict__.setdefault("_connections", {}).setdefault(key, [])

    def _take(self, key: str, slot: Slot | None) -> list[Slot]:
        """Forget the newest connection to `slot` (all connections without one) and return the wrapped functions."""
        connections = self._connections(key)
        matching = [pair for pair in connections if slot is None or pair[0] == slot]
        gone = matching[-1:] if slot is not None else matching
        for pair in gone:
            connections.remove(pair)
        return [wrapped for _, wrapped in gone]


class QtSignal(Signal):
    """A signal of a Qt class."""

    def __init__(self, owner: QtCore.QObject, name: str, instance: QtCore.SignalInstance) -> None:
        super().__init__(owner, name)
        self._instance = instance

    def connect(self, slot: Slot, *, limit: int | None = None) -> bool:
        """Call the function whenever the signal is emitted."""
        wrapped = trimmed(slot, limit)
        self._connections(self._name).append((slot, wrapped))
        self._instance.connect(wrapped)
        return True

    def disconnect(self, slot: Slot | None = None) -> bool:
        """Undo `connect`; without a function, undo all of this signal's."""
        gone = self._take(self._name, slot)
        for wrapped in gone:
            self._instance.disconnect(wrapped)
        return bool(gone)

    def emit(self, *arguments: object) -> None:
        """Call all connected functions."""
        self._instance.emit(*arguments)

    __call__ = emit


class _Relay(QtCore.QObject):
    """Emits once."""

    fired = QtCore.Signal()


class DeclaredSignal(Signal):
    """A signal of a class of CTK or Slicer, possibly with overloads of the same name."""

    def __init__(self, owner: QtCore.QObject, name: str, overloads: tuple[Signature, ...]) -> None:
        super().__init__(owner, name)
        self._overloads = overloads

    def connect(self, slot: Slot, *, overload: Signature | None = None) -> bool:
        """Call the function whenever the signal is emitted."""
        if overload is None and len(self._overloads) > 1:
            self._refuse_arguments(slot)
        chosen = overload or self._overloads[0]
        self._connections(str(chosen)).append((slot, trimmed(slot, len(chosen.arguments))))
        return True

    def _refuse_arguments(self, slot: Slot) -> None:
        if accepted_arguments(slot) != 0:
            choices = " or ".join(repr(str(overload)) for overload in self._overloads)
            raise TypeError(
                f"{type(self._owner).__name__}.{self._name} has several overloads, so what the slot receives is not "
                f"certain: use connect({choices}, slot), or a slot without arguments."
            )

    def disconnect(self, slot: Slot | None = None, *, overload: Signature | None = None) -> bool:
        """Undo `connect`; without a function, undo all of this signal's."""
        return bool(self._take(str(overload or self._overloads[0]), slot))

    def emit(self, *arguments: object) -> None:
        """Emit every overload that has this number of arguments."""
        for overload in self._overloads:
            if len(overload.arguments) == len(arguments):
                self.emit_overload(overload, *arguments)

    __call__ = emit

    def emit_overload(self, overload: Signature, *arguments: object) -> None:
        """Emit one overload, unless the object blocks its signals. Like Qt, go on after a slot that fails."""
        if self._owner.signalsBlocked():
            return
        for _, wrapped in list(self._connections(str(overload))):
            # Qt calls the slot, so that what it raises is reported as from every other slot.
            relay = _Relay()
            relay.fired.connect(lambda wrapped=wrapped: wrapped(*arguments))
            relay.fired.emit()


def connect(owner: QtCore.QObject, text: str, slot: Slot) -> bool:
    """`owner.connect("valueChanged(double)", slot)`, with an error for a signal that does not exist."""
    signal, wanted = _find(owner, text)
    if isinstance(signal, DeclaredSignal):
        return signal.connect(slot, overload=wanted)
    return signal.connect(slot, limit=len(wanted.arguments))


def disconnect(owner: QtCore.QObject, text: str, slot: Slot | None) -> bool:
    """`owner.disconnect("valueChanged(double)", slot)`, with an error for a signal that does not exist."""
    signal, wanted = _find(owner, text)
    return signal.disconnect(slot, overload=wanted) if isinstance(signal, DeclaredSignal) else signal.disconnect(slot)


def _find(owner: QtCore.QObject, text: str) -> tuple[Signal, Signature]:
    wanted = signature(text)
    found = getattr(owner, wanted.name, None)
    if isinstance(found, DeclaredSignal) and wanted in found._overloads:
        return found, wanted
    if isinstance(found, QtSignal) and owner.metaObject().indexOfSignal(str(wanted)) >= 0:
        return found, wanted
    raise UnknownName(f"{type(owner).__name__} has no signal {text}.")
