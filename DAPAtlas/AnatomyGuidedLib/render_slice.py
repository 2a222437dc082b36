"""Slice pictures, drawn by Slicer's slice logic and its displayable manager of segmentations."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import numpy as np
import slicer
import vtk

from AnatomyGuidedLib.render_scene import Stage, borrow_segmentation, borrow_volume, new_stage, shown_by
from AnatomyGuidedLib.render_views import ImageLayer, Picture, SliceView
from AnatomyGuidedLib.render_window import add_letters, drawn, off_screen


def draw(background: ImageLayer, view: SliceView, foreground: ImageLayer | None, segmentation: Any | None) -> Picture:
    """The picture as `render.slice_picture` describes it."""
    stage = new_stage()
    logic = _slice_logic(stage, background, foreground, view)
    if segmentation is not None:
        borrow_segmentation(stage, segmentation, segmentation.GetSegmentation())
    with ExitStack() as stack:
        window, renderer = stack.enter_context(off_screen(view.size, (0.0, 0.0, 0.0)))
        renderer.AddViewProp(_image_actor(logic))
        manager = slicer.vtkMRMLSegmentationsDisplayableManager2D()
        stack.enter_context(shown_by(stage, manager, logic.GetSliceNode(), renderer))
        if view.letters:
            right_ras, up_ras = _axes(logic.GetSliceNode())
            add_letters(renderer, right_ras, up_ras)
        return drawn(window)


def _slice_logic(stage: Stage, background: ImageLayer, foreground: ImageLayer | None, view: SliceView) -> Any:
    logic = slicer.vtkMRMLSliceLogic()
    logic.SetMRMLApplicationLogic(stage.logic)
    logic.SetMRMLScene(stage.scene)
    node = logic.AddSliceNode("Picture")
    layers = logic.GetSliceCompositeNode()
    layers.SetBackgroundVolumeID(borrow_volume(stage, background).GetID())
    if foreground is not None:
        layers.SetForegroundVolumeID(borrow_volume(stage, foreground).GetID())
        layers.SetForegroundOpacity(foreground.opacity)
    node.SetOrientation(view.plane.capitalize())
    logic.ResizeSliceNode(*view.size)
    logic.FitSliceToBackground()
    node.JumpSliceByOffsetting(*(view.ras_mm or _middle_ras(background.node)))
    return logic


def _middle_ras(volume_node: Any) -> tuple[float, float, float]:
    bounds = [0.0] * 6
    volume_node.GetRASBounds(bounds)
    r, a, s = ((low + high) / 2 for low, high in zip(bounds[::2], bounds[1::2], strict=True))
    return r, a, s


def _image_actor(logic: Any) -> Any:
    """The blended slice, pixel by pixel: its values are colours already."""
    mapper, actor = vtk.vtkImageMapper(), vtk.vtkActor2D()
    mapper.SetColorWindow(255.0)
    mapper.SetColorLevel(127.5)
    mapper.SetInputConnection(logic.GetImageDataConnection())
    actor.SetMapper(mapper)
    actor.GetProperty().SetDisplayLocationToBackground()
    return actor


def _axes(slice_node: Any) -> tuple[Any, Any]:
    """Where the picture's right and top point to, in RAS."""
    matrix = slice_node.GetSliceToRAS()
    right, up = (np.array([matrix.GetElement(row, column) for row in range(3)]) for column in (0, 1))
    return right, up
