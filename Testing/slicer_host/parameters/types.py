"""Which storage a parameter's type wants."""

from __future__ import annotations

import enum
import pathlib
import typing

import slicer

from .annotations import Validator, split
from .composed import ListStorage, NoneStorage, RangeStorage, UnionStorage, ValidatedStorage
from .ranges import FloatRange
from .storage import NodeStorage, Storage, TextStorage

_PATHS = (
    pathlib.Path, pathlib.PosixPath, pathlib.WindowsPath,
    pathlib.PurePath, pathlib.PurePosixPath, pathlib.PureWindowsPath,
)  # fmt: skip


def storage_for(datatype: object) -> Storage:
    """The storage for a possibly annotated type.

    Raises:
        TypeError: The type is none that this stand-in knows.
    """
    plain, annotations = split(datatype)
    validators = tuple(annotation for annotation in annotations if isinstance(annotation, Validator))
    inner = _plain_storage(plain)
    return ValidatedStorage(inner, validators) if validators else inner


def _plain_storage(plain: typing.Any) -> Storage:
    if typing.get_origin(plain) is list:
        return ListStorage(storage_for(typing.get_args(plain)[0]))
    if typing.get_origin(plain) is typing.Union:
        return UnionStorage(tuple(storage_for(choice) for choice in typing.get_args(plain)))
    if isinstance(plain, type):
        return _class_storage(plain)
    raise TypeError(
        f"A parameter cannot be of type {plain}: use str, int, float, bool, a path, an Enum, FloatRange, a MRML node "
        "class, list[...], or typing.Optional and typing.Union of these (Slicer does not know X | None)."
    )


def _class_storage(plain: type) -> Storage:
    if plain is bool:
        return TextStorage(bool, str, lambda text: text == "True", bool, (bool,))
    if plain in (int, float):
        return TextStorage(plain, str, plain, lambda: 0, (int, float) if plain is float else (int,))
    if plain is str or plain in _PATHS:
        return TextStorage(plain, str, plain, plain, (plain,))
    if plain is type(None):
        return NoneStorage()
    if plain is FloatRange:
        return RangeStorage()
    if issubclass(plain, enum.Enum):
        return TextStorage(plain, lambda value: value.name, plain.__getitem__, lambda: next(iter(plain)), (plain,))
    if issubclass(plain, slicer.vtkMRMLNode):
        return NodeStorage(plain)
    raise TypeError(f"A parameter cannot be of class {plain.__name__}.")
