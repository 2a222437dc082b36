"""Made speech in, commands out: the default recogniser, the read-back, a spoken session from the command line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.io import read_labelmap
from LIMISLib.commands import Command, Question, Rejection, confirmation
from LIMISLib.language import parse
from LIMISLib.session import Session
from LIMISLib.voice.conversation import Conversation
from LIMISLib.voice.read_back import described, needs_read_back, spoken_answers
from LIMISLib.voice.recognizer import SURE, Heard, RecognizerMissing, recognizer
from LIMISLib.voice.speech import RATE_HZ, read_wav, trimmed
from LIMISLib.voice.spoken_session import SpokenSession
from made_images import liver_study
from scipy.io import wavfile


@pytest.fixture(scope="module")
def sphinx():
    pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")
    return recognizer()


@pytest.fixture(scope="session")
def speak(tmp_path_factory):
    """A function that makes a WAV file of a sentence, with noise 30 dB below it."""
    for program in ("espeak-ng", "sox"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (apt install {program})")
    folder = tmp_path_factory.mktemp("spoken")

    def run(*words: object) -> None:
        subprocess.run([str(word) for word in words], check=True, stdin=subprocess.DEVNULL, capture_output=True)

    def make(sentence: str, *, voice: str = "en-us", options: tuple[str, ...] = ("-r", "16000", "-c", "1")) -> Path:
        name = f"{voice} {sentence} {' '.join(options)}".replace(" ", "_").replace("'", "")
        spoken, clean, noise, said = (folder / f"{part}_{name}.wav" for part in ("spoken", "clean", "noise", "said"))
        run("espeak-ng", "-v", voice, "-s", "160", "-w", spoken, sentence)
        run("sox", "-R", spoken, clean, "pad", "0.2", "0.2")
        run("sox", "-R", clean, "-b", "16", noise, "synth", "whitenoise", "vol", "0.005")
        run("sox", "-R", "-m", "-v", "0.7", clean, "-v", "1", noise, "-b", "16", *options, said)
        return said

    return make


@pytest.fixture
def study(tmp_path):
    """A folder with a CT and its anatomy: a liver and two kidneys."""
    kidneys = {"Kidney Left": np.s_[44:54, 36:46, 1:4], "Kidney Right": np.s_[6:16, 36:46, 1:4]}
    return liver_study(tmp_path, np.s_[20:40, 10:30, 2:7], kidneys)


@pytest.fixture
def limis(run_command, study):
    def run(*said: str | Path):
        words = [word for one in said for word in ("--wav" if isinstance(one, Path) else "--say", one)]
        image, anatomy = study / "ct.nii.gz", study / "anatomy.nii.gz"
        output, log = study / "seg.seg.nrrd", study / "s.jsonl"
        return run_command("limis", image, "--anatomy", anatomy, *words, "-o", output, "--log", log)

    return run


class _Hears:
    """A recogniser that hears what it is told to."""

    name = "told"

    def __init__(self, *heard: Heard) -> None:
        self.heard = list(heard)
        self.asked: list[Question | None] = []

    def recognize(self, speech, *, pending=None):  # noqa: ARG002
        self.asked.append(pending)
        return self.heard.pop(0)


class _Learns(_Hears):
    """A recogniser that keeps what it was taught."""

    def __init__(self, *heard: Heard) -> None:
        super().__init__(*heard)
        self.learned: list[str] = []

    def learn(self, speech, text) -> bool:  # noqa: ARG002
        self.learned.append(text)
        return True

    def save_voice(self, path) -> None:
        path.write_text(" | ".join(self.learned), encoding="utf-8")


@pytest.fixture
def spoken(study):
    """A function that makes a session which hears these sentences."""
    from AnatomyGuidedLib.io import read_anatomy, read_ct

    session = Session(read_ct(study / "ct.nii.gz"), read_anatomy(str(study / "anatomy.nii.gz")))

    def make(*heard: str | Heard) -> SpokenSession:
        return SpokenSession(session, _Learns(*(Heard(one) if isinstance(one, str) else one for one in heard)))

    return make


_SILENCE = np.zeros(RATE_HZ, dtype=np.int16)


@pytest.mark.parametrize("voice", ["en-us", "en-gb"])
@pytest.mark.parametrize(
    "sentence", ["segment the spleen", "make the box ten pixels larger", "undo that", "propagate the mask upwards"]
)
def test_spoken_commands_are_understood_as_the_typed_ones_are(sphinx, speak, sentence, voice):
    heard = sphinx.recognize(read_wav(speak(sentence, voice=voice)))
    assert parse(heard.text) == parse(sentence)


def test_stereo_at_44100_hz_is_heard_as_well(sphinx, speak):
    path = speak("segment the liver", options=("-r", "44100", "-c", "2"))
    assert wavfile.read(path)[1].shape[1] == 2
    assert parse(sphinx.recognize(read_wav(path)).text) == parse("segment the liver")


def test_sentences_about_something_else_are_no_commands_or_asked_about(sphinx, speak):
    sentences = ("what is the weather like tomorrow", "I will call you back in ten minutes", "is this seat taken")
    heard = [sphinx.recognize(read_wav(speak(sentence))) for sentence in sentences]
    assert sum(not one.text for one in heard) >= 2
    assert all(one.reason for one in heard if not one.text)
    assert all(one.confidence < SURE for one in heard)


@pytest.mark.parametrize("voice", ["en-us", "en-gb", "en-gb-scotland"])
@pytest.mark.parametrize(
    "sentence",
    ["don't propagate", "don't keep it", "don't run the ensemble", "the mask is not oversegmented"],
)
def test_a_spoken_refusal_is_not_the_command_that_it_forbids(sphinx, speak, sentence, voice):
    heard = sphinx.recognize(read_wav(speak(sentence, voice=voice)))
    assert heard.text == "", heard
    assert heard.reason


@pytest.mark.parametrize("voice", ["en-us", "en-gb", "en-gb-scotland"])
@pytest.mark.parametrize("sentence", ["that's not good", "don't go to the next slice", "never use the bone window"])
def test_a_refusal_that_is_hard_to_hear_is_never_run_at_once(sphinx, speak, sentence, voice):
    heard = sphinx.recognize(read_wav(speak(sentence, voice=voice)))
    assert not heard.text or heard.maybe_refused or heard.confidence < SURE, heard


def test_a_spoken_refusal_is_answered_as_the_typed_one_is(sphinx, speak):
    refused = parse("don't segment the liver")
    assert sphinx.recognize(read_wav(speak("don't segment the liver"))).reason == refused.reason


def test_a_spoken_correction_is_the_command_it_ends_with_and_is_asked_about(sphinx, speak):
    heard = sphinx.recognize(read_wav(speak("no, not the left kidney, the right kidney")))
    assert parse(heard.text) == Command("segment", {"structure": "Kidney Right"})
    assert heard.maybe_refused


def test_what_may_have_been_a_refusal_is_read_back_and_teaches_no_voice(spoken):
    session = spoken(Heard("and segment the liver", 0.9, maybe_refused=True), "yes", "segment the liver")
    assert session.hear(_SILENCE)[1].text == "Segment liver? (yes / no)"
    assert session.hear(_SILENCE)[1].done
    assert session.recognizer.learned == []
    assert session.hear(_SILENCE)[1].done
    assert session.recognizer.learned == ["segment the liver"]


def test_silence_noise_and_a_click_are_no_commands(sphinx):
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 2000, 2 * RATE_HZ).astype(np.int16)
    click = np.zeros(RATE_HZ, dtype=np.int16)
    click[8000:8040] = 20000
    for sound in (_SILENCE, noise, click, np.ones(10, dtype=np.int16)):
        heard = sphinx.recognize(sound)
        assert heard.text == ""
        assert heard.reason


def test_the_same_sound_is_heard_the_same_way_whatever_came_before(sphinx, speak):
    sound = read_wav(speak("segment the spleen"))
    first = sphinx.recognize(sound)
    assert first.text == "segment the spleen"
    sphinx.recognize(read_wav(speak("is this seat taken")))
    again = sphinx.recognize(sound)
    assert again == first


def test_silence_around_noisy_speech_does_not_shift_the_score(sphinx, speak):
    sound = read_wav(speak("undo that"))
    padded = np.pad(sound, (5000, 20000))
    assert np.array_equal(trimmed(padded), trimmed(sound))
    alone, around = sphinx.evidence(sound), sphinx.evidence(padded)
    assert alone.text == around.text == "undo that"
    assert around.fit.doubt == pytest.approx(alone.fit.doubt, abs=0.2)


def test_answers_are_heard_only_while_a_question_is_pending(sphinx, speak):
    pending = parse("segment the kidney")
    answers = spoken_answers(pending)
    assert {"left", "right", "first one", "no"} <= set(answers)
    heard = sphinx.recognize(read_wav(speak("left")), pending=pending)
    assert parse(heard.text, pending) == Command("answer", {"choice": "left"})
    asked = confirmation("Finish?", Command("finish"))
    assert sphinx.recognize(read_wav(speak("yes")), pending=asked).text == "yes"


def test_a_spoken_session_from_wav_files_reads_the_side_back_and_logs_words_alone(limis, run_command, speak, study):
    pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")
    code, out, err = limis(
        speak("segment the left kidney"), speak("yes"), speak("keep it"), "make the box two pixels larger"
    )
    assert (code, out) == (0, ""), err
    assert "Segment left kidney? (yes / no)" in err
    _, *entries = [json.loads(line) for line in (study / "s.jsonl").read_text().splitlines()]
    assert [entry["sentence"] for entry in entries] == [
        "segment the left kidney",
        "keep it",
        "make the box two pixels larger",
    ]
    assert ".wav" not in (study / "s.jsonl").read_text()
    mask = read_labelmap(study / "seg.seg.nrrd").values
    assert mask[44:54, 36:46].any()
    assert not mask[6:16, 36:46].any()
    assert run_command("limis", "replay", study / "s.jsonl", "-o", study / "again.nii.gz")[0] == 0
    assert np.array_equal(read_labelmap(study / "again.nii.gz").values, mask)


def test_a_whole_session_is_spoken_from_the_first_mask_to_the_last(limis, speak, study):
    pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")
    said = (
        *("segment the left kidney", "yes", "keep it", "make the box ten percent larger", "yes"),
        *("propagate the mask", "finish", "yes"),
    )
    code, _, err = limis(*(speak(sentence) for sentence in said))
    assert code == 0, err
    asked = ["Segment left kidney? (yes / no)", "Resize box 10 percent? (yes / no)", "Finish? (yes / no)"]
    assert [line.partition(": ")[2] for line in err.splitlines() if line.partition(": ")[2] in asked] == asked
    _, *entries = [json.loads(line) for line in (study / "s.jsonl").read_text().splitlines()]
    commands = [entry["command"] for entry in entries]
    assert [command["intent"] for command in commands] == ["segment", "keep", "resize_box", "propagate", "finish"]
    assert commands[2]["slots"] == {"amount": 10, "unit": "percent"}
    mask = read_labelmap(study / "seg.seg.nrrd").values
    slices = np.flatnonzero(mask.any(axis=(0, 1)))
    assert set(slices) <= {1, 2, 3}
    assert len(slices) > 1
    assert not mask[6:16, 36:46].any()


def test_hear_prints_a_line_of_json_for_each_file(run_command, speak):
    pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")
    code, out, _ = run_command("limis", "hear", speak("segment the left kidney"), speak("undo that"))
    assert code == 0
    kidney, undo = [json.loads(line) for line in out.splitlines()]
    assert kidney["heard"] == "segment the left kidney"
    assert kidney["parse"] == {"intent": "segment", "slots": {"structure": "Kidney Left"}}
    assert kidney["read_back"] is True
    assert undo["parse"] == {"intent": "undo", "slots": {}}


def test_a_side_that_was_misheard_is_caught_by_the_read_back(spoken):
    session = spoken("segment the right kidney", "no", "segment the left kidney", "yes")
    asked = session.hear(_SILENCE)[1]
    assert asked.text == "Segment right kidney? (yes / no)"
    assert not asked.done
    assert session.hear(_SILENCE)[1].text == "Then nothing was done."
    assert session.session.states == ()
    session.hear(_SILENCE)
    assert session.hear(_SILENCE)[1].done
    assert session.session.current.structure == "Kidney Left"


def test_another_command_takes_the_place_of_the_one_that_was_read_back(spoken):
    session = spoken("segment the right kidney", "segment the liver")
    session.hear(_SILENCE)
    assert session.hear(_SILENCE)[1].done
    assert [state.structure for state in session.session.states] == ["Liver"]
    assert not session.is_reading_back


def test_what_is_no_answer_leaves_the_read_back_pending(spoken):
    session = spoken("segment the right kidney", "the weather is nice", Heard("", 0.0, "Nothing was heard."), "yes")
    session.hear(_SILENCE)
    assert "Segment right kidney?" in session.hear(_SILENCE)[1].text
    assert session.hear(_SILENCE)[1].text == "Nothing was heard."
    assert session.hear(_SILENCE)[1].done


def test_an_answer_that_names_a_side_is_read_back_too(spoken):
    session = spoken("segment the kidney", "left", "yes")
    assert session.hear(_SILENCE)[1].text == "Left or right kidney? (left / right)"
    assert session.hear(_SILENCE)[1].text == "Segment left kidney? (yes / no)"
    assert session.hear(_SILENCE)[1].done
    assert session.session.current.structure == "Kidney Left"


def test_what_was_heard_badly_is_asked_about_and_what_was_typed_is_not(spoken):
    session = spoken(Heard("segment the liver", 0.3))
    assert session.hear(_SILENCE)[1].text == "Segment liver? (yes / no)"
    assert session.say("yes").done
    assert session.say("segment the right kidney").done


def test_the_recogniser_knows_what_is_being_asked(spoken):
    session = spoken("segment the right kidney", "yes")
    session.hear(_SILENCE)
    session.hear(_SILENCE)
    before, after = session.recognizer.asked
    assert before is None
    assert set(after.options) == {"yes", "no"}


@pytest.mark.parametrize(
    ("sentence", "asks"),
    [
        ("segment the liver", False),
        ("segment the left third rib", True),
        ("move the box 5 pixels right", True),
        ("move the box up", False),
        ("grow the box by 5 pixels on the left", True),
        ("remove component 2", True),
        ("keep only the largest component", True),
        ("revert to step 2", True),
        ("finish", True),
        ("undo", False),
        ("make the box 15 pixels larger", True),
        ("make the box 50 pixels larger", True),
        ("compare steps 1 and 2", True),
        ("raise the threshold", False),
    ],
)
def test_sides_removals_and_numbers_are_read_back(sentence, asks):
    assert needs_read_back(parse(sentence)) is asks


def test_commands_are_described_as_they_were_understood():
    assert described(parse("compare steps 1 and 3")) == "Compare steps 1 and 3"
    assert described(parse("segment the left third rib on slice 40")) == "Segment left rib 3 (Costa 10 Left), slice 40"
    assert described(parse("shrink the box by 5 mm on the left")) == "Resize box -5 mm, side left"


def test_the_answers_that_can_be_heard_answer_the_question():
    for question in (parse("segment the sternum"), parse("grow the box"), confirmation("So?", Command("undo"))):
        assert isinstance(question, Question)
        for said in spoken_answers(question):
            assert parse(said, question).intent == "answer"
    assert "ten pixels" in spoken_answers(parse("grow the box"))


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (("segment the left kidney",), "is a question: Segment left kidney?"),
        (("segment the left kidney", "no"), "There is no mask yet"),
    ],
)
def test_a_batch_whose_read_back_is_not_confirmed_writes_nothing(limis, speak, study, said, message):
    pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")
    code, _, err = limis(speak(said[0]), *said[1:])
    assert code == 1
    assert message in err
    assert not (study / "seg.seg.nrrd").exists()
    assert not (study / "s.jsonl").exists()


@pytest.mark.parametrize("text", ["siri", "vosk", "transformers:", "vosk:/no/such/folder"])
def test_a_recogniser_that_is_none_is_a_wrong_call(text):
    with pytest.raises(UsageError, match=r"recogniser|folder"):
        recognizer(text)


def test_a_recogniser_without_anything_spoken_is_a_wrong_call(run_command, study):
    code, _, err = run_command(
        *("limis", study / "ct.nii.gz", "--say", "help", "--recognizer", "pocketsphinx"),
        *("-o", study / "x.nii.gz", "--log", study / "x.jsonl"),
    )
    assert code == 2
    assert "--recognizer is for spoken sentences" in err


@pytest.mark.parametrize(
    ("package", "text"), [("pocketsphinx", "pocketsphinx"), ("vosk", "vosk:."), ("transformers", "transformers:.")]
)
def test_a_missing_package_is_named_in_one_sentence(monkeypatch, package, text):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(RecognizerMissing, match=f"pip install.*{package}"):
        recognizer(text)


def test_transformers_hears_with_a_model_in_a_local_folder(tmp_path, monkeypatch, run_command):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    torch = pytest.importorskip("torch", reason="torch is not installed")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    torch.manual_seed(0)
    letters = {letter: number for number, letter in enumerate(["<pad>", "<s>", "</s>", "<unk>", "|", *"undo"])}
    (tmp_path / "vocab.json").write_text(json.dumps(letters))
    transformers.Wav2Vec2CTCTokenizer(str(tmp_path / "vocab.json")).save_pretrained(tmp_path)
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    config = transformers.Wav2Vec2Config(
        vocab_size=len(letters), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        conv_dim=(8, 8), conv_stride=(20, 16), conv_kernel=(20, 16), num_feat_extract_layers=2,
        num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2, pad_token_id=0,
    )  # fmt: skip
    model = transformers.Wav2Vec2ForCTC(config)
    with torch.no_grad():  # it says one letter whatever it hears
        model.lm_head.weight.zero_()
        model.lm_head.bias.copy_(torch.nn.functional.one_hot(torch.tensor(letters["u"]), len(letters)).float())
    model.save_pretrained(tmp_path)
    sound = np.random.default_rng(0).normal(0, 1000, RATE_HZ).astype(np.int16)
    wavfile.write(tmp_path / "said.wav", RATE_HZ, sound)
    code, out, err = run_command("limis", "hear", tmp_path / "said.wav", "--recognizer", f"transformers:{tmp_path}")
    assert code == 0, err
    assert json.loads(out)["heard"] == "u"
    assert "rejected" in json.loads(out)["parse"]


def test_a_folder_without_a_speech_model_is_said_to_be_none(tmp_path):
    pytest.importorskip("transformers", reason="transformers is not installed")
    with pytest.raises(RecognizerMissing, match="holds no speech model"):
        recognizer(f"transformers:{tmp_path}")


def test_what_a_session_hears_as_nothing_changes_nothing(spoken):
    session = spoken(Heard("", 0.0, "Nothing was heard."))
    heard, reply = session.hear(_SILENCE)
    assert heard.text == ""
    assert reply.text == "Nothing was heard."
    assert isinstance(reply.interpretation, Rejection)
    assert session.session.entries == ()


def test_a_voice_is_learned_from_commands_that_were_done_and_from_no_others(spoken):
    heard = ("make the box ten pixels larger", "yes", "segment the liver", "segment the spleen", "finish", "no")
    session = spoken(*heard)
    learned = session.recognizer.learned
    session.say("segment the liver")
    session.hear(_SILENCE)
    assert learned == []  # it is only read back
    session.hear(_SILENCE)
    assert learned == ["make the box ten pixels larger"]
    session.hear(_SILENCE)
    assert learned[1:] == ["segment the liver"]
    session.hear(_SILENCE)  # there is no spleen
    session.hear(_SILENCE)
    session.hear(_SILENCE)  # "no"
    assert len(learned) == 2


def test_a_conversation_saves_the_voice_that_it_learned(spoken, tmp_path):
    session = spoken("segment the liver")
    conversation = Conversation(hearing=session.recognizer)
    conversation.begin(session.session)
    wav = tmp_path / "a.wav"
    wavfile.write(wav, RATE_HZ, np.ones(RATE_HZ, dtype=np.int16))
    conversation.hear_file(wav)
    conversation.save_voice(tmp_path / "me.npz")
    assert (tmp_path / "me.npz").read_text(encoding="utf-8") == "segment the liver"


def test_a_voice_that_was_not_learned_cannot_be_saved_nor_one_that_is_none_be_used(tmp_path):
    conversation = Conversation()
    with pytest.raises(AnatomyGuidedError, match="No voice was learned"):
        conversation.save_voice(tmp_path / "me.npz")
    assert not (tmp_path / "me.npz").exists()
    pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")
    with pytest.raises(AnatomyGuidedError, match="There is no file"):
        conversation.use_voice(tmp_path / "me.npz")
