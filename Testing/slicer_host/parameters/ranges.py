"""A range of numbers as one parameter."""

from __future__ import annotations


class FloatRange:
    """A minimum and a maximum that is not smaller."""

    def __init__(self, minimum: float = 0, maximum: float = 0) -> None:
        self.setRange(minimum, maximum)

    @staticmethod
    def checkRange(minimum: float, maximum: float) -> None:
        """Raise ValueError where the minimum exceeds the maximum."""
        if minimum > maximum:
            raise ValueError(f"The range's minimum {minimum} exceeds its maximum {maximum}.")

    def setRange(self, minimum: float, maximum: float) -> None:
        """Set both ends."""
        self.checkRange(minimum, maximum)
        self._ends = (minimum, maximum)

    @property
    def minimum(self) -> float:
        """The lower end."""
        return self._ends[0]

    @minimum.setter
    def minimum(self, value: float) -> None:
        self.setRange(value, self.maximum)

    @property
    def maximum(self) -> float:
        """The upper end."""
        return self._ends[1]

    @maximum.setter
    def maximum(self, value: float) -> None:
        self.setRange(self.minimum, value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FloatRange) and self._ends == other._ends

    def __hash__(self) -> int:
        return hash(self._ends)

    def __repr__(self) -> str:
        return f"FloatRange({self.minimum}, {self.maximum})"
