"""The nodes that show a session in a scene: its result, what is on offer, and the point that is asked about.

It knows Slicer only through the bridge and the nodes that it is given.
"""

from __future__ import annotations

from typing import Any

from AnatomyGuidedLib import mrml
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Labelmap
from AnatomyGuidedLib.segments import Segment

from LIMISLib.session import Session


class SessionNodes:
    """`result` stays in the scene; `preview` and `asked` are there only while they are of use."""

    def __init__(self, volume_node: Any) -> None:
        self._volume_node = volume_node
        self.result: Any = None
        self.preview: Any = None
        self.asked: Any = None

    def show(self, session: Session) -> None:
        """Nothing; the scene shows the session as it is now."""
        self.remove_passing()
        scene = self._volume_node.GetScene()
        if session.current is not None:
            self._show_result(scene, session)
        self._show_offer(scene, session)
        self._show_asked_point(scene, session)
        centre = session.shown_centre_ras()
        if centre is not None:
            mrml.jump_slices(scene, centre)

    def remove_passing(self) -> None:
        """Nothing; what was shown for a question alone is gone."""
        for node in (self.preview, self.asked):
            if node is not None and node.GetScene() is not None:
                node.GetScene().RemoveNode(node)
        self.preview = self.asked = None

    def _show_result(self, scene: Any, session: Session) -> None:
        mask, segment = session.result_slice(), session.segment()
        if self.result is None or not scene.IsNodePresent(self.result):
            scene.SaveStateForUndo()
            self.result = self._segmentation(scene, mask, segment)
            self.result.SetReferenceImageGeometryParameterFromVolumeNode(self._volume_node)
        else:
            made = self._segmentation(mrml.new_scene(), mask, segment)
            self.result.SetAndObserveSegmentation(made.GetSegmentation())

    def _show_offer(self, scene: Any, session: Session) -> None:
        """Nothing; while the default adaptation is on offer, its outline is shown in a node of its own."""
        offered = session.offered_slice()
        if offered is not None:
            self.preview = self._segmentation(scene, offered, session.offered_segment(), ", on offer")
            self.preview.GetDisplayNode().SetVisibility2DFill(False)
            self.preview.SaveWithSceneOff()

    def _show_asked_point(self, scene: Any, session: Session) -> None:
        """Nothing; the place that a question is about is marked, so that it can be answered."""
        point = session.asked_point_ras
        if point is not None:
            self.asked = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "LIMIS asks about")
            self.asked.CreateDefaultDisplayNodes()
            self.asked.AddControlPoint(point, "?")
            self.asked.LockedOn()
            self.asked.SaveWithSceneOff()

    def _segmentation(self, scene: Any, mask: Labelmap, segment: Segment, ending: str = "") -> Any:
        return mrml.add_segmentation(scene, mask, [segment], f"{self._volume_node.GetName()} LIMIS{ending}")


def file_of(node: Any) -> str:
    """The file that the node was loaded from or saved to.

    Raises:
        AnatomyGuidedError: It has none.
    """
    storage_node = node.GetStorageNode()
    if storage_node is None or not storage_node.GetFileName():
        raise AnatomyGuidedError(f"{node.GetName()} has no file; save it first.")
    return str(storage_node.GetFileName())
