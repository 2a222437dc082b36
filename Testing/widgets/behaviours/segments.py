"""Slicer's widgets for segmentations."""

from __future__ import annotations

from typing import ClassVar

import slicer

from .scenes import ReadableSceneHolder


class SegmentSelector(ReadableSceneHolder):
    """Chooses a segmentation and one or more of its segments."""

    DEFAULTS: ClassVar[dict[str, object]] = {
        "editEnabled": False,
        "horizontalLayout": False,
        "multiSelection": False,
        "noneEnabled": False,
        "segmentationNodeSelectorVisible": True,
        "selectNodeUponCreation": True,
    }

    def _set_up(self) -> None:
        self._node_id = ""
        self._selected: list[str] = []

    def currentNode(self) -> slicer.vtkMRMLSegmentationNode | None:
        """The chosen segmentation, or None."""
        return self._scene.GetNodeByID(self._node_id) if self._scene and self._node_id else None

    def currentNodeID(self) -> str:
        """The id of the chosen segmentation, or nothing."""
        return self._node_id

    def setCurrentNode(self, node: slicer.vtkMRMLSegmentationNode | None) -> None:
        """Choose a segmentation; without "None" its first segment is chosen, too."""
        node_id = node.GetID() if node else ""
        if node_id == self._node_id:
            return
        self._node_id = node_id
        self._emit_overload("currentNodeChanged(vtkMRMLNode*)", self.currentNode())
        self._emit_overload("currentNodeChanged(bool)", self.currentNode() is not None)
        first = [] if self.noneEnabled or self.multiSelection else self.segmentIDs()[:1]
        self._choose(first)

    def setCurrentNodeID(self, node_id: str) -> None:
        """Choose the segmentation of this id."""
        self.setCurrentNode(self._scene.GetNodeByID(node_id) if self._scene else None)

    def segmentIDs(self) -> list[str]:
        """All segments of the chosen segmentation."""
        node = self.currentNode()
        return list(node.GetSegmentation().GetSegmentIDs()) if node else []

    def currentSegmentID(self) -> str:
        """The chosen segment, or nothing."""
        return self._selected[0] if self._selected else ""

    def setCurrentSegmentID(self, segment_id: str) -> None:
        """Choose a segment."""
        self._choose([segment_id] if segment_id in self.segmentIDs() else [])

    def selectedSegmentIDs(self) -> list[str]:
        """The chosen segments."""
        return list(self._selected)

    def setSelectedSegmentIDs(self, segment_ids: list[str]) -> None:
        """Choose several segments."""
        self._choose([segment_id for segment_id in segment_ids if segment_id in self.segmentIDs()])

    def _choose(self, segment_ids: list[str]) -> None:
        if segment_ids != self._selected:
            self._selected = list(segment_ids)
            self._emit("currentSegmentChanged", self.currentSegmentID())
            self._emit("segmentSelectionChanged", list(segment_ids))


class SegmentsTable(ReadableSceneHolder):
    """Lists the segments of a segmentation."""

    DEFAULTS: ClassVar[dict[str, object]] = {
        "colorColumnVisible": True,
        "filterBarVisible": False,
        "headerVisible": True,
        "jumpToSelectedSegmentEnabled": False,
        "opacityColumnVisible": True,
        "readOnly": False,
        "statusColumnVisible": False,
        "textFilter": "",
        "visibilityColumnVisible": True,
    }

    def _set_up(self) -> None:
        self._node: slicer.vtkMRMLSegmentationNode | None = None
        self._selected: list[str] = []

    def segmentationNode(self) -> slicer.vtkMRMLSegmentationNode | None:
        """The segmentation, or None."""
        return self._node

    def setSegmentationNode(self, node: slicer.vtkMRMLSegmentationNode | None) -> None:
        """Show the segments of this segmentation."""
        self._node = node
        self._selected = []

    def _segment_ids(self) -> list[str]:
        return list(self._node.GetSegmentation().GetSegmentIDs()) if self._node else []

    def _get_segmentCount(self) -> int:
        return len(self._segment_ids())

    def displayedSegmentIDs(self) -> list[str]:
        """The segments whose names contain the text filter."""
        wanted = self.textFilter.lower()
        segmentation = self._node.GetSegmentation() if self._node else None
        return [i for i in self._segment_ids() if wanted in segmentation.GetSegment(i).GetName().lower()]

    def selectedSegmentIDs(self) -> list[str]:
        """The selected segments."""
        return list(self._selected)

    def setSelectedSegmentIDs(self, segment_ids: list[str]) -> None:
        """Select segments."""
        self._selected = [segment_id for segment_id in segment_ids if segment_id in self._segment_ids()]

    def clearSelection(self) -> None:
        """Select nothing."""
        self._selected = []


BEHAVIOURS: dict[str, type] = {
    "qMRMLSegmentSelectorWidget": SegmentSelector,
    "qMRMLSegmentsTableView": SegmentsTable,
}
