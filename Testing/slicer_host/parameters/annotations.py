"""What may stand in `Annotated[...]` of a parameter: defaults, validators, hints for widgets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_args


@dataclass(frozen=True)
class Decimals:
    """Number of decimals of the connected widget."""

    value: int


@dataclass(frozen=True)
class SingleStep:
    """Step of the connected widget."""

    value: float


class Default:
    """A parameter's first value, or the function that makes it."""

    def __init__(self, value: object = None, generator: Callable[[], object] | None = None) -> None:
        self._value = value
        self._generator = generator

    @property
    def value(self) -> object:
        """The value."""
        return self._generator() if self._generator else self._value


class Validator:
    """Refuses values by raising."""

    def validate(self, value: object) -> None:
        """Raise ValueError or TypeError for a value that is not allowed."""
        raise TypeError(f"{type(self).__name__} has no validate(), so it cannot judge {value!r}.")


class NotNone(Validator):
    """Refuses None."""

    def validate(self, value: object) -> None:
        if value is None:
            raise ValueError("The value must not be None.")


class IsInstance(Validator):
    """Refuses values of other classes; None passes."""

    def __init__(self, classtype: type | tuple[type, ...]) -> None:
        self.classtype = classtype

    def validate(self, value: object) -> None:
        if value is not None and not isinstance(value, self.classtype):
            raise TypeError(f"Expected {self.classtype}, got {value!r}.")


class WithinRange(Validator):
    """Refuses numbers outside the closed range."""

    def __init__(self, minimum: float, maximum: float) -> None:
        self.minimum = minimum
        self.maximum = maximum

    def validate(self, value: Any) -> None:
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"Expected a value from {self.minimum} to {self.maximum}, got {value}.")


class Minimum(Validator):
    """Refuses smaller numbers."""

    def __init__(self, minimum: float) -> None:
        self.minimum = minimum

    def validate(self, value: Any) -> None:
        if value < self.minimum:
            raise ValueError(f"Expected at least {self.minimum}, got {value}.")


class Maximum(Validator):
    """Refuses larger numbers."""

    def __init__(self, maximum: float) -> None:
        self.maximum = maximum

    def validate(self, value: Any) -> None:
        if value > self.maximum:
            raise ValueError(f"Expected at most {self.maximum}, got {value}.")


class Choice(Validator):
    """Refuses everything but the choices."""

    def __init__(self, choices: Sequence[object]) -> None:
        self.choices = choices

    def validate(self, value: object) -> None:
        if value not in self.choices:
            raise ValueError(f"Expected one of {list(self.choices)}, got {value!r}.")


class Exclude(Validator):
    """Refuses some values."""

    def __init__(self, excludedValues: Sequence[object]) -> None:
        self.excludedValues = excludedValues

    def validate(self, value: object) -> None:
        if value in self.excludedValues:
            raise ValueError(f"{value!r} is not allowed.")


class RangeBounds(Validator):
    """Refuses ranges that leave the bounds."""

    def __init__(self, minimum: float, maximum: float) -> None:
        self.minimum = minimum
        self.maximum = maximum

    def validate(self, value: Any) -> None:
        if not self.minimum <= value.minimum <= value.maximum <= self.maximum:
            raise ValueError(f"Expected a range within {self.minimum} to {self.maximum}, got {value}.")


def split(datatype: object) -> tuple[Any, tuple[object, ...]]:
    """A type without its annotations, and these.

    >>> split(Annotated[int, Minimum(0)])[0], split(int)
    (<class 'int'>, (<class 'int'>, ()))
    """
    plain, *annotations = get_args(Annotated[datatype, None])
    return plain, tuple(annotations[:-1])


def first(annotations: Sequence[object], kind: type) -> Any:
    """The first annotation of a kind, or None."""
    return next((annotation for annotation in annotations if isinstance(annotation, kind)), None)
