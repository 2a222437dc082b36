from pathlib import Path

import slicer
import slicer.packaging
from AnatomyGuidedLib import mrml
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.labels import ids_by_title
from AnatomyGuidedLib.modality import require_ct
from AnatomyGuidedLib.panel import ParameterPanel
from AnatomyGuidedLib.requirements import IN_SLICER_FOR_HEARING, IN_SLICER_FOR_NETWORKS, IN_SLICER_FOR_TALKING, ensured
from LIMISLib.finding.choose import caution, choice_for, make_finder
from LIMISLib.session import Session
from LIMISLib.session_log import SessionLog, anatomy_source, source, write_log
from LIMISLib.session_nodes import SessionNodes, file_of
from LIMISLib.voice.conversation import Conversation
from LIMISLib.voice.speaker import system_voice
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
            "Segments a structure in a slice of a CT and corrects the mask by typed or spoken sentences: "
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
        self.ui.undoButton.clicked.connect(lambda: self.say("undo"))
        self.ui.keepButton.clicked.connect(lambda: self.say("keep"))
        self.ui.revertButton.clicked.connect(lambda: self.say("revert"))
        self.ui.yesButton.clicked.connect(lambda: self.say("yes"))
        self.ui.noButton.clicked.connect(lambda: self.say("no"))
        self.ui.talkButton.pressed.connect(lambda: self.tell(self.logic.listen, self._parameterNode))
        self.ui.talkButton.released.connect(self.onTalkReleased)
        self.ui.speakCheckBox.enabled = system_voice() is not None
        self.ui.speakCheckBox.toggled.connect(self.logic.conversation.speak_answers)

    def exit(self):
        super().exit()
        self.logic.conversation.hush()

    def onSceneStartClose(self, caller, event):
        super().onSceneStartClose(caller, event)
        self.logic.stop()
        self.showReply("")

    def onSend(self):
        self.say(self.ui.sentenceEdit.text)

    def onTalkReleased(self):
        if self.logic.conversation.button.is_recording:
            self.tell(self.logic.stopListening)

    def tell(self, act, *arguments):
        with slicer.util.tryWithErrorDisplay(_("Speech failed."), waitCursor=True):
            try:
                text = act(*arguments)
            except AnatomyGuidedError as error:
                text = str(error)
            self.showReply(text)

    def say(self, sentence):
        with slicer.util.tryWithErrorDisplay(_("The session could not be started."), waitCursor=True):
            reply = self.logic.sayWith(self._parameterNode, sentence)
            self.ui.sentenceEdit.text = "" if reply.done else sentence
            self.showReply(reply.text)

    def showReply(self, text):
        self.ui.statusLabel.text = text
        self.ui.cautionLabel.text = self.logic.caution
        self.ui.yesButton.enabled = self.ui.noButton.enabled = self.logic.conversation.asks_yes_or_no
        self.ui.historyList.clear()
        self.ui.historyList.addItems(self.logic.history())


