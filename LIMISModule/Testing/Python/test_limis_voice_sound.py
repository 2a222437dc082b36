"""Sound files of every kind become speech at 16 kHz; others, and a machine without a microphone, get a sentence."""

from __future__ import annotations

import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
from LIMISLib.voice import microphone as microphones
from LIMISLib.voice.conversation import Conversation, NoSession
from LIMISLib.voice.microphone import Arecord, NoMicrophone, SoundDevice, microphone
from LIMISLib.voice.push_to_talk import PushToTalk
from LIMISLib.voice.speaker import SystemVoice, system_voice
from LIMISLib.voice.speech import LONGEST_S, RATE_HZ, BadSound, dithered, from_samples, loudness, read_wav, trimmed
from scipy.io import wavfile


def _tone(rate_hz: int, seconds: float = 1.0, hz: float = 500.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(round(rate_hz * seconds)) / rate_hz)


def _as_24_bit(path, rate_hz: int, wave: np.ndarray) -> None:
    import wave as wave_files

    with wave_files.open(str(path), "wb") as file:
        file.setparams((1, 3, rate_hz, len(wave), "NONE", ""))
        whole = np.round(wave * 2**23).astype("<i4")
        file.writeframes(whole.view(np.uint8).reshape(-1, 4)[:, :3].tobytes())


_WIDTHS = {
    "8 bit": lambda wave: np.round(wave * 127 + 128).astype(np.uint8),
    "16 bit": lambda wave: np.round(wave * 2**15).astype(np.int16),
    "32 bit": lambda wave: np.round(wave * 2**31).astype(np.int32),
    "floating point": lambda wave: wave.astype(np.float32),
}


@pytest.mark.parametrize("width", [*_WIDTHS, "24 bit"])
@pytest.mark.parametrize("rate_hz", [8000, 16000, 22050, 44100, 48000])
def test_any_width_and_rate_gives_the_same_tone_at_16_khz(tmp_path, width, rate_hz):
    path, wave = tmp_path / "tone.wav", _tone(rate_hz)
    if width == "24 bit":
        _as_24_bit(path, rate_hz, wave)
    else:
        wavfile.write(path, rate_hz, _WIDTHS[width](wave))
    speech = read_wav(path)
    assert speech.dtype == np.int16
    assert len(speech) == RATE_HZ
    middle = slice(2000, -2000)  # the ends ring
    difference = speech[middle] / 2**15 - _tone(RATE_HZ)[middle]
    assert np.abs(difference).max() < (0.01 if width == "8 bit" else 0.004)


def test_the_channels_of_a_stereo_file_are_averaged(tmp_path):
    both = np.stack([_tone(44100), np.zeros(44100)], axis=1)
    wavfile.write(tmp_path / "stereo.wav", 44100, _WIDTHS["16 bit"](both))
    wavfile.write(tmp_path / "mono.wav", 44100, _WIDTHS["16 bit"](_tone(44100) / 2))
    assert np.abs(read_wav(tmp_path / "stereo.wav").astype(int) - read_wav(tmp_path / "mono.wav")).max() <= 1


def _cut_off(path):
    wavfile.write(path, 16000, _WIDTHS["16 bit"](_tone(16000)))
    path.write_bytes(path.read_bytes()[:30])


def _too_long(path):
    wavfile.write(path, 8000, np.zeros(round(8000 * (LONGEST_S + 1)), dtype=np.uint8))


def _not_finite(path):
    wavfile.write(path, 16000, np.full(1600, np.nan, dtype=np.float32))


_BAD = {
    "is no WAV": (lambda path: path.write_text("a letter, not a sound " * 10), "cannot be read as a WAV file"),
    "is empty": (lambda path: path.write_bytes(b""), "cannot be read as a WAV file"),
    "is cut off": (_cut_off, "cannot be read as a WAV file"),
    "is random": (
        lambda path: path.write_bytes(b"RIFF" + np.random.default_rng(0).bytes(400)),
        "cannot be read as a WAV file",
    ),
    "has no samples": (lambda path: wavfile.write(path, 16000, np.zeros(0, dtype=np.int16)), "There is no sound"),
    "is too long": (_too_long, "31 s long; a sentence of at most 30 s was expected"),
    "has a silly rate": (lambda path: wavfile.write(path, 100, np.zeros(90, dtype=np.int16)), "100 samples a second"),
    "is not finite": (_not_finite, "some of its samples are no numbers"),
    "is a folder": (lambda path: path.mkdir(), "is a folder or no ordinary file"),
    "does not exist": (lambda path: None, "does not exist"),  # noqa: ARG005
}


