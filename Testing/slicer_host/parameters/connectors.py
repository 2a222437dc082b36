"""Which widget may show which type of parameter, and how: the same pairs as in Slicer, exact classes included."""

from __future__ import annotations

import enum
import pathlib
import typing
from collections.abc import Callable
from dataclasses import dataclass

import slicer
from widgets.factory import widget_class

from .annotations import Choice, Decimals, Maximum, Minimum, RangeBounds, SingleStep, WithinRange, first, split
from .ranges import FloatRange


@dataclass(frozen=True)
class Connector:
    """One widget that shows one parameter."""

    signal: typing.Any
    read: Callable[[], object]
    write: Callable[[typing.Any], None]


def connector_for(widget: typing.Any, datatype: object) -> Connector:
    """The connector of a widget and a possibly annotated type.

    Raises:
        RuntimeError: Slicer has none for this pair, or an annotation that it needs is missing.
    """
    plain, annotations = split(datatype)
    for classes, accepts, make in _PAIRS:
        if any(type(widget) is widget_class(name) for name in classes) and accepts(plain):
            return make(widget, plain, annotations)
    raise RuntimeError(f"Slicer cannot connect a parameter of type {plain} with a {type(widget).__name__}.")


def node_types(plain: typing.Any) -> list[str]:
    """Names of the node classes of a parameter's type; empty where it is no node's."""
    kinds = typing.get_args(plain) if typing.get_origin(plain) is typing.Union else (plain,)
    named = [split(kind)[0] for kind in kinds]
    nodes = [kind for kind in named if isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode)]
    others = [kind for kind in named if kind not in nodes and kind is not type(None)]
    return [] if others else [kind().GetClassName() for kind in nodes]


def _attribute(widget: typing.Any, signal: str, name: str, convert: Callable[[typing.Any], object]) -> Connector:
    return Connector(
        getattr(widget, signal), lambda: convert(getattr(widget, name)), lambda value: setattr(widget, name, value)
    )


def _check_box(widget: typing.Any, *_: object) -> Connector:
    return _attribute(widget, "stateChanged", "checked", bool)


def _push_button(widget: typing.Any, *_: object) -> Connector:
    widget.checkable = True
    return _attribute(widget, "toggled", "checked", bool)


def _limits(annotations: tuple[object, ...]) -> tuple[float | None, float | None]:
    both = first(annotations, WithinRange)
    low, high = first(annotations, Minimum), first(annotations, Maximum)
    if both:
        return both.minimum, both.maximum
    return (low.minimum if low else None, high.maximum if high else None)


def _number(widget: typing.Any, plain: type, annotations: tuple[object, ...]) -> Connector:
    _set_format(widget, annotations)
    low, high = _limits(annotations)
    is_slider = type(widget) in (widget_class("QSlider"), widget_class("ctkSliderWidget"))
    if is_slider and None in (low, high):
        raise RuntimeError("A slider needs a parameter with WithinRange, or with Minimum and Maximum.")
    unlimited = 2**31 - 1 if plain is int else float("inf")
    widget.minimum = -unlimited if low is None else low
    widget.maximum = unlimited if high is None else high
    return _attribute(widget, "valueChanged", "value", plain)


def _set_format(widget: typing.Any, annotations: tuple[object, ...]) -> None:
    decimals, step = first(annotations, Decimals), first(annotations, SingleStep)
    if decimals:
        widget.decimals = decimals.value
    if step:
        widget.singleStep = step.value


def _choices(widget: typing.Any, plain: type, annotations: tuple[object, ...]) -> Connector:
    choice = first(annotations, Choice)
    if choice is None:
        raise RuntimeError(f"A combo box needs a {plain.__name__} with Choice.")
    return _combo_box(widget, [(str(value), value) for value in choice.choices])


def _enum(widget: typing.Any, plain: type[enum.Enum], _: object) -> Connector:
    label = getattr(plain, "label", lambda member: member.name)
    return _combo_box(widget, [(label(member), member) for member in plain])


def _combo_box(widget: typing.Any, items: list[tuple[str, object]]) -> Connector:
    widget.clear()
    widget.addItems([text for text, _ in items])
    values = [value for _, value in items]
    return Connector(
        widget.currentIndexChanged,
        lambda: values[widget.currentIndex],
        lambda value: setattr(widget, "currentIndex", values.index(value)),
    )


def _line_edit(widget: typing.Any, *_: object) -> Connector:
    return _attribute(widget, "textChanged", "text", str)


def _text_edit(widget: typing.Any, *_: object) -> Connector:
    return Connector(widget.textChanged, widget.toPlainText, widget.setPlainText)


def _range(widget: typing.Any, _: object, annotations: tuple[object, ...]) -> Connector:
    _set_format(widget, annotations)
    bounds = first(annotations, RangeBounds)
    if bounds is None:
        raise RuntimeError("A range widget needs a FloatRange with RangeBounds.")
    widget.setRange(bounds.minimum, bounds.maximum)
    return Connector(
        widget.valuesChanged,
        lambda: FloatRange(widget.minimumValue, widget.maximumValue),
        lambda value: widget.setValues(value.minimum, value.maximum),
    )


def _path(widget: typing.Any, plain: type, _: object) -> Connector:
    name, signal = (
        ("currentPath", "currentPathChanged") if hasattr(widget, "currentPath") else ("directory", "directoryChanged")
    )
    return Connector(
        getattr(widget, signal), lambda: plain(getattr(widget, name)), lambda value: setattr(widget, name, str(value))
    )


def _node(widget: typing.Any, plain: typing.Any, _: object) -> Connector:
    widget.nodeTypes = node_types(plain)
    return Connector(widget.currentNodeChanged, widget.currentNode, widget.setCurrentNode)


def _is(*kinds: type) -> Callable[[object], bool]:
    return lambda plain: plain in kinds


def _is_enum(plain: object) -> bool:
    return isinstance(plain, type) and issubclass(plain, enum.Enum)


def _is_path(plain: object) -> bool:
    return isinstance(plain, type) and issubclass(plain, pathlib.PurePath)


_PAIRS: tuple[tuple[tuple[str, ...], Callable[[object], bool], Callable[..., Connector]], ...] = (
    (("QCheckBox",), _is(bool), _check_box),
    (("QPushButton", "ctkCheckablePushButton"), _is(bool), _push_button),
    (("QSlider", "QSpinBox"), _is(int), _number),
    (("QDoubleSpinBox", "ctkSliderWidget"), _is(int, float), _number),
    (("QComboBox",), _is(int, float, str, bool), _choices),
    (("QComboBox",), _is_enum, _enum),
    (("QLineEdit",), _is(str), _line_edit),
    (("QTextEdit",), _is(str), _text_edit),
    (("ctkRangeWidget",), _is(FloatRange), _range),
    (("ctkPathLineEdit", "ctkDirectoryButton"), _is_path, _path),
    (("qMRMLNodeComboBox",), lambda plain: bool(node_types(plain)), _node),
)
