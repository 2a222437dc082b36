"""How values that consist of others are stored: lists, ranges, choices of types."""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableSequence
from dataclasses import dataclass, field

import slicer

from .annotations import IsInstance, NotNone, Validator
from .ranges import FloatRange
from .storage import Node, Storage, all_or_nothing


@dataclass(frozen=True)
class ListStorage(Storage):
    """A list: its length and its items, each a value of its own."""

    item: Storage

    def default(self) -> list[object]:
        return []

    def is_in(self, node: Node, name: str) -> bool:
        return super().is_in(node, f"{name}.len")

    def write(self, node: Node, name: str, values: Iterable[object]) -> None:
        items = list(values)
        with all_or_nothing(self, node, name):
            self.remove(node, name)
            node.SetParameter(f"{name}.len", str(len(items)))
            for index, value in enumerate(items):
                self.item.write(node, f"{name}.{index}", value)

    def read(self, node: Node, name: str) -> ObservedList:
        length = int(node.GetParameter(f"{name}.len"))
        values = [self.item.read(node, f"{name}.{index}") for index in range(length)]
        return ObservedList(values, lambda changed: self.write(node, name, changed))

    def remove(self, node: Node, name: str) -> None:
        for index in range(int(node.GetParameter(f"{name}.len") or 0)):
            self.item.remove(node, f"{name}.{index}")
        node.UnsetParameter(f"{name}.len")

    def fits(self, value: object) -> bool:
        return isinstance(value, list | ObservedList)


class ObservedList(MutableSequence):
    """A list that writes itself back on every change."""

    def __init__(self, values: list[object], save: Callable[[list[object]], None]) -> None:
        self._values = values
        self._save = save

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, index: int | slice) -> object:
        return self._values[index]

    def __setitem__(self, index: int | slice, value: object) -> None:
        self._values[index] = value
        self._save(self._values)

    def __delitem__(self, index: int | slice) -> None:
        del self._values[index]
        self._save(self._values)

    def insert(self, index: int, value: object) -> None:
        """Insert one item."""
        self._values.insert(index, value)
        self._save(self._values)

    def __eq__(self, other: object) -> bool:
        return self._values == (other._values if isinstance(other, ObservedList) else other)

    def __hash__(self) -> int:
        raise TypeError("A list parameter has no hash.")

    def __repr__(self) -> str:
        return f"ObservedList({self._values})"


@dataclass(frozen=True)
class RangeStorage(Storage):
    """A FloatRange: both ends."""

    def default(self) -> FloatRange:
        return FloatRange()

    def is_in(self, node: Node, name: str) -> bool:
        return super().is_in(node, f"{name}._minimum")

    def write(self, node: Node, name: str, value: FloatRange) -> None:
        NotNone().validate(value)
        IsInstance(FloatRange).validate(value)
        with slicer.util.NodeModify(node):
            node.SetParameter(f"{name}._minimum", str(value.minimum))
            node.SetParameter(f"{name}._maximum", str(value.maximum))

    def read(self, node: Node, name: str) -> FloatRange:
        return FloatRange(*(float(node.GetParameter(f"{name}.{end}")) for end in ("_minimum", "_maximum")))

    def remove(self, node: Node, name: str) -> None:
        node.UnsetParameter(f"{name}._minimum")
        node.UnsetParameter(f"{name}._maximum")

    def fits(self, value: object) -> bool:
        return isinstance(value, FloatRange)


@dataclass(frozen=True)
class NoneStorage(Storage):
    """Nothing, as one choice of an Optional."""

    def default(self) -> None:
        return None

    def write(self, node: Node, name: str, value: None) -> None:
        IsInstance(type(None)).validate(value)
        node.SetParameter(name, "True")

    def read(self, node: Node, name: str) -> None:  # noqa: ARG002
        return None

    def fits(self, value: object) -> bool:
        return value is None


@dataclass(frozen=True)
class UnionStorage(Storage):
    """One of several types; the name's suffix tells which."""

    choices: tuple[Storage, ...]

    def default(self) -> object:
        optional = len(self.choices) == 2 and isinstance(self.choices[1], NoneStorage)
        return None if optional else self.choices[0].default()

    def is_in(self, node: Node, name: str) -> bool:
        return any(choice.is_in(node, f"{name}.{index}") for index, choice in enumerate(self.choices))

    def write(self, node: Node, name: str, value: object) -> None:
        fitting = next((index for index, choice in enumerate(self.choices) if choice.fits(value)), None)
        if fitting is None:
            raise TypeError(f"{value!r} fits none of the types of {name}.")
        with all_or_nothing(self, node, name):
            self.remove(node, name)
            self.choices[fitting].write(node, f"{name}.{fitting}", value)

    def read(self, node: Node, name: str) -> object:
        index = next(i for i, choice in enumerate(self.choices) if choice.is_in(node, f"{name}.{i}"))
        return self.choices[index].read(node, f"{name}.{index}")

    def remove(self, node: Node, name: str) -> None:
        for index, choice in enumerate(self.choices):
            choice.remove(node, f"{name}.{index}")

    def fits(self, value: object) -> bool:
        return any(choice.fits(value) for choice in self.choices)


@dataclass(frozen=True)
class ValidatedStorage(Storage):
    """A storage that first asks the validators."""

    inner: Storage
    validators: tuple[Validator, ...] = field(default=())

    def default(self) -> object:
        return self.inner.default()

    def is_in(self, node: Node, name: str) -> bool:
        return self.inner.is_in(node, name)

    def write(self, node: Node, name: str, value: object) -> None:
        for validator in self.validators:
            validator.validate(value)
        self.inner.write(node, name, value)

    def read(self, node: Node, name: str) -> object:
        return self.inner.read(node, name)

    def remove(self, node: Node, name: str) -> None:
        self.inner.remove(node, name)

    def fits(self, value: object) -> bool:
        return self.inner.fits(value)
