"""How one value is stored in a vtkMRMLScriptedModuleNode."""

from __future__ import annotations

import abc
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass

import slicer

from .annotations import IsInstance, NotNone

Node = slicer.vtkMRMLScriptedModuleNode


class Storage(abc.ABC):
    """Writes values of one type into a node, and reads them."""

    @abc.abstractmethod
    def default(self) -> object:
        """The value of a parameter without another default."""

    @abc.abstractmethod
    def write(self, node: Node, name: str, value: typing.Any) -> None:
        """Store a value. ValueError or TypeError for one that does not fit."""

    @abc.abstractmethod
    def read(self, node: Node, name: str) -> object:
        """The stored value."""

    @abc.abstractmethod
    def fits(self, value: object) -> bool:
        """Whether a value is of this type."""

    def is_in(self, node: Node, name: str) -> bool:
        """Whether the node has a value of this name."""
        return bool(node.HasParameter(name))

    def remove(self, node: Node, name: str) -> None:
        """Forget the value."""
        node.UnsetParameter(name)


@contextmanager
def all_or_nothing(storage: Storage, node: Node, name: str) -> Iterator[None]:
    """Hold the node's events back; where writing fails, put the old value back."""
    before = copy(storage.read(node, name)) if storage.is_in(node, name) else None
    with slicer.util.NodeModify(node):
        try:
            yield
        except (TypeError, ValueError):
            storage.remove(node, name)
            if before is not None:
                storage.write(node, name, before)
            raise


@dataclass(frozen=True)
class TextStorage(Storage):
    """A value that one text says."""

    kind: type
    to_text: Callable[[typing.Any], str]
    from_text: Callable[[str], object]
    empty: Callable[[], object]
    accepted: tuple[type, ...]

    def default(self) -> object:
        return self.empty()

    def write(self, node: Node, name: str, value: object) -> None:
        NotNone().validate(value)
        IsInstance(self.accepted).validate(value)
        node.SetParameter(name, self.to_text(value))

    def read(self, node: Node, name: str) -> object:
        return self.from_text(node.GetParameter(name))

    def fits(self, value: object) -> bool:
        return isinstance(value, self.accepted)


@dataclass(frozen=True)
class NodeStorage(Storage):
    """A reference to a MRML node. An empty text beside it tells None from absent."""

    kind: type

    def default(self) -> None:
        return None

    def write(self, node: Node, name: str, value: slicer.vtkMRMLNode | None) -> None:
        IsInstance(self.kind).validate(value)
        with slicer.util.NodeModify(node):
            node.SetParameter(name, "")
            node.SetNodeReferenceID(name, value.GetID() if value else None)

    def read(self, node: Node, name: str) -> slicer.vtkMRMLNode | None:
        return node.GetNodeReference(name)

    def remove(self, node: Node, name: str) -> None:
        node.UnsetParameter(name)
        node.RemoveNodeReferenceIDs(name)

    def fits(self, value: object) -> bool:
        return isinstance(value, self.kind)
