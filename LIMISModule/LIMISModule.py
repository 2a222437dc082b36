from pathlib import Path

import slicer
from AnatomyGuidedLib import mrml
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.labels import ids_by_title
from AnatomyGuidedLib.modality import require_ct
from AnatomyGuidedLib.panel import ParameterPanel
from LIMISLib.session import Session
from LIMISLib.session_log import SessionLog, anatomy_source, source, write_log
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.ScriptedLoadableModule import *
from slicer.util import VTKObservationMixin


class LIMISModule(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("LIMIS")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = ["Segmentations", "Volumes"]
        parent.contributors = ["AnatomyGuided contributors"]
        parent.helpText = _(
            "Segments a structure in a slice of a CT and corrects the mask by typed sentences: "
            '"segment the liver", "make the box ten pixels larger", "move the box 5 mm to the left", "keep", "undo".'
        )
        parent.acknowledgementText = _("LIMIS: section 3.3 of the thesis that this extension implements.")


@parameterNodeWrapper
class LIMISModuleParameterNode:
    """The panel's choices."""

    inputVolume: vtkMRMLScalarVolumeNode
    anatomySegmentation: vtkMRMLSegmentationNode


class LIMISModuleWidget(ParameterPanel, ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        self.setupForm(slicer, "UI/LIMISModule.ui", LIMISModuleLogic())
        self.ui.sendButton.clicked.connect(self.onSend)
        self.ui.sentenceEdit.returnPressed.connect(self.onSend)
        self.ui.undoButton.clicked.connect(self.onUndo)
        self.ui.keepButton.clicked.connect(self.onKeep)
        self.ui.revertButton.clicked.connect(self.onRevert)

    def onSceneStartClose(self, caller, event):
        super().onSceneStartClose(caller, event)
        self.logic.stop()
        self.showReply("")

    def onSend(self):
        self.say(self.ui.sentenceEdit.text)

    def onUndo(self):
        self.say("undo")

    def onKeep(self):
        self.say("keep")

    def onRevert(self):
        self.say("revert")

    def say(self, sentence):
        with slicer.util.tryWithErrorDisplay(_("The session could not be started."), waitCursor=True):
            reply = self.logic.sayWith(self._parameterNode, sentence)
            self.ui.sentenceEdit.text = "" if reply.done else sentence
            self.showReply(reply.text)

    def showReply(self, text):
        self.ui.statusLabel.text = text
        self.ui.historyList.clear()
        self.ui.historyList.addItems(self.logic.history())


class LIMISModuleLogic(ScriptedLoadableModuleLogic):
    """At the console:

    logic = LIMISModuleLogic()
    logic.start(slicer.util.getNode("CT"), slicer.util.getNode("CT DAP Atlas"))
    logic.say("segment the liver").text
    """

    def __init__(self):
        ScriptedLoadableModuleLogic.__init__(self)
        self.previewNode = self.askedNode = None
        self.stop()

    def getParameterNode(self):
        return LIMISModuleParameterNode(super().getParameterNode())

    def start(self, volumeNode, anatomyNode=None, *, force=False):
        """The new session on a CT; the anatomy's segments have DAP Atlas names. `force` takes any image for a CT."""
        if volumeNode is None:
            raise AnatomyGuidedError(_("No image was chosen; choose a CT first."))
        image = mrml.volume_from_node(volumeNode, unit="HU")
        if not force:
            require_ct(image.values, volumeNode.GetName())
        anatomy = anatomyNode and mrml.labelmap_from_segmentation_node(
            anatomyNode, image.grid, values=ids_by_title(mrml.segment_names(anatomyNode))
        )
        self.stop()
        self.session = Session(image, anatomy)
        self._volumeNode, self._anatomyNode, self._forced = volumeNode, anatomyNode, force
        return self.session

    def stop(self):
        """Nothing; the session is over. Its result stays in the scene, what was on offer does not."""
        self._removeShown()
        self.session = self.resultNode = self._volumeNode = self._anatomyNode = None
        self._forced = False

    def say(self, sentence):
        """The reply to the sentence; where it changed the mask, `resultNode` shows it and the views its slice."""
        if self.session is None:
            raise AnatomyGuidedError(_("No session is running; call start(volumeNode, anatomyNode) first."))
        reply = self.session.say(sentence)
        if reply.done:
            self._show()
        return reply

    def sayWith(self, parameters, sentence):
        """The reply to the sentence, in a new session if the panel's nodes are others than the session's."""
        nodes = parameters.inputVolume, parameters.anatomySegmentation
        if self.session is None or nodes != (self._volumeNode, self._anatomyNode):
            self.start(*nodes)
        return self.say(sentence)

    def history(self):
        """A line for each step."""
        return list(self.session.history()) if self.session else []

    def saveLog(self, path):
        """Nothing; the log is at `path`. It names the files of image and anatomy, so both must have been saved."""
        if self.session is None:
            raise AnatomyGuidedError(_("No session is running, so there is nothing to log."))
        anatomy = anatomy_source(_fileOf(self._anatomyNode)) if self._anatomyNode else None
        log = SessionLog(source(Path(_fileOf(self._volumeNode))), anatomy, self._forced, self.session.entries)
        write_log(log, Path(path), folder=Path(path).absolute().parent)

    def _show(self):
        scene = self._volumeNode.GetScene()
        if self.session.current is not None:
            self._showMask(scene)
        self._removeShown()
        self._showOffer(scene)
        self._showAskedPoint(scene)
        centre = self.session.shown_centre_ras()
        if centre is not None:
            slicer.vtkMRMLSliceNode.JumpAllSlices(scene, *centre, slicer.vtkMRMLSliceNode.OffsetJumpSlice)

    def _showMask(self, scene):
        if self.resultNode is None or not scene.IsNodePresent(self.resultNode):
            scene.SaveStateForUndo()
            self.resultNode = self._segmentation(scene)
            self.resultNode.SetReferenceImageGeometryParameterFromVolumeNode(self._volumeNode)
        else:
            made = self._segmentation(mrml.new_scene())
            self.resultNode.SetAndObserveSegmentation(made.GetSegmentation())

    def _showOffer(self, scene):
        """Nothing; while the default adaptation is on offer, its outline is shown in a node of its own."""
        offered = self.session.offered_slice()
        if offered is not None:
            name = f"{self._volumeNode.GetName()} LIMIS, on offer"
            self.previewNode = mrml.add_segmentation(scene, offered, [self.session.offered_segment()], name)
            self.previewNode.GetDisplayNode().SetVisibility2DFill(False)
            self.previewNode.SaveWithSceneOff()

    def _showAskedPoint(self, scene):
        """Nothing; the place that a question is about is marked, so that it can be answered."""
        point = self.session.asked_point_ras
        if point is not None:
            self.askedNode = scene.AddNode(slicer.vtkMRMLMarkupsFiducialNode())
            self.askedNode.SetName("LIMIS asks about")
            self.askedNode.CreateDefaultDisplayNodes()
            self.askedNode.AddControlPoint(point, "?")
            self.askedNode.LockedOn()
            self.askedNode.SaveWithSceneOff()

    def _removeShown(self):
        """Nothing; what was shown for a question alone is gone."""
        for node in (self.previewNode, self.askedNode):
            if node is not None and node.GetScene() is not None:
                node.GetScene().RemoveNode(node)
        self.previewNode = self.askedNode = None

    def _segmentation(self, scene):
        name = f"{self._volumeNode.GetName()} LIMIS"
        return mrml.add_segmentation(scene, self.session.result_slice(), [self.session.segment()], name)


def _fileOf(node):
    storageNode = node.GetStorageNode()
    if storageNode is None or not storageNode.GetFileName():
        raise AnatomyGuidedError(_("{name} has no file; save it first.").format(name=node.GetName()))
    return storageNode.GetFileName()


class LIMISModuleTest(ScriptedLoadableModuleTest):
    def runTest(self):
        for test in (
            self.test_sentences_at_the_console_give_a_segment_that_undo_takes_back,
            self.test_a_question_is_answered_by_the_next_sentence,
            self.test_a_sentence_that_is_no_command_leaves_the_scene_as_it_was,
            self.test_an_image_that_is_no_ct_starts_no_session,
        ):
            self.setUp()
            test()

    def setUp(self):
        slicer.mrmlScene.Clear()

    def test_sentences_at_the_console_give_a_segment_that_undo_takes_back(self):
        logic = self._startedLogic()
        self.assertTrue(logic.say("segment the liver").done)
        first = self._mask(logic)
        self.assertEqual([*mrml.segment_names(logic.resultNode).values()], ["Liver"])
        self.assertTrue(logic.say("move the box five pixels to the left").done)
        self.assertFalse((self._mask(logic) == first).all())
        self.assertTrue(logic.say("undo").done)
        self.assertTrue((self._mask(logic) == first).all())
        self.assertEqual(len(logic.history()), 2)

    def test_a_question_is_answered_by_the_next_sentence(self):
        logic = self._startedLogic()
        logic.say("segment the liver")
        self.assertFalse(logic.say("segment the kidney").done)
        self.assertTrue(logic.say("the left one").done)
        self.assertEqual([*mrml.segment_names(logic.resultNode).values()], ["Kidney Left"])
        self.assertTrue(self._mask(logic).any())

    def test_a_sentence_that_is_no_command_leaves_the_scene_as_it_was(self):
        logic = self._startedLogic()
        before = slicer.mrmlScene.GetNumberOfNodes()
        for sentence in ("", "do not segment the liver", "segment the tumour", "x" * 10000, "undo"):
            self.assertFalse(logic.say(sentence).done)
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodes(), before)

    def test_an_image_that_is_no_ct_starts_no_session(self):
        logic = self._startedLogic()
        slicer.util.arrayFromVolume(slicer.util.getNode("CT"))[:] = 100
        with self.assertRaises(AnatomyGuidedError):
            logic.start(slicer.util.getNode("CT"))
        with self.assertRaises(AnatomyGuidedError):
            LIMISModuleLogic().say("segment the liver")

    def _startedLogic(self):
        from AnatomyGuidedLib.io import dap_segments
        from AnatomyGuidedLib.phantom import PatientOptions, make_patient

        patient = make_patient(PatientOptions(spacing_mm=8.0))
        volumeNode = mrml.add_volume(slicer.mrmlScene, patient.ct, "CT")
        segments = dap_segments(patient.anatomy.values)
        anatomyNode = mrml.add_segmentation(slicer.mrmlScene, patient.anatomy, segments, "Anatomy")
        logic = LIMISModuleLogic()
        logic.start(volumeNode, anatomyNode)
        return logic

    def _mask(self, logic):
        return mrml.labelmap_from_segmentation_node(logic.resultNode, logic.session.image.grid).values