@pytest.mark.parametrize("what", _BAD)
def test_a_file_that_is_no_sound_gets_one_sentence(tmp_path, run_command, what):
    write, said = _BAD[what]
    write(tmp_path / "said.wav")
    with pytest.raises(BadSound, match=said):
        read_wav(tmp_path / "said.wav")
    code, out, err = run_command("limis", "hear", tmp_path / "said.wav")
    assert (code, out) == (1, "")
    assert said in err
    assert "Traceback" not in err
    assert str(tmp_path) not in err


def test_a_file_that_ends_anywhere_in_its_header_never_ends_in_a_traceback(tmp_path):
    path = tmp_path / "said.wav"
    wavfile.write(path, 16000, _WIDTHS["16 bit"](_tone(16000)))
    whole = path.read_bytes()
    for length in range(44):
        path.write_bytes(whole[:length])
        with pytest.raises(BadSound):
            read_wav(path)


def test_dither_is_faint_and_always_the_same():
    silence = np.zeros(16000, dtype=np.int16)
    assert np.array_equal(dithered(silence), dithered(silence))
    assert 3 < dithered(silence).std() < 10
    loudest = np.full(1000, 32767, dtype=np.int16)
    assert dithered(loudest).min() > 30000  # no sample wraps round


def test_noise_before_and_behind_the_speech_is_cut_away():
    rng = np.random.default_rng(5)
    noise = rng.normal(0, 30, 3 * RATE_HZ)
    noise[RATE_HZ : RATE_HZ + 8000] += 8000 * _tone(RATE_HZ, 0.5)
    cut = trimmed(noise.astype(np.int16))
    assert len(cut) == pytest.approx((0.2 + 0.5 + 0.1) * RATE_HZ, abs=0.05 * RATE_HZ)
    assert loudness(cut[: RATE_HZ // 10]) < 0.005


@pytest.mark.parametrize(("before", "behind"), [(1600, 0), (0, 8000), (7777, 48000)])
@pytest.mark.parametrize("faint", [0, 1])
def test_digital_silence_around_noisy_speech_changes_nothing(before, behind, faint):
    rng = np.random.default_rng(6)
    noise = rng.normal(0, 200, 2 * RATE_HZ)
    noise[RATE_HZ // 2 : RATE_HZ] += 8000 * _tone(RATE_HZ, 0.5)
    sound = noise.astype(np.int16)
    around = [rng.integers(-faint, faint + 1, length).astype(np.int16) for length in (before, behind)]
    assert np.array_equal(trimmed(np.concatenate([around[0], sound, around[1]])), trimmed(sound))


def test_noise_goes_on_where_a_recording_begins_and_ends_with_its_speech():
    noise = np.random.default_rng(7).normal(0, 100, RATE_HZ)
    noise[:8000] += 8000 * _tone(RATE_HZ, 0.5)
    noise[12000:] += 8000 * _tone(RATE_HZ, 0.25)
    cut = trimmed(noise.astype(np.int16)).astype(float)
    assert len(cut) == pytest.approx((0.2 + 1.0 + 0.03) * RATE_HZ, abs=0.02 * RATE_HZ)
    assert 70 < cut[:3000].std() < 130
    assert 70 < cut[-200:].std() < 130


def test_speech_that_is_shorter_than_a_frame_is_left_alone():
    assert len(trimmed(np.ones(50, dtype=np.int16))) == 50
    assert loudness(np.ones(50, dtype=np.int16)) < 0.001


@pytest.mark.parametrize("refusal", ["PortAudioError", "ValueError"])
def test_without_an_input_sounddevice_is_named(monkeypatch, refusal):
    class PortAudioError(Exception):
        pass

    def no_input(kind: str):
        raise {"PortAudioError": PortAudioError, "ValueError": ValueError}[refusal](kind)

    library = SimpleNamespace(PortAudioError=PortAudioError, query_devices=no_input)
    monkeypatch.setitem(sys.modules, "sounddevice", library)
    with pytest.raises(NoMicrophone, match="sounddevice finds no input"):
        SoundDevice()


def test_without_any_microphone_the_sentence_says_what_was_tried(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    monkeypatch.setattr(microphones.shutil, "which", lambda program: None)  # noqa: ARG005

    def no_qt():
        raise NoMicrophone("Qt finds no input")

    with pytest.raises(NoMicrophone, match=r"sounddevice.*Qt finds no input.*arecord.*give a recording of it"):
        microphone(no_qt)


def test_a_running_qt_is_used_before_arecord(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    marker = object()
    assert microphone(lambda: marker) is marker


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A program of this name that runs a line of Python."""
    if sys.platform == "win32":
        pytest.skip("programs of this test are scripts")

    def make(name: str, line: str):
        path = tmp_path / name
        path.write_text(f"#!{sys.executable}\n{line}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        return path

    return make


def test_arecord_records_until_it_is_stopped(program):
    program(
        "arecord",
        "import sys, time; sys.stdout.buffer.write(bytes([1, 2]) * 1600); sys.stdout.buffer.flush(); time.sleep(60)",
    )
    recorder = Arecord()
    recorder.start()
    time.sleep(1.0)
    speech = recorder.stop()
    assert len(speech) == 1600
    assert set(speech.tolist()) == {0x0201}


def test_an_arecord_that_fails_says_why(program):
    program("arecord", "import sys; sys.exit('no soundcards found')")
    recorder = Arecord()
    recorder.start()
    recorder._process.wait()
    with pytest.raises(NoMicrophone, match="no soundcards found"):
        recorder.stop()
    with pytest.raises(NoMicrophone, match="not started"):
        recorder.stop()


def test_answers_go_to_the_systems_voice_through_its_standard_input(program, tmp_path):
    said = tmp_path / "said.txt"
    program("spd-say", f"import sys; open({str(said)!r}, 'w').write(sys.stdin.read())")
    voice = system_voice("linux")
    voice.say('Step 1; $(touch x) "is kept"')
    voice._process.wait()
    assert said.read_text() == 'Step 1; $(touch x) "is kept"\n'
    assert "is kept" not in " ".join(voice.words)


def test_a_system_without_a_voice_has_none_and_a_new_answer_ends_the_old_one(program):
    path = program("unheard", "import time; time.sleep(60)")
    assert system_voice("linux") is None
    voice = SystemVoice([str(path)])
    voice.say("one")
    first = voice._process
    voice.say("two")
    assert first.poll() is not None
    voice.stop()


def test_too_many_samples_are_refused_wherever_they_come_from():
    with pytest.raises(BadSound, match="the recording is 40 s long"):
        from_samples(np.zeros(40 * 8000, dtype=np.int16), 8000)


class _Tone:
    """A microphone that hears a second of a tone."""

    def __init__(self):
        self.opened = 0

    def start(self):
        self.opened += 1

    def stop(self):
        return from_samples(_WIDTHS["16 bit"](_tone(RATE_HZ)), RATE_HZ)


def test_the_button_records_from_press_to_release_and_opens_one_microphone():
    microphone = _Tone()
    button = PushToTalk(lambda: microphone)
    assert not button.is_recording
    button.press()
    button.press()
    assert button.is_recording
    assert microphone.opened == 1
    assert len(button.release()) == RATE_HZ
    assert not button.is_recording


def test_what_was_recorded_is_gone_once_it_was_dropped_and_an_idle_button_has_nothing():
    button = PushToTalk(_Tone)
    button.press()
    button.drop()
    button.drop()
    assert not button.is_recording
    with pytest.raises(NoMicrophone, match="hold the button down while you speak"):
        button.release()


def test_a_conversation_without_a_session_neither_answers_nor_listens(tmp_path):
    microphone = _Tone()
    conversation = Conversation(PushToTalk(lambda: microphone))
    for act in (
        conversation.press,
        lambda: conversation.say("undo"),
        lambda: conversation.hear_file(tmp_path / "no.wav"),
    ):
        with pytest.raises(NoSession, match="No session is running"):
            act()
    assert microphone.opened == 0
    assert not conversation.asks_yes_or_no
