"""Dialogs never wait for a person here: whatever would show one and wait raises `PopUp`."""

from __future__ import annotations

from PySide6 import QtWidgets

from .errors import PopUp

_WAITING_FUNCTIONS = {
    "QMessageBox": ("about", "aboutQt", "critical", "information", "question", "warning"),
    "QFileDialog": (
        "getExistingDirectory",
        "getExistingDirectoryUrl",
        "getOpenFileName",
        "getOpenFileNames",
        "getOpenFileUrl",
        "getOpenFileUrls",
        "getSaveFileName",
        "getSaveFileUrl",
    ),
    "QInputDialog": ("getDouble", "getInt", "getItem", "getMultiLineText", "getText"),
    "QColorDialog": ("getColor",),
    "QFontDialog": ("getFont",),
}


def waiting_functions(name: str, qt_class: type) -> dict[str, object]:
    """Class members that raise instead of waiting, for a dialog or menu class; empty for other classes."""
    functions: dict[str, object] = {
        function: staticmethod(_raising(f"{name}.{function}")) for function in _WAITING_FUNCTIONS.get(name, ())
    }
    if issubclass(qt_class, QtWidgets.QDialog | QtWidgets.QMenu):
        functions["exec"] = functions["exec_"] = _raising(f"{name}.exec")
    return functions


def _raising(what: str) -> object:
    def wait(*arguments: object, **_: object) -> object:
        texts = [argument for argument in arguments if isinstance(argument, str)]
        owner = next((argument for argument in arguments if isinstance(argument, QtWidgets.QMessageBox)), None)
        said = " ".join([owner.text, *texts] if owner is not None else texts)
        raise PopUp(f"{what} would wait for a person: {said}".rstrip(": "))

    return wait
