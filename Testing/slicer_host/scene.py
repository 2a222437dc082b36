"""The real MRML scene with its application logic and the real logics of Slicer's own modules."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import slicer

# Slicer module -> class of its logic in the slicer-core wheel, in the order of their dependencies.
LOGIC_CLASSES = {
    "Colors": "vtkSlicerColorLogic",
    "Terminologies": "vtkSlicerTerminologiesModuleLogic",
    "Units": "vtkSlicerUnitsLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Cameras": "vtkSlicerCamerasModuleLogic",
    "Volumes": "vtkSlicerVolumesLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "Models": "vtkSlicerModelsLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Texts": "vtkSlicerTextsLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "CropVolume": "vtkSlicerCropVolumeLogic",
    "Plots": "vtkSlicerPlotsLogic",
    "Sequences": "vtkSlicerSequencesLogic",
    "VolumeRendering": "vtkSlicerVolumeRenderingLogic",
}
TERMINOLOGY_FOLDER = Path(__file__).parent / "terminology"


@dataclass
class SceneParts:
    """A scene and what works on it."""

    scene: slicer.vtkMRMLScene
    application_logic: slicer.vtkSlicerApplicationLogic
    logics: dict[str, slicer.vtkMRMLAbstractLogic] = field(default_factory=dict)


def make_scene(folder: Path) -> SceneParts:
    """A scene with selection, interaction and colour nodes; `folder` takes temporary files."""
    scene = slicer.vtkMRMLScene()
    scene.SetRootDirectory(str(folder))
    _add_data_managers(scene, folder)
    (folder / "share" / "ColorFiles").mkdir(parents=True)
    parts = SceneParts(scene, slicer.vtkSlicerApplicationLogic())
    parts.application_logic.SetHomeDirectory(str(folder))
    parts.application_logic.SetShareDirectory("share")
    parts.application_logic.SetMRMLScene(scene)
    for module, class_name in LOGIC_CLASSES.items():
        parts.logics[module] = _make_logic(parts, module, class_name)
    return parts


def _make_logic(parts: SceneParts, module: str, class_name: str) -> slicer.vtkMRMLAbstractLogic:
    logic = getattr(slicer, class_name)()
    if module == "Terminologies":
        logic.SetModuleShareDirectory(str(TERMINOLOGY_FOLDER))
    logic.SetMRMLApplicationLogic(parts.application_logic)
    parts.application_logic.SetModuleLogic(module, logic)
    logic.SetMRMLScene(parts.scene)
    return logic


def _add_data_managers(scene: slicer.vtkMRMLScene, folder: Path) -> None:
    """Without them a scene bundle (.mrb) cannot be written."""
    cache = slicer.vtkCacheManager()
    cache.SetRemoteCacheDirectory(str(folder))
    manager = slicer.vtkDataIOManager()
    manager.SetCacheManager(cache)
    scene.SetCacheManager(cache)
    scene.SetDataIOManager(manager)


def clear_scene(scene: slicer.vtkMRMLScene) -> None:
    """Remove everything but the singletons that Slicer itself keeps (selection, interaction, colours)."""
    scene.Clear(0)
    for class_name in ("vtkMRMLScriptedModuleNode", "vtkMRMLSegmentEditorNode"):
        nodes = [
            scene.GetNthNodeByClass(index, class_name) for index in range(scene.GetNumberOfNodesByClass(class_name))
        ]
        for node in nodes:
            scene.RemoveNode(node)
    scene.SetURL("")
