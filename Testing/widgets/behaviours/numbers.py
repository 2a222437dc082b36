"""CTK's sliders, spin boxes and ranges."""

from __future__ import annotations

from typing import ClassVar


class NumberWidget:
    """One number within limits. A value outside them moves to the nearest limit, as in CTK."""

    DEFAULTS: ClassVar[dict[str, object]] = {
        "decimals": 2,
        "maximum": 99.0,
        "minimum": 0.0,
        "prefix": "",
        "singleStep": 1.0,
        "suffix": "",
        "value": 0.0,
    }

    def _set_value(self, value: float) -> None:
        number = round(float(value), self.decimals)
        inside = min(max(number, self.minimum), self.maximum)
        if inside != self.value:
            self._values["value"] = inside
            self._tell(inside)

    def _tell(self, value: float) -> None:
        self._emit_overload("valueChanged(double)", value)

    def _set_minimum(self, minimum: float) -> None:
        self._store("minimum", minimum)
        if self.maximum < minimum:
            self._store("maximum", minimum)
        self._set_value(self.value)

    def _set_maximum(self, maximum: float) -> None:
        self._store("maximum", maximum)
        if self.minimum > maximum:
            self._store("minimum", maximum)
        self._set_value(self.value)


class SliderWidget(NumberWidget):
    """A slider with a spin box."""

    DEFAULTS: ClassVar[dict[str, object]] = {
        "pageStep": 10.0,
        "spinBoxVisible": True,
        "tickInterval": 0.0,
        "tracking": True,
    }

    def _tell(self, value: float) -> None:
        self._emit("valueIsChanging", value)
        super()._tell(value)

    def reset(self) -> None:
        """Go back to the minimum."""
        self._set_value(self.minimum)


class DoubleSpinBox(NumberWidget):
    """A spin box."""

    DEFAULTS: ClassVar[dict[str, object]] = {"readOnly": False, "frame": True}

    def stepUp(self) -> None:
        """One step up."""
        self._set_value(self.value + self.singleStep)

    def stepDown(self) -> None:
        """One step down."""
        self._set_value(self.value - self.singleStep)


class RangeWidget:
    """Two numbers within limits."""

    DEFAULTS: ClassVar[dict[str, object]] = {
        "decimals": 2,
        "maximum": 99.0,
        "maximumValue": 99.0,
        "minimum": 0.0,
        "minimumValue": 0.0,
        "prefix": "",
        "singleStep": 1.0,
        "suffix": "",
        "symmetricMoves": False,
        "tracking": True,
    }

    def setValues(self, minimum: float, maximum: float) -> None:
        """Set both numbers at once."""
        low, high = sorted(min(max(float(v), self.minimum), self.maximum) for v in (minimum, maximum))
        old = (self.minimumValue, self.maximumValue)
        self._values |= {"minimumValue": low, "maximumValue": high}
        if low != old[0]:
            self._emit("minimumValueChanged", low)
        if high != old[1]:
            self._emit("maximumValueChanged", high)
        if (low, high) != old:
            self._emit("valuesChanged", low, high)

    def setRange(self, minimum: float, maximum: float) -> None:
        """Set the limits."""
        low, high = sorted((float(minimum), float(maximum)))
        if (low, high) != (self.minimum, self.maximum):
            self._values |= {"minimum": low, "maximum": high}
            self._emit("rangeChanged", low, high)
            self.setValues(self.minimumValue, self.maximumValue)

    def _set_minimum(self, minimum: float) -> None:
        self.setRange(minimum, max(minimum, self.maximum))

    def _set_maximum(self, maximum: float) -> None:
        self.setRange(min(maximum, self.minimum), maximum)

    def _set_minimumValue(self, value: float) -> None:
        self.setValues(value, max(value, self.maximumValue))

    def _set_maximumValue(self, value: float) -> None:
        self.setValues(min(value, self.minimumValue), value)

    def reset(self) -> None:
        """Open the range to the limits."""
        self.setValues(self.minimum, self.maximum)


BEHAVIOURS: dict[str, type] = {
    "ctkDoubleSpinBox": DoubleSpinBox,
    "ctkRangeWidget": RangeWidget,
    "ctkSliderWidget": SliderWidget,
}
