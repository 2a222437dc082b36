"""`slicer.ScriptedLoadableModule`: the four base classes of a module file."""

from __future__ import annotations

import logging
import sys
import unittest
from pathlib import Path

import slicer
from widgets.factory import qt_name, widget_class

__all__ = [
    "ScriptedLoadableModule",
    "ScriptedLoadableModuleLogic",
    "ScriptedLoadableModuleTest",
    "ScriptedLoadableModuleWidget",
]


def _without(suffix: str, owner: object) -> str:
    return type(owner).__name__.removesuffix(suffix)


class ScriptedLoadableModule:
    """Describes a module: fills in the properties of `parent`."""

    def __init__(self, parent: object) -> None:
        super().__init__()
        self.parent = parent
        self.moduleName = type(self).__name__
        for extension in (".svg", ".png"):
            icon = Path(self.resourcePath(f"Icons/{self.moduleName}{extension}"))
            if icon.is_file():
                parent.icon = qt_name("QIcon")(str(icon))
                break

    def resourcePath(self, filename: str) -> str:
        """The path of a file in the module's Resources folder."""
        return str(Path(self.parent.path).parent / "Resources" / filename)

    def getDefaultModuleDocumentationLink(self, docPage: str | None = None) -> str:
        """A sentence with a link to the documentation."""
        url = docPage or slicer.app.moduleDocumentationUrl(self.moduleName)
        return f'<p>For more information see the <a href="{url}">online documentation</a>.</p>'

    def runTest(self, msec: int = 100, **kwargs: object) -> None:
        """Run the module's test class, as "Reload and Test" does; a failure raises."""
        test = getattr(sys.modules[type(self).__module__], f"{self.moduleName}Test")()
        test.messageDelay = msec
        test.runTest(**kwargs)


class ScriptedLoadableModuleWidget:
    """A module's panel."""

    def __init__(self, parent: object = None) -> None:
        super().__init__()
        self.moduleName = _without("Widget", self)
        self.developerMode = False
        self.parent = parent or self._own_parent()
        self.layout = self.parent.layout()
        if parent is None:
            self.setup()
            self.parent.show()

    def _own_parent(self) -> object:
        own = widget_class("qMRMLWidget")()
        own.setLayout(widget_class("QVBoxLayout")())
        own.setMRMLScene(slicer.mrmlScene)
        return own

    def resourcePath(self, filename: str) -> str:
        """The path of a file in the module's Resources folder."""
        return str(Path(slicer.util.modulePath(self.moduleName)).parent / "Resources" / filename)

    def setup(self) -> None:
        """Make the panel; module files extend it."""
        self.setupDeveloperSection()

    def setupDeveloperSection(self) -> None:
        """Slicer adds reload and test buttons in its developer mode, which is off here."""

    def cleanup(self) -> None:
        """What to undo before the module goes; module files override it."""


class ScriptedLoadableModuleLogic:
    """A module's functions, with a parameter node in the scene."""

    def __init__(self, parent: object = None) -> None:  # noqa: ARG002
        super().__init__()
        self.moduleName = _without("Logic", self)
        self.isSingletonParameterNode = True

    def getParameterNode(self) -> slicer.vtkMRMLScriptedModuleNode:
        """The module's parameter node; a new one where the scene has none."""
        nodes = self.getAllParameterNodes()
        return nodes[0] if nodes else slicer.mrmlScene.AddNode(self.createParameterNode())

    def getAllParameterNodes(self) -> list[slicer.vtkMRMLScriptedModuleNode]:
        """All parameter nodes of this module."""
        nodes = slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode")
        return [node for node in nodes if node.GetAttribute("ModuleName") == self.moduleName]

    def createParameterNode(self) -> slicer.vtkMRMLScriptedModuleNode:
        """A parameter node that is not yet in the scene."""
        node = slicer.vtkMRMLScriptedModuleNode()
        if self.isSingletonParameterNode:
            node.SetSingletonTag(self.moduleName)
        node.SetAttribute("ModuleName", self.moduleName)
        node.SetName(slicer.mrmlScene.GenerateUniqueName(self.moduleName))
        return node


class ScriptedLoadableModuleTest(unittest.TestCase):
    """A module's test. Slicer calls `runTest()`."""

    messageDelay: int | None = None

    def delayDisplay(self, message: str, requestedDelay: int | None = None, msec: int | None = None) -> None:  # noqa: ARG002
        """Log the message; nothing waits here."""
        logging.info(message)
        slicer.app.processEvents()

    def runTest(self) -> None:
        """Slicer only logs a test that tests nothing; here it fails."""
        self.fail(f"{type(self).__name__} has no runTest(), so it tests nothing.")
