"""The private scene a picture is drawn from: it borrows the nodes' data, so the user's scene never changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import slicer

from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.mrml import new_scene, require_untransformed
from AnatomyGuidedLib.render_views import ImageLayer


@dataclass(frozen=True)
class Stage:
    """A scene with Slicer's colours, and the application logic that its managers ask for."""

    scene: Any
    logic: Any


def new_stage() -> Stage:
    """An empty stage."""
    scene, logic = new_scene(), slicer.vtkMRMLApplicationLogic()
    logic.SetMRMLScene(scene)
    logic.GetColorLogic().SetMRMLScene(scene)
    logic.GetColorLogic().AddDefaultColorNodes()
    return Stage(scene, logic)


def borrow_volume(stage: Stage, layer: ImageLayer) -> Any:
    """A volume node on the stage that shares the layer's voxels and has its window and colours.

    Raises:
        AnatomyGuidedError: The node is under a transform.
        UsageError: Slicer has no such colours.
    """
    require_untransformed(layer.node)
    node = stage.scene.AddNode(slicer.vtkMRMLScalarVolumeNode())
    node.CopyContent(layer.node, False)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetAndObserveColorNodeID(_color_id(stage, layer.colors))
    _set_window(display, layer)
    return node


def borrow_segmentation(stage: Stage, original: Any, segmentation: Any) -> Any:
    """A segmentation node on the stage with the given segments, shown as the original node shows its own."""
    require_untransformed(original)
    node = stage.scene.AddNode(slicer.vtkMRMLSegmentationNode())
    node.SetAndObserveSegmentation(segmentation)
    node.CreateDefaultDisplayNodes()
    if original.GetDisplayNode() is not None:
        node.GetDisplayNode().CopyContent(original.GetDisplayNode())
    return node


@contextmanager
def shown_by(stage: Stage, manager: Any, view_node: Any, renderer: Any) -> Iterator[None]:
    """For as long as the context lasts, the displayable manager draws its nodes of the stage in the renderer."""
    group = slicer.vtkMRMLDisplayableManagerGroup()
    group.SetRenderer(renderer)
    manager.SetMRMLApplicationLogic(stage.logic)
    group.AddDisplayableManager(manager)
    group.SetMRMLDisplayableNode(view_node)
    try:
        yield
    finally:
        group.SetMRMLDisplayableNode(None)
        group.SetRenderer(None)


def _color_id(stage: Stage, name: str) -> str:
    node = stage.scene.GetFirstNodeByName(name)
    if node is None or not node.IsA("vtkMRMLColorNode"):
        raise UsageError(f"Slicer has no colours called {name!r}; try Grey, InvertedGrey, Iron or PET-Heat.")
    return str(node.GetID())


def _set_window(display: Any, layer: ImageLayer) -> None:
    own = layer.node.GetDisplayNode()
    if layer.window is not None and layer.level is not None:
        display.SetAutoWindowLevel(False)
        display.SetWindowLevel(layer.window, layer.level)
    elif own is not None:
        display.SetAutoWindowLevel(False)
        display.SetWindowLevel(own.GetWindow(), own.GetLevel())