class LIMISModuleLogic(ScriptedLoadableModuleLogic):
    """At the console:

    logic = LIMISModuleLogic()
    logic.start(slicer.util.getNode("CT"), slicer.util.getNode("CT DAP Atlas"))
    logic.say("segment the liver").text
    logic.hear("spoken.wav").text
    """

    def __init__(self):
        ScriptedLoadableModuleLogic.__init__(self)
        self.conversation = Conversation()
        self.nodes = None
        self.stop()

    def getParameterNode(self):
        return LIMISModuleParameterNode(super().getParameterNode())

    def start(self, volumeNode, anatomyNode=None, *, force=False):
        """The new session on a CT; the anatomy's segments have DAP Atlas names. `force` takes any image for a CT.

        Without an anatomy a bundled demonstration model looks for the structures; `caution` says so.
        """
        if volumeNode is None:
            raise AnatomyGuidedError(_("No image was chosen; choose a CT first."))
        image = mrml.volume_from_node(volumeNode, unit="HU")
        if not force:
            require_ct(image.values, volumeNode.GetName())
        anatomy = anatomyNode and mrml.labelmap_from_segmentation_node(
            anatomyNode, image.grid, values=ids_by_title(mrml.segment_names(anatomyNode))
        )
        if anatomyNode is None:
            ensured(slicer.packaging, IN_SLICER_FOR_NETWORKS, requester="LIMIS")
        choice = choice_for("", has_anatomy=anatomy is not None)
        self.stop()
        self.conversation.begin(Session(image, anatomy, finder=make_finder(choice, image)))
        self.nodes, self.caution = SessionNodes(volumeNode), caution(choice)
        self._volumeNode, self._anatomyNode, self._forced = volumeNode, anatomyNode, force
        return self.session

    def stop(self):
        """Nothing; the session is over. Its result stays in the scene, what was on offer does not."""
        self.conversation.end()
        if self.nodes is not None:
            self.nodes.remove_passing()
        self.nodes = self._volumeNode = self._anatomyNode = None
        self.caution, self._forced = "", False

    @property
    def session(self):
        return self.conversation.session

    @property
    def resultNode(self):
        return self.nodes and self.nodes.result

    def say(self, sentence):
        """The reply to the sentence; where it changed the mask, `resultNode` shows it and the views its slice."""
        return self._shown(self.conversation.say(sentence))

    def hear(self, path):
        """The reply to the sentence that is spoken in a WAV file, as `say` gives it; needs pocketsphinx."""
        ensured(slicer.packaging, IN_SLICER_FOR_HEARING, requester="LIMIS")
        return self._shown(self.conversation.hear_file(Path(path)))

    def useVoice(self, path):
        """Nothing; from now on the speaker is the one whose voice the file holds (`limis enrol`, or `saveVoice`)."""
        ensured(slicer.packaging, IN_SLICER_FOR_HEARING, requester="LIMIS")
        self.conversation.use_voice(Path(path))

    def saveVoice(self, path):
        """Nothing; what was learned of the speaker's voice from spoken commands is at `path` (.npz)."""
        self.conversation.save_voice(Path(path))

    def listen(self, parameters):
        """What to do now; the microphone records until `stopListening`. The first time, speech is installed instead."""
        if not ensured(slicer.packaging, IN_SLICER_FOR_TALKING, requester="LIMIS"):
            return _("Speech is installed now; hold the button while you speak.")
        self._follow(parameters)
        self.conversation.press()
        return _("Listening; let the button go when you have spoken.")

    def stopListening(self):
        """What was heard since `listen`, and the reply to it."""
        reply = self._shown(self.conversation.release())
        heard = self.conversation.heard.text
        return _('Heard: "{text}". {reply}').format(text=heard, reply=reply.text) if heard else reply.text

    def sayWith(self, parameters, sentence):
        """The reply to the sentence, in a new session if the panel's nodes are others than the session's."""
        self._follow(parameters)
        return self.say(sentence)

    def history(self):
        """A line for each step."""
        return list(self.session.history()) if self.session else []

    def saveLog(self, path):
        """Nothing; the log is at `path`. It names the files of image and anatomy, so both must have been saved."""
        if self.session is None:
            raise AnatomyGuidedError(_("No session is running, so there is nothing to log."))
        anatomy = anatomy_source(file_of(self._anatomyNode)) if self._anatomyNode else None
        log = SessionLog(source(Path(file_of(self._volumeNode))), anatomy, self._forced, self.session.entries)
        write_log(log, Path(path), folder=Path(path).absolute().parent)

    def _follow(self, parameters):
        nodes = parameters.inputVolume, parameters.anatomySegmentation
        if self.session is None or nodes != (self._volumeNode, self._anatomyNode):
            self.start(*nodes)

    def _shown(self, reply):
        if reply.done:
            self.nodes.show(self.session)
        return reply


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
