"""A speaker's voice: what is learned of it follows by hand or by a slow oracle; accents are heard better with it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from LIMISLib.language import parse
from LIMISLib.voice.acoustic_model import AcousticModel, write_means
from LIMISLib.voice.adaptation import Voice, affinely_mapped
from LIMISLib.voice.alignment import Aligned, align, cepstra, features
from LIMISLib.voice.enrolment import enrolment_sentences
from LIMISLib.voice.speech import dithered, read_wav, trimmed
from LIMISLib.voice.sphinx import Sphinx
from LIMISLib.voice.voice_file import BadVoice, read_voice, write_voice
from scipy.io import wavfile

pocketsphinx = pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")

_HMM = Path(pocketsphinx.get_model_path("en-us/en-us"))
_COMMANDS = Path(__file__).parents[1] / "data" / "voice_seen_commands.jsonl"
_SCOTTISH = "en-gb-scotland"


@pytest.fixture(scope="module")
def model() -> AcousticModel:
    return AcousticModel.read(_HMM)


@pytest.fixture
def sphinx() -> Sphinx:
    return Sphinx()


@pytest.fixture
def say(tmp_path):
    """A function that speaks a sentence in a voice, with 0.3 s around it and noise 30 dB below, into a file."""
    if not shutil.which("espeak-ng"):
        pytest.skip("espeak-ng is not installed")

    def speak(sentence: str, voice: str = _SCOTTISH, name: str = "said") -> Path:
        path = tmp_path / f"{name}.wav"
        subprocess.run(["espeak-ng", "-v", voice, "-s", "160", "-w", str(path), sentence], check=True)
        wave = np.pad(read_wav(path) / 65536, 4800)
        loud = wave[np.abs(wave) > 0.02 * np.abs(wave).max()]
        noise = np.random.default_rng(len(sentence)).normal(0, np.sqrt(np.mean(loud**2) / 1000), len(wave))
        wavfile.write(path, 16_000, (wave + noise).astype(np.float32))
        return path

    return speak


def _small(phones=("AA", "S", "SIL"), kinds=1, gaussians=4, dimensions=2, seed=3) -> AcousticModel:
    rng = np.random.default_rng(seed)
    shape = (len(phones), kinds, gaussians, dimensions)
    return AcousticModel(phones, rng.normal(0, 5, shape), rng.uniform(0.5, 2, shape), "0" * 64)


def test_the_models_means_survive_being_written(model, tmp_path):
    changed = AcousticModel(model.phones, model.means + 0.5, model.variances, model.sha256)
    for name in ("variances", "mdef"):
        shutil.copy(_HMM / name, tmp_path / name)
    write_means(changed.means, tmp_path / "means")
    assert np.allclose(AcousticModel.read(tmp_path).means, changed.means, atol=1e-5)


def test_an_unknown_voice_changes_nothing(model):
    assert np.allclose(Voice.unknown(model).means(model), model.means)


def test_an_affine_map_of_all_means_is_found_again():
    rng = np.random.default_rng(5)
    means, variances = rng.normal(0, 4, (30, 3)), rng.uniform(0.5, 2, (30, 3))
    counts = rng.uniform(1e5, 2e5, 30)
    linear, shift = np.eye(3) + rng.normal(0, 0.1, (3, 3)), rng.normal(0, 1, 3)
    wanted = means @ linear.T + shift
    assert np.allclose(affinely_mapped(means, variances, counts, counts[:, None] * wanted), wanted, atol=0.01)


def test_little_that_was_heard_changes_the_means_little():
    rng = np.random.default_rng(6)
    means, counts = rng.normal(0, 4, (30, 3)), np.full(30, 0.01)
    found = affinely_mapped(means, np.ones((30, 3)), counts, counts[:, None] * (means + 3))
    assert np.abs(found - means).max() < 0.3


def test_what_is_counted_is_what_a_slow_loop_counts():
    model, rng = _small(kinds=2), np.random.default_rng(7)
    heard = Aligned(rng.normal(0, 5, (9, 2, 2)), np.array(["SIL", "AA", "AA", "S", "S", "S", "AA", "SIL", "SIL"]), 0.0)
    voice = Voice.unknown(model).learned(heard, model)
    counts, sums = np.zeros((3, 2, 4)), np.zeros((3, 2, 4, 2))
    for frame, name in zip(heard.features, heard.phones, strict=True):
        phone = model.phones.index(name)
        for kind in range(2):
            density = [
                np.prod(
                    np.exp(-((frame[kind] - model.means[phone, kind, g]) ** 2) / 2 / model.variances[phone, kind, g])
                    / np.sqrt(model.variances[phone, kind, g])
                )
                for g in range(4)
            ]
            for g in range(4):
                counts[phone, kind, g] += density[g] / sum(density)
                sums[phone, kind, g] += density[g] / sum(density) * frame[kind]
    assert voice.sentences == 1
    assert np.allclose(voice.counts, counts)
    assert np.allclose(voice.sums, sums)
    assert voice.counts[..., 0, :].sum() == pytest.approx(9)


def test_a_phone_that_is_said_elsewhere_moves_there_and_others_do_not():
    model = _small()
    sums = np.zeros_like(model.means)
    counts = np.zeros(model.means.shape[:-1])
    counts[1] = 1e6  # "S" was heard often, three units above
    sums[1] = counts[1][..., None] * (model.means[1] + 3)
    found = Voice(model.sha256, 100, counts, sums).means(model)
    assert np.allclose(found[1], model.means[1] + 3, atol=0.01)
    assert np.allclose(found[0], model.means[0])
    assert np.allclose(found[2], model.means[2])


def test_the_phones_of_a_sentence_are_found_in_their_order(say):
    heard = align(dithered(trimmed(read_wav(say("segment the left kidney", "en-us")))), "segment the left kidney")
    assert heard is not None
    changes = np.flatnonzero(heard.phones[1:] != heard.phones[:-1]) + 1
    order = [str(name) for name in heard.phones[[0, *changes]] if name != "SIL"]
    assert " ".join(order).startswith("S EH G M AH N T DH")
    assert order[-3:] in (["D", "N", "IY"], ["D", "N", "EY"])


def test_features_have_the_decoders_own_mean(say, tmp_path):
    sound = dithered(trimmed(read_wav(say("make the box larger"))))
    config = pocketsphinx.Config(hmm=str(_HMM), lm=None, mfclogdir=str(tmp_path), loglevel="FATAL")
    decoder = pocketsphinx.Decoder(config)
    decoder.add_allphone_file("phones", None)
    decoder.activate_search("phones")
    decoder.start_utt()
    decoder.process_raw(sound.tobytes(), full_utt=True)
    decoder.end_utt()
    found = cepstra(next(tmp_path.glob("*.mfc")).read_bytes())
    own = [float(value) for value in decoder.get_cmn().split(",")]
    assert np.allclose((found - features(found)[:, 0])[0], own, atol=0.01)


@pytest.mark.parametrize("text", ["", "xyzzy plugh"])
def test_text_without_known_words_cannot_be_aligned(say, text):
    assert align(read_wav(say("segment the liver")), text) is None


def test_another_sentence_than_was_said_is_not_learned(sphinx, say):
    sound = read_wav(say("make the box ten percent larger"))
    before = sphinx.voice
    assert not sphinx.learn(sound, "undo that and keep the previous mask")
    assert sphinx.voice is before


def test_silence_noise_and_nothing_teach_no_voice(sphinx):
    noise = np.random.default_rng(1).normal(0, 2000, 32_000).astype(np.int16)
    for sound in (np.zeros(0, np.int16), np.ones(1, np.int16), np.zeros(32_000, np.int16), noise):
        assert not sphinx.learn(sound, "segment the left kidney")
    assert sphinx.voice.sentences == 0


def test_where_no_temporary_file_can_be_written_nothing_is_learned_and_nothing_fails(
    sphinx, say, monkeypatch, tmp_path
):
    sound = read_wav(say("segment the left kidney"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "no such folder"))
    assert not sphinx.learn(sound, "segment the left kidney")


def test_all_phones_are_in_the_sentences_of_a_new_speaker(model):
    from LIMISLib.voice.pronunciations import pronunciations

    words = {word for sentence in enrolment_sentences() for word in sentence.split()}
    known = pronunciations(words, Path(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict")))
    assert set(known) == words
    said = {phone for ways in known.values() for phone in ways[0].split()}
    assert set(model.phones) - said == {"SIL", "+NSN+", "+SPN+"}


def test_a_scottish_speaker_is_understood_after_enrolment_where_they_were_not_before(run_command, say, tmp_path):
    files = [say(sentence, name=f"s{number:02d}") for number, sentence in enumerate(enrolment_sentences())]
    assert run_command("limis", "enrol", *files, "-o", tmp_path / "me.npz")[0] == 0
    assert not list(tmp_path.glob("*.mfc"))
    lines = map(json.loads, _COMMANDS.read_text(encoding="utf-8").splitlines())
    said = [line["say"] for line in lines if "pending" not in line][::20]
    sounds = [say(sentence, name=f"t{number}") for number, sentence in enumerate(said)]
    understood = []
    for recogniser in ("pocketsphinx", f"pocketsphinx:{tmp_path / 'me.npz'}"):
        code, out, _ = run_command("limis", "hear", *sounds, "--recognizer", recogniser)
        assert code == 0
        heard = [json.loads(line) for line in out.splitlines()]
        wanted = [parse(sentence).to_json() for sentence in said]
        understood.append(sum(one["parse"] == meant for one, meant in zip(heard, wanted, strict=True)))
    assert understood[1] >= understood[0] + 2
    assert understood[1] >= 0.8 * len(said)


def test_too_few_or_misordered_recordings_make_no_voice(run_command, say, tmp_path):
    files = [say(sentence, name=f"s{number:02d}") for number, sentence in enumerate(enrolment_sentences())]
    code, _, told = run_command("limis", "enrol", *files[:3], "-o", tmp_path / "me.npz")
    assert code == 2
    assert "16 WAV files were expected" in told
    code, _, told = run_command("limis", "enrol", *files[::-1], "-o", tmp_path / "me.npz")
    assert code == 1
    assert "check their order" in told
    assert not (tmp_path / "me.npz").exists()


def test_enrol_alone_prints_the_sentences(run_command):
    code, out, _ = run_command("limis", "enrol")
    assert code == 0
    assert out.splitlines() == list(enrolment_sentences())


def test_a_voice_survives_its_file(model, tmp_path):
    rng = np.random.default_rng(8)
    voice = Voice(model.sha256, 7, rng.uniform(0, 9, model.means.shape[:-1]), rng.normal(0, 9, model.means.shape))
    write_voice(voice, tmp_path / "me.npz")
    again = read_voice(tmp_path / "me.npz", model)
    assert again.sentences == 7
    assert np.allclose(again.means(model), voice.means(model), atol=1e-3)


def _spoilt(path: Path, **changed: object) -> None:
    with np.load(path) as stored:
        kept = dict(stored)
    np.savez(path, **{**kept, **{name: np.asarray(value) for name, value in changed.items()}})


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"format": "another"}, "no learned voice that this version knows"),
        ({"model": "1" * 64}, "another acoustic model"),
        ({"counts": np.zeros((2, 2))}, "another acoustic model"),
        ({"sentences": "many"}, "cannot be read"),
    ],
)
def test_another_or_a_damaged_file_is_no_voice(model, tmp_path, changed, told):
    path = tmp_path / "me.npz"
    write_voice(Voice.unknown(model), path)
    _spoilt(path, **changed)
    with pytest.raises(BadVoice, match=told):
        read_voice(path, model)


def test_a_file_that_unpacks_to_far_more_than_a_voice_is_refused_unread(model, tmp_path):
    path = tmp_path / "me.npz"
    np.savez_compressed(path, counts=np.zeros(20_000_000))
    with pytest.raises(BadVoice, match="far larger"):
        read_voice(path, model)


def test_numbers_that_are_none_a_text_and_nothing_are_no_voice(model, tmp_path):
    path = tmp_path / "me.npz"
    write_voice(Voice.unknown(model), path)
    _spoilt(path, counts=np.full(model.means.shape[:-1], np.nan))
    with pytest.raises(BadVoice, match="damaged"):
        read_voice(path, model)
    path.write_text("hello", encoding="utf-8")
    with pytest.raises(BadVoice, match="cannot be read"):
        read_voice(path, model)
    with pytest.raises(BadVoice, match="no file"):
        read_voice(tmp_path / "nothing.npz", model)
