"""Slicer's table view and CTK's text browser."""

from __future__ import annotations

from typing import ClassVar

import slicer

from .scenes import ReadableSceneHolder


class TableView(ReadableSceneHolder):
    """Shows a table node."""

    DEFAULTS: ClassVar[dict[str, object]] = {"firstColumnLocked": False, "firstRowLocked": False, "transposed": False}
    _table: slicer.vtkMRMLTableNode | None = None

    def mrmlTableNode(self) -> slicer.vtkMRMLTableNode | None:
        """The table, or None."""
        return self._table

    def setMRMLTableNode(self, node: slicer.vtkMRMLTableNode | None) -> None:
        """Show this table."""
        self._table = node


class FittedTextBrowser:
    """A text that can be folded."""

    DEFAULTS: ClassVar[dict[str, object]] = {"collapsed": True, "disableMouseScroll": False}
    _collapsible = ""

    def collapsibleText(self) -> str:
        """The text with its folded part."""
        return self._collapsible

    def setCollapsibleText(self, text: str) -> None:
        """Show this text."""
        self._collapsible = text
        self.setText(text)


BEHAVIOURS: dict[str, type] = {"ctkFittedTextBrowser": FittedTextBrowser, "qMRMLTableView": TableView}
