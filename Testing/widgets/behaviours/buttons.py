"""CTK's buttons and boxes."""

from __future__ import annotations

from typing import ClassVar


class CollapsibleButton:
    """A button with contents below it: checked means open."""

    DEFAULTS: ClassVar[dict[str, object]] = {
        "collapsed": False,
        "collapsedHeight": 10,
        "contentsLineWidth": 1,
        "contentsMidLineWidth": 0,
        "flat": False,
    }

    def _set_up(self) -> None:
        self.setCheckable(True)
        self.setChecked(True)
        self.toggled.connect(self._follow)

    def _follow(self, checked: bool) -> None:
        self._set_collapsed(not checked)

    def _set_collapsed(self, collapsed: bool) -> None:
        if bool(collapsed) != self._values.get("collapsed", False):
            self._store("collapsed", bool(collapsed))
            self.setChecked(not collapsed)
            self._emit("contentsCollapsed", bool(collapsed))

    def paintEvent(self, event: object) -> None:
        """Nothing is painted; Qt's abstract button wants the function."""


class CollapsibleGroupBox:
    """A group box whose check mark opens it."""

    DEFAULTS: ClassVar[dict[str, object]] = {"collapsed": False, "collapsedHeight": 14}

    def _set_up(self) -> None:
        self.setCheckable(True)
        self.setChecked(True)
        self.toggled.connect(self._follow)

    def _follow(self, checked: bool) -> None:
        self._store("collapsed", not checked)

    def _set_collapsed(self, collapsed: bool) -> None:
        self.setChecked(not collapsed)


class ExpandButton:
    """A button with an arrow."""

    DEFAULTS: ClassVar[dict[str, object]] = {"mirrorOnExpand": False}


class ColorPickerButton:
    """A button that shows a colour."""

    DEFAULTS: ClassVar[dict[str, object]] = {"colorName": "", "displayColorName": True}

    def _set_color(self, color: object) -> None:
        if self._values.get("color") != color:
            self._values["color"] = color
            self._emit("colorChanged", color)


class ComboBox:
    """A combo box with a text shown while nothing is chosen."""

    DEFAULTS: ClassVar[dict[str, object]] = {"defaultText": "", "forceDefault": False}

    def _get_currentUserDataAsString(self) -> str:
        data = self.itemData(self.currentIndex)
        return "" if data is None else str(data)

    def _set_currentUserDataAsString(self, data: str) -> None:
        self.setCurrentIndex(self.findData(data))


BEHAVIOURS: dict[str, type] = {
    "ctkCollapsibleButton": CollapsibleButton,
    "ctkCollapsibleGroupBox": CollapsibleGroupBox,
    "ctkColorPickerButton": ColorPickerButton,
    "ctkComboBox": ComboBox,
    "ctkExpandButton": ExpandButton,
}
