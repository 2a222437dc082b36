"""Slicer's node selector, on the nodes of a real MRML scene."""

from __future__ import annotations

import weakref
from typing import ClassVar

import slicer

from .scenes import ReadableSceneHolder


class NodeComboBox(ReadableSceneHolder):
    """Offers the scene's nodes of some classes. Without "None" it chooses the first one by itself, as in Slicer."""

    DEFAULTS: ClassVar[dict[str, object]] = {
        "addEnabled": True,
        "baseName": "",
        "editEnabled": False,
        "hideChildNodeTypes": [],
        "interactionNodeSingletonTag": "",
        "noneDisplay": "None",
        "noneEnabled": False,
        "nodeTypes": [],
        "removeEnabled": True,
        "renameEnabled": False,
        "selectNodeUponCreation": True,
        "showChildNodeTypes": True,
        "showHidden": False,
    }

    def _set_up(self) -> None:
        self._current_id = ""
        self._attributes: list[tuple[str, str, str | None]] = []
        self._observed: list[int] = []

    def _scene_changed(self) -> None:
        for unobserve in self.__dict__.get("_unobserve", ()):
            unobserve()
        self._unobserve = _observe(self, self._scene) if self._scene else []
        self._refresh()

    def _nodes(self) -> list[slicer.vtkMRMLNode]:
        scene = self._scene
        nodes = [scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes())] if scene else []
        return [node for node in nodes if self._offers(node)]

    def _offers(self, node: slicer.vtkMRMLNode) -> bool:
        if node.GetHideFromEditors() and not self.showHidden:
            return False
        exact = not self.showChildNodeTypes
        of_type = any(node.GetClassName() == t if exact else node.IsA(t) for t in self.nodeTypes)
        hidden = any(node.IsA(t) and node.GetClassName() not in self.nodeTypes for t in self.hideChildNodeTypes)
        return of_type and not hidden and all(_has(node, *attribute) for attribute in self._attributes)

    def _refresh(self) -> None:
        """Keep the current node valid after a change of the scene or of the filters."""
        nodes = self._nodes()
        ids = [node.GetID() for node in nodes]
        if self._current_id not in ids:
            self._choose(ids[0] if ids and not self.noneEnabled else "")

    def _choose(self, node_id: str) -> None:
        if node_id != self._current_id:
            self._current_id = node_id
            node = self.currentNode()
            self._emit_overload("currentNodeChanged(vtkMRMLNode*)", node)
            self._emit_overload("currentNodeChanged(bool)", node is not None)
            self._emit("currentNodeIDChanged", node_id)

    def currentNode(self) -> slicer.vtkMRMLNode | None:
        """The chosen node, or None."""
        return self._scene.GetNodeByID(self._current_id) if self._scene and self._current_id else None

    def setCurrentNode(self, node: slicer.vtkMRMLNode | str | None) -> None:
        """Choose a node, given as node or id; one that is not offered chooses nothing."""
        node_id = (node if isinstance(node, str) else node.GetID()) if node else ""
        self._choose(node_id if node_id in [offered.GetID() for offered in self._nodes()] else "")

    def setCurrentNodeID(self, node_id: str) -> None:
        """Choose the node of this id."""
        self.setCurrentNode(node_id)

    def _get_currentNodeID(self) -> str:
        return self._current_id

    def _get_currentNodeId(self) -> str:
        return self._current_id

    def _set_currentNodeID(self, node_id: str) -> None:
        self.setCurrentNode(node_id)

    def _set_nodeTypes(self, node_types: object) -> None:
        self._store("nodeTypes", node_types)
        self._refresh()

    def _set_noneEnabled(self, enabled: bool) -> None:
        self._store("noneEnabled", enabled)
        self._refresh()

    def nodeCount(self) -> int:
        """How many nodes are offered."""
        return len(self._nodes())

    def nodeFromIndex(self, index: int) -> slicer.vtkMRMLNode | None:
        """The offered node at a position."""
        nodes = self._nodes()
        return nodes[index] if 0 <= index < len(nodes) else None

    def setCurrentNodeIndex(self, index: int) -> None:
        """Choose the offered node at a position."""
        self.setCurrentNode(self.nodeFromIndex(index))

    def addAttribute(self, node_type: str, name: str, value: object = None) -> None:
        """Offer only nodes of this class that have this attribute (and value)."""
        self._attributes.append((node_type, name, None if value is None else str(value)))
        self._refresh()

    def removeAttribute(self, node_type: str, name: str) -> None:
        """Undo `addAttribute`."""
        self._attributes = [kept for kept in self._attributes if kept[:2] != (node_type, name)]
        self._refresh()

    def addNode(self, node_type: str = "") -> slicer.vtkMRMLNode:
        """What "Create new node" of the menu does."""
        node = self._scene.AddNewNodeByClass(node_type or self.nodeTypes[0], self.baseName)
        self._emit("nodeAdded", node)
        self._emit("nodeAddedByUser", node)
        if self.selectNodeUponCreation:
            self.setCurrentNode(node)
        return node

    def removeCurrentNode(self) -> None:
        """What "Delete current node" of the menu does."""
        node = self.currentNode()
        if node is not None:
            self._emit("nodeAboutToBeRemoved", node)
            self._scene.RemoveNode(node)


def _has(node: slicer.vtkMRMLNode, node_type: str, name: str, value: str | None) -> bool:
    if not node.IsA(node_type):
        return True
    found = node.GetAttribute(name)
    return found is not None and value in (None, found)


def _observe(widget: NodeComboBox, scene: slicer.vtkMRMLScene) -> list[object]:
    reference = weakref.ref(widget)

    def refresh(*_: object) -> None:
        alive = reference()
        if alive is not None:
            alive._refresh()

    events = (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndImportEvent, scene.EndCloseEvent)
    tags = [scene.AddObserver(event, refresh) for event in events]
    return [lambda tag=tag: scene.RemoveObserver(tag) for tag in tags]


BEHAVIOURS: dict[str, type] = {"qMRMLNodeComboBox": NodeComboBox}
