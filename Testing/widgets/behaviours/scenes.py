"""Widgets that carry a MRML scene."""

from __future__ import annotations


class SceneHolder:
    """Keeps the scene and tells when it changes."""

    _scene: object = None

    def setMRMLScene(self, scene: object) -> None:
        """Use the nodes of this scene."""
        if scene is not self._scene:
            self._scene = scene
            self._scene_changed()

    def _scene_changed(self) -> None:
        if type(self).overloads("mrmlSceneChanged"):
            self._emit("mrmlSceneChanged", self._scene)


class ReadableSceneHolder(SceneHolder):
    """A scene holder whose class declares `mrmlScene()`, too."""

    def mrmlScene(self) -> object:
        """The scene, or None."""
        return self._scene


BEHAVIOURS: dict[str, type] = {"qMRMLWidget": ReadableSceneHolder, "qSlicerWidget": SceneHolder}
