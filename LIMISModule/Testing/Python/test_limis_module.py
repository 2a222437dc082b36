"""The LIMIS module file in the headless host: its own tests and its panel."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np
import pytest
from LIMISLib.voice.conversation import Conversation
from LIMISLib.voice.microphone import NoMicrophone
from LIMISLib.voice.push_to_talk import PushToTalk
from LIMISLib.voice.recognizer import Heard, RecognizerMissing
from LIMISLib.voice.speaker import SystemVoice, system_voice
from LIMISLib.voice.speech import RATE_HZ, from_samples, read_wav
from scipy.io import wavfile

slicer_host = pytest.importorskip("slicer_host", reason="slicer-core and PySide6 are not installed")


@pytest.fixture
def module(host):  # noqa: ARG001 - the host's scene is fresh
    return slicer_host.load_module("LIMISModule")


@pytest.fixture
def patient_nodes(host):
    from AnatomyGuidedLib import mrml
    from AnatomyGuidedLib.io import dap_segments
    from AnatomyGuidedLib.phantom import PatientOptions, make_patient

    patient = make_patient(PatientOptions(spacing_mm=8.0))
    segments = dap_segments(patient.anatomy.values)
    volume = mrml.add_volume(host.scene, patient.ct, "CT")
    return volume, mrml.add_segmentation(host.scene, patient.anatomy, segments, "Anatomy")


def test_the_modules_own_tests_pass(module):
    result = module.run_tests()
    assert result.testsRun > 0
    assert result.wasSuccessful(), result.errors + result.failures


def test_the_panel_runs_sentences_lists_the_steps_and_takes_them_back(module, patient_nodes):
    widget = module.widget()
    ui = widget.ui
    widget._parameterNode.inputVolume, widget._parameterNode.anatomySegmentation = patient_nodes
    ui.sentenceEdit.text = "segment the liver"
    ui.sendButton.click()
    assert "Liver on slice" in ui.statusLabel.text
    assert ui.sentenceEdit.text == ""
    ui.sentenceEdit.text = "make the box one pixel smaller"
    ui.sentenceEdit.returnPressed.emit()
    assert ui.historyList.count == 2
    assert ui.historyList.item(1).text().startswith(">")
    ui.undoButton.click()
    assert ui.historyList.item(0).text().startswith(">")
    ui.keepButton.click()
    assert ui.statusLabel.text == "Step 0 is kept."
    module.close_widget()


@pytest.mark.parametrize(("button", "steps"), [("keepButton", 2), ("revertButton", 1)])
def test_the_default_adaptation_is_an_outline_until_it_is_kept_or_declined(module, patient_nodes, button, steps):
    from AnatomyGuidedLib import mrml

    widget = module.widget()
    widget._parameterNode.inputVolume, widget._parameterNode.anatomySegmentation = patient_nodes
    widget.say("segment the liver")
    logic, scene = widget.logic, widget.logic.resultNode.GetScene()
    preview, offered = logic.nodes.preview, logic.session.offered_mask
    assert [*mrml.segment_names(preview).values()] == ["Liver, default adaptation"]
    assert not preview.GetDisplayNode().GetVisibility2DFill()
    shown = mrml.labelmap_from_segmentation_node(preview, logic.session.image.grid).values
    assert np.count_nonzero(shown) == np.count_nonzero(offered) > 0
    getattr(widget.ui, button).click()
    assert logic.nodes.preview is None
    assert not scene.IsNodePresent(preview)
    assert widget.ui.historyList.count == steps
    result = mrml.labelmap_from_segmentation_node(logic.resultNode, logic.session.image.grid).values
    assert (np.count_nonzero(result) == np.count_nonzero(offered)) == (button == "keepButton")
    module.close_widget()


def test_the_point_that_is_asked_about_is_marked_where_its_hu_is(module, host, patient_nodes):
    import vtk

    logic = module.logic()
    volume, anatomy = patient_nodes
    logic.start(volume, anatomy)
    for sentence in ("segment the liver", "no", "critical points"):
        assert logic.say(sentence).done
    point = [0.0, 0.0, 0.0]
    logic.nodes.asked.GetNthControlPointPosition(0, point)
    hu = float(logic.session.pending.text.split("(")[1].split(" HU")[0])
    matrix = vtk.vtkMatrix4x4()
    volume.GetRASToIJKMatrix(matrix)
    ijk = [round(value) for value in matrix.MultiplyPoint([*point, 1.0])[:3]]
    assert round(volume.GetImageData().GetScalarComponentAsDouble(*ijk, 0)) == hu
    asked = logic.nodes.asked
    logic.say("cancel")
    assert logic.nodes.asked is None
    assert not host.scene.IsNodePresent(asked)


def test_revert_goes_to_the_step_before_where_nothing_is_on_offer_and_stop_takes_the_offer_away(module, patient_nodes):
    widget = module.widget()
    widget._parameterNode.inputVolume, widget._parameterNode.anatomySegmentation = patient_nodes
    for sentence in ("segment the liver", "make the box one pixel smaller"):
        widget.say(sentence)
    widget.ui.revertButton.click()
    assert widget.logic.session.current.number == 0
    widget.say("segment the spleen")
    preview = widget.logic.nodes.preview
    widget.logic.stop()
    assert preview.GetScene() is None
    module.close_widget()


def test_a_sentence_that_is_not_done_stays_in_the_panel_to_be_corrected(module, patient_nodes):
    widget = module.widget()
    widget._parameterNode.inputVolume, widget._parameterNode.anatomySegmentation = patient_nodes
    widget.ui.sentenceEdit.text = "segment the kidney"
    widget.ui.sendButton.click()
    assert widget.ui.statusLabel.text == "Left or right kidney? (left / right)"
    assert widget.ui.sentenceEdit.text == "segment the kidney"
    module.close_widget()


def test_closing_the_scene_ends_the_session(module, host, patient_nodes):
    widget = module.widget()
    widget._parameterNode.inputVolume, widget._parameterNode.anatomySegmentation = patient_nodes
    widget.say("segment the liver")
    host.scene.Clear()
    assert widget.logic.session is None
    assert widget.ui.historyList.count == 0
    module.close_widget()


def test_a_result_that_the_user_deleted_is_made_anew(module, host, patient_nodes):
    logic = module.logic()
    logic.start(*patient_nodes)
    logic.say("segment the liver")
    host.scene.RemoveNode(logic.resultNode)
    assert logic.say("segment the spleen").done
    assert host.scene.IsNodePresent(logic.resultNode)


def test_a_session_of_unsaved_nodes_cannot_be_logged_and_says_so(module, patient_nodes, tmp_path):
    logic = module.logic()
    logic.start(*patient_nodes)
    logic.say("segment the liver")
    with pytest.raises(ValueError, match="has no file; save it first"):
        logic.saveLog(tmp_path / "s.jsonl")
    assert not (tmp_path / "s.jsonl").exists()


def test_the_log_of_a_saved_scene_replays_to_the_mask_that_the_scene_shows(module, host, tmp_path):
    import slicer
    from AnatomyGuidedLib import mrml
    from AnatomyGuidedLib.io import dap_segments, read_anatomy, read_ct, write_labelmap, write_volume
    from AnatomyGuidedLib.phantom import PatientOptions, make_patient
    from LIMISLib.session_log import replay

    patient = make_patient(PatientOptions(spacing_mm=8.0))
    write_volume(patient.ct, tmp_path / "ct.nii.gz")
    write_labelmap(patient.anatomy, tmp_path / "a.seg.nrrd", dap_segments(patient.anatomy.values))
    volume = mrml.add_volume(host.scene, read_ct(tmp_path / "ct.nii.gz"), "CT")
    storage = host.scene.AddNode(slicer.vtkMRMLVolumeArchetypeStorageNode())
    storage.SetFileName(str(tmp_path / "ct.nii.gz"))
    volume.SetAndObserveStorageNodeID(storage.GetID())
    read = read_anatomy(str(tmp_path / "a.seg.nrrd"))
    anatomy = mrml.add_segmentation(host.scene, read, dap_segments(read.values), "Anatomy")
    storage = host.scene.AddNode(slicer.vtkMRMLSegmentationStorageNode())
    storage.SetFileName(str(tmp_path / "a.seg.nrrd"))
    anatomy.SetAndObserveStorageNodeID(storage.GetID())
    logic = module.logic()
    logic.start(volume, anatomy)
    for sentence in ("segment the liver", "make the box 20 percent smaller", "move the box left by one pixel"):
        assert logic.say(sentence).done
    logic.saveLog(tmp_path / "s.jsonl")
    assert json.loads((tmp_path / "s.jsonl").read_text().splitlines()[0])["image"]["path"] == "ct.nii.gz"
    again = replay(tmp_path / "s.jsonl")
    assert again.notes == ()
    shown = mrml.labelmap_from_segmentation_node(logic.resultNode, again.session.image.grid)
    assert np.array_equal(shown.values, again.session.result().values)


def test_from_sentence_to_shown_mask_takes_under_half_a_second_on_a_large_image(module, host):
    from AnatomyGuidedLib import mrml
    from AnatomyGuidedLib.grid import Grid, Labelmap, Volume
    from AnatomyGuidedLib.io import dap_segments
    from AnatomyGuidedLib.labels import id_of

    grid = Grid((512, 512, 120), np.diag([0.8, 0.8, 2.5, 1.0]))
    organ = np.zeros(grid.shape, dtype=np.uint8, order="F")
    organ[150:350, 200:320, 40:80] = id_of("Liver")
    values = np.random.default_rng(0).normal(-90, 15, size=grid.shape).astype(np.float32)
    values[organ > 0] += 150
    volume = mrml.add_volume(host.scene, Volume(values, grid, "HU"), "CT")
    anatomy = mrml.add_segmentation(host.scene, Labelmap(organ, grid), dap_segments(organ), "Anatomy")
    logic = module.logic()
    logic.start(volume, anatomy, force=True)
    logic.say("segment the liver")
    start = time.perf_counter()
    assert logic.say("make the box ten pixels larger").done
    assert time.perf_counter() - start < 0.5


def test_help_slices_and_planes_may_come_before_the_first_mask_and_3d_is_shown_whole(module, patient_nodes):
    from AnatomyGuidedLib import mrml

    logic = module.logic()
    volume, anatomy = patient_nodes
    logic.start(volume, anatomy)
    for sentence in ("help", "history", "slice 3", "sagittal plane"):
        assert logic.say(sentence).done, sentence
    assert logic.resultNode is None
    for sentence in ("segment the liver", "next slice", "propagate"):
        assert logic.say(sentence).done, sentence
    shown = mrml.labelmap_from_segmentation_node(logic.resultNode, logic.session.image.grid).values > 0
    assert np.array_equal(shown, logic.session.result().values > 0)
    assert np.count_nonzero(shown.any(axis=(1, 2))) > 3


@pytest.fixture
def speak(tmp_path):
    """A function that makes a WAV file of a sentence in a quiet room: noise 30 dB below the speech, and around it."""
    pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed (apt install espeak-ng)")

    def make(sentence):
        path = tmp_path / f"{sentence}.wav"
        subprocess.run(["espeak-ng", "-v", "en-us", "-s", "160", "-w", str(path), sentence], check=True)
        padded = np.pad(0.7 * read_wav(path), RATE_HZ // 5)
        noise = np.random.default_rng(0).uniform(-164, 164, len(padded))
        wavfile.write(path, RATE_HZ, np.round(padded + noise).astype(np.int16))
        return path

    return make


class _Plays:
    """A microphone that records what it is told to, and counts how often it was opened and closed."""

    def __init__(self, *recordings):
        self.recordings, self.opened, self.closed = list(recordings), 0, 0

    def start(self):
        self.opened += 1

    def stop(self):
        self.closed += 1
        return from_samples(self.recordings.pop(0), RATE_HZ)


class _Hears:
    """A recogniser that hears what it is told to."""

    name = "told"

    def __init__(self, *heard):
        self.heard = list(heard)

    def recognize(self, speech, *, pending=None):  # noqa: ARG002
        return self.heard.pop(0)


_SECOND = np.zeros(RATE_HZ, dtype=np.int16)


@pytest.fixture
def panel(module, patient_nodes):
    """The panel, with the patient chosen."""
    widget = module.widget()
    widget._parameterNode.inputVolume, widget._parameterNode.anatomySegmentation = patient_nodes
    yield widget
    module.close_widget()


def _talk_into(panel, microphone, recognizer=None):
    panel.logic.conversation = Conversation(PushToTalk(lambda: microphone), recognizer)


def _hold(panel):
    from PySide6 import QtCore, QtTest

    QtTest.QTest.mousePress(panel.ui.talkButton, QtCore.Qt.MouseButton.LeftButton)


def _let_go(panel):
    from PySide6 import QtCore, QtTest

    QtTest.QTest.mouseRelease(panel.ui.talkButton, QtCore.Qt.MouseButton.LeftButton)


def test_recordings_at_the_console_are_answered_as_the_typed_sentences_and_read_back(module, patient_nodes, speak):
    from AnatomyGuidedLib import mrml

    logic = module.logic()
    logic.start(*patient_nodes)
    asked = logic.hear(str(speak("segment the left kidney")))
    assert (asked.text, asked.done) == ("Segment left kidney? (yes / no)", False)
    assert logic.resultNode is None
    reply = logic.hear(speak("yes"))
    assert reply.done
    assert reply.text.startswith("Step 0. Left kidney on slice")
    assert [*mrml.segment_names(logic.resultNode).values()] == ["Kidney Left"]


def test_the_views_show_the_slice_of_the_mask(module, host, patient_nodes):
    views = [host.scene.AddNewNodeByClass("vtkMRMLSliceNode") for _ in range(2)]
    views[0].SetOrientation("Axial")
    views[1].SetOrientation("Coronal")
    logic = module.logic()
    logic.start(*patient_nodes)
    assert logic.say("segment the liver on slice 56").done
    grid = logic.session.image.grid
    _, y, z, _ = grid.affine @ [*((np.array(grid.shape) - 1) / 2)[:2], 55, 1]
    assert views[0].GetSliceOffset() == pytest.approx(z)
    assert views[1].GetSliceOffset() == pytest.approx(y)


def test_what_is_spoken_into_the_held_button_is_read_back_done_on_yes_and_not_kept(panel, speak, tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    microphone = _Plays(read_wav(speak("segment the left kidney")))
    _talk_into(panel, microphone)
    _hold(panel)
    assert panel.ui.statusLabel.text.startswith("Listening")
    assert (microphone.opened, microphone.closed) == (1, 0)
    _let_go(panel)
    assert (microphone.opened, microphone.closed) == (1, 1)
    assert panel.ui.statusLabel.text == 'Heard: "segment the left kidney". Segment left kidney? (yes / no)'
    assert panel.ui.historyList.count == 0
    assert panel.ui.yesButton.enabled
    panel.ui.yesButton.click()
    assert panel.ui.statusLabel.text.startswith("Step 0. Left kidney on slice")
    assert not any(isinstance(value, np.ndarray) for value in vars(panel.logic.conversation).values())
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("way", ["button", "typed", "spoken"])
def test_no_to_the_read_back_leaves_everything_as_it_was(panel, way):
    _talk_into(panel, _Plays(_SECOND, _SECOND), _Hears(Heard("segment the left kidney"), Heard("no")))
    _hold(panel)
    _let_go(panel)
    assert panel.ui.noButton.enabled
    if way == "button":
        panel.ui.noButton.click()
    elif way == "typed":
        panel.ui.sentenceEdit.text = "no"
        panel.ui.sendButton.click()
    else:
        _hold(panel)
        _let_go(panel)
    assert panel.ui.statusLabel.text.endswith("Then nothing was done.")
    assert not panel.ui.yesButton.enabled
    assert panel.logic.session.current is None


def _no_microphone():
    raise NoMicrophone("No microphone can be used.")


class _Missing:
    name = "missing"

    def recognize(self, speech, *, pending=None):  # noqa: ARG002
        raise RecognizerMissing("Speech needs the package pocketsphinx.")


@pytest.mark.parametrize(
    ("find", "recognizer", "said"),
    [
        (_no_microphone, _Hears(), "No microphone can be used."),
        (lambda: _Plays(_SECOND), _Missing(), "Speech needs the package pocketsphinx."),
        (lambda: _Plays(_SECOND[:0]), _Hears(), "Too little was recorded, or more than 30 s"),
        (lambda: _Plays(np.tile(_SECOND, 31)), _Hears(), "Too little was recorded, or more than 30 s"),
        (lambda: _Plays(_SECOND), _Hears(Heard("", 0.0, "Nothing was heard.")), "Nothing was heard."),
    ],
)
def test_what_keeps_speech_from_working_is_one_sentence_in_the_panel_and_the_session_goes_on(
    panel, find, recognizer, said
):
    panel.say("segment the liver")
    panel.say("no")
    panel.logic.conversation.button._find = find
    panel.logic.conversation._spoken.recognizer = recognizer
    _hold(panel)
    _let_go(panel)
    assert panel.ui.statusLabel.text.startswith(said)
    assert panel.ui.historyList.count == 1
    panel.say("make the box one pixel smaller")
    assert panel.ui.historyList.count == 2


def test_a_package_that_cannot_be_installed_is_named_in_the_panel_and_nothing_is_recorded(module, panel, monkeypatch):
    microphone = _Plays()
    _talk_into(panel, microphone)
    monkeypatch.setattr(module.python, "IN_SLICER_FOR_TALKING", ["no-such-distribution>=1"])
    _hold(panel)
    _let_go(panel)
    assert panel.ui.statusLabel.text.startswith("no-such-distribution>=1 could not be installed")
    assert microphone.opened == 0
    panel.say("segment the liver")
    assert panel.ui.historyList.count == 1


def test_the_press_that_installs_speech_says_so_and_does_not_record(panel, monkeypatch):
    import slicer

    asked = []
    microphone = _Plays()
    _talk_into(panel, microphone)
    monkeypatch.setattr(slicer.packaging, "pip_check", lambda wanted: not wanted)
    monkeypatch.setattr(slicer.packaging, "pip_ensure", lambda wanted, *, requester: asked.append((wanted, requester)))
    _hold(panel)
    _let_go(panel)
    assert asked == [(["pocketsphinx>=5.1", "sounddevice>=0.5"], "LIMIS")]
    assert panel.ui.statusLabel.text == "Speech is installed now; hold the button while you speak."
    assert microphone.opened == 0


def test_without_a_ct_the_button_says_to_choose_one_and_nothing_is_recorded(module):
    widget = module.widget()
    microphone = _Plays()
    _talk_into(widget, microphone)
    widget._parameterNode.inputVolume = None
    _hold(widget)
    _let_go(widget)
    assert widget.ui.statusLabel.text == "No image was chosen; choose a CT first."
    assert microphone.opened == 0
    module.close_widget()


@pytest.mark.parametrize("ending", ["scene", "module"])
def test_a_microphone_that_is_open_is_closed_with_the_scene_and_the_panel(panel, host, ending):
    microphone = _Plays(_SECOND)
    _talk_into(panel, microphone, _Hears())
    _hold(panel)
    host.scene.Clear() if ending == "scene" else panel.exit()
    assert (microphone.opened, microphone.closed) == (1, 1)
    _let_go(panel)
    assert not panel.logic.conversation.button.is_recording


def test_answers_are_spoken_only_while_that_is_wanted(panel, tmp_path, monkeypatch):
    assert panel.ui.speakCheckBox.enabled == (system_voice() is not None)
    assert not panel.ui.speakCheckBox.checked
    path = tmp_path / "said.txt"
    words = [sys.executable, "-c", f"import sys; open({str(path)!r}, 'a').write(sys.stdin.read())"]
    voice = SystemVoice(words)
    monkeypatch.setattr("LIMISLib.voice.conversation.system_voice", lambda: voice)
    panel.say("segment the liver")
    assert not path.exists()
    panel.ui.speakCheckBox.checked = True
    panel.say("history")
    voice._process.wait(timeout=20)
    assert path.read_text() == panel.ui.statusLabel.text + "\n"
    panel.ui.speakCheckBox.checked = False
    panel.say("undo")
    assert voice._process is None


def test_without_an_anatomy_the_bundled_model_finds_the_structure_and_is_called_a_demonstration(module, host):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    pytest.importorskip("safetensors", reason="safetensors is not installed")
    from AnatomyGuidedLib import mrml
    from AnatomyGuidedLib.phantom import PatientOptions, make_patient

    patient = make_patient(PatientOptions(spacing_mm=4.0))
    widget = module.widget()
    widget._parameterNode.inputVolume = mrml.add_volume(host.scene, patient.ct, "CT")
    widget._parameterNode.anatomySegmentation = None
    assert widget.ui.cautionLabel.text == ""
    widget.say("segment the liver")
    assert "a demonstration model trained on made patients" in widget.ui.cautionLabel.text
    assert "The box is from lang2box-demo (a demonstration model)" in widget.ui.statusLabel.text
    from AnatomyGuidedLib.labels import id_of

    found = widget.logic.session.result().values > 0
    assert np.count_nonzero(found & (patient.anatomy.values == id_of("Liver"))) > 0.5 * np.count_nonzero(found) > 0
    module.close_widget()


@pytest.mark.parametrize("has_anatomy", [True, False])
def test_only_without_an_anatomy_a_package_for_networks_is_needed_and_named(
    module, patient_nodes, monkeypatch, has_anatomy
):
    from AnatomyGuidedLib.errors import AnatomyGuidedError

    monkeypatch.setattr(module.python, "IN_SLICER_FOR_NETWORKS", ["no-such-distribution>=1"])
    logic = module.logic()
    volume, anatomy = patient_nodes
    if has_anatomy:
        logic.start(volume, anatomy)
        assert logic.caution == ""
        assert logic.say("segment the liver").done
    else:
        with pytest.raises(AnatomyGuidedError, match="no-such-distribution>=1 could not be installed"):
            logic.start(volume)
        assert logic.session is None
