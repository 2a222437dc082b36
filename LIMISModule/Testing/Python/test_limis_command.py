"""`anatomyguided limis`: outputs, the log, replay, edited logs, changed images, wrong calls."""

from __future__ import annotations

import io
import json
import shutil
import sys

import numpy as np
import pytest
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume
from AnatomyGuidedLib.io import read_ct, read_labelmap, write_labelmap, write_volume
from AnatomyGuidedLib.labels import id_of
from LIMISLib.session_log import LogError, read_log, replay
from made_images import liver_study

_SAID = ("segment the liver", "make the box three pixels larger", "move the box 2.5 mm to the patient's left")


@pytest.fixture
def study(tmp_path):
    """A folder with a CT (LPS, anisotropic) and its anatomy."""
    return liver_study(tmp_path, np.s_[6:26, 10:34, 2:7], {"Kidney Left": np.s_[36:46, 36:46, 1:4]})


@pytest.fixture
def limis(run_command, study):
    def run(*said: str, output: str = "liver.seg.nrrd", log: str = "s.jsonl", options: tuple[object, ...] = ()):
        words = [word for sentence in said for word in ("--say", sentence)]
        image, anatomy = study / "ct.nii.gz", study / "anatomy.nii.gz"
        return run_command(
            "limis", image, "--anatomy", anatomy, *words, "-o", study / output, "--log", study / log, *options
        )

    return run


def test_sentences_make_a_named_segment_and_a_log_that_replays_to_the_identical_mask(limis, run_command, study):
    code, out, err = limis(*_SAID, "undo", options=("--json", study / "r.json"))
    assert (code, out) == (0, "")
    assert "Step 2 is undone" in err
    code, _, err = run_command("limis", "replay", study / "s.jsonl", "-o", study / "again.nii.gz")
    assert (code, err) == (0, "")
    first, again = read_labelmap(study / "liver.seg.nrrd"), read_labelmap(study / "again.nii.gz")
    assert first.values.any()
    assert np.array_equal(first.values, again.values)
    assert np.array_equal(first.grid.affine, again.grid.affine)
    assert b"Segment0_Name:=Liver" in (study / "liver.seg.nrrd").read_bytes()[:4000]
    result = json.loads((study / "r.json").read_text())
    assert (result["structure"], result["slice"], result["state"], len(result["states"])) == ("Liver", 3, 1, 3)


def test_the_log_holds_commands_and_checksums_and_no_voxels(limis, study):
    assert limis(*_SAID)[0] == 0
    header, *entries = [json.loads(line) for line in (study / "s.jsonl").read_text().splitlines()]
    assert set(header) == {"format", "version", "software", "image", "anatomy", "segmenter"}
    assert header["image"]["path"] == "ct.nii.gz"
    assert header["anatomy"]["path"] == "anatomy.nii.gz"
    assert all(set(entry) == {"sentence", "command", "state", "mask_sha256"} for entry in entries)
    assert entries[1]["command"] == {"intent": "resize_box", "slots": {"amount": 3, "unit": "px"}}
    assert (study / "s.jsonl").stat().st_size < 600 + 300 * len(entries)


def test_the_log_and_its_image_can_be_moved_together(limis, study, tmp_path_factory):
    limis(*_SAID)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for name in ("ct.nii.gz", "anatomy.nii.gz", "s.jsonl"):
        shutil.copy(study / name, elsewhere / name)
    again = replay(elsewhere / "s.jsonl")
    assert again.notes == ()
    assert np.array_equal(again.session.result().values, read_labelmap(study / "liver.seg.nrrd").values)


def test_an_edited_step_gives_another_mask_and_a_note(limis, run_command, study):
    limis(*_SAID)
    text = (study / "s.jsonl").read_text()
    (study / "edited.jsonl").write_text(text.replace('"amount": 3, "unit": "px"', '"amount": -6, "unit": "px"'))
    code, _, err = run_command("limis", "replay", study / "edited.jsonl", "-o", study / "edited.nii.gz")
    assert code == 0
    assert 'After command 2 ("make the box three pixels larger") the mask differs from the record' in err
    edited, first = read_labelmap(study / "edited.nii.gz"), read_labelmap(study / "liver.seg.nrrd")
    assert not np.array_equal(edited.values, first.values)


def test_a_step_that_was_taken_out_gives_a_note_even_where_the_mask_is_the_same(limis, study):
    limis("segment the liver", "grow the box by 1 px", "undo", "segment the left kidney")
    lines = (study / "s.jsonl").read_text().splitlines()
    (study / "s.jsonl").write_text("\n".join([*lines[:2], lines[4]]) + "\n")
    assert len(replay(study / "s.jsonl").notes) == 1


@pytest.mark.parametrize("name", ["ct.nii.gz", "anatomy.nii.gz"])
def test_a_changed_input_is_refused_unless_it_is_named(limis, run_command, study, name):
    limis(*_SAID)
    with (study / name).open("ab") as stream:
        stream.write(b"\0")
    code, _, err = run_command("limis", "replay", study / "s.jsonl", "-o", study / "x.nii.gz")
    assert code == 1
    assert f"{name}, has changed since" in err
    assert not (study / "x.nii.gz").exists()
    option = "--image" if name.startswith("ct") else "--anatomy"
    code, _, err = run_command("limis", "replay", study / "s.jsonl", option, study / name, "-o", study / "x.nii.gz")
    assert code == 0
    assert "given for this run" in err
    assert (study / "x.nii.gz").exists()


def test_an_image_that_is_gone_is_asked_for(limis, study):
    limis(*_SAID)
    (study / "ct.nii.gz").unlink()
    with pytest.raises(LogError, match="name it with --image"):
        replay(study / "s.jsonl")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("hello\n", "Line 1 of s.jsonl is damaged"),
        ("{}\n", "no session log of version 1"),
        ('{"format": "anatomyguided-limis-session", "version": 1}\n', "need a path and a sha256"),
    ],
)
def test_a_file_that_is_no_log_is_told_apart(tmp_path, text, message):
    (tmp_path / "s.jsonl").write_text(text)
    with pytest.raises(LogError, match=message):
        read_log(tmp_path / "s.jsonl")


def test_a_damaged_line_or_command_is_named_by_its_line(limis, study):
    limis(*_SAID)
    lines = (study / "s.jsonl").read_text().splitlines()
    for damaged, message in (
        ("not json", "Line 3 of s.jsonl is damaged"),
        ('{"command": {"intent": "explode", "slots": {}}}', 'Line 3 of s.jsonl: "explode" is no intent'),
        ("[" * 100_000, "Line 3 of s.jsonl is damaged"),
    ):
        (study / "s.jsonl").write_text("\n".join([*lines[:2], damaged, lines[3]]))
        with pytest.raises(LogError, match=message):
            replay(study / "s.jsonl")
    (study / "s.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LogError, match="not text"):
        read_log(study / "s.jsonl")
    with pytest.raises(LogError, match="does not exist"):
        read_log(study / "none.jsonl")


def test_a_command_that_cannot_be_run_again_is_named(limis, study):
    limis(*_SAID)
    text = (study / "s.jsonl").read_text().replace('"amount": 3,', '"amount": -900,')
    (study / "s.jsonl").write_text(text)
    with pytest.raises(LogError, match=r"Command 2 of s\.jsonl \(resize_box\) cannot be run"):
        replay(study / "s.jsonl")


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        ("", "Nothing was said"),
        ("x" * 10000, "10000 characters is too long"),
        ("segment the kidney", "is a question: Left or right kidney?"),
        ("segment the tumour", "is no structure of the DAP Atlas"),
        ("segment the uterus", "has no Uterus"),
        ("move the box 900 px left", "outside the image"),
        ("don't segment the liver", "nothing was done"),
    ],
)
def test_the_first_sentence_that_cannot_be_run_stops_the_batch_and_nothing_is_written(limis, study, sentence, message):
    code, _, err = limis("segment the liver", sentence, "undo")
    assert code == 1
    assert message in err
    assert "Sentence 2" in err
    assert {path.name for path in study.iterdir()} == {"ct.nii.gz", "anatomy.nii.gz"}


def test_an_empty_mask_is_not_written_silently(limis, study):
    code, _, err = limis("segment the liver", "raise the threshold by 0.5")
    assert code == 1
    assert "The mask of step 1 is empty, so nothing was written" in err
    code, _, err = limis("segment the liver", "raise the threshold by 0.5", "finish")
    assert code == 1
    assert "is a question: The mask of step 1 is empty. Hand over an empty mask?" in err
    assert not (study / "liver.seg.nrrd").exists()


def test_an_empty_mask_that_was_meant_is_replayed(limis, run_command, study):
    assert limis(*_SAID)[0] == 0
    commands = ({"intent": "set_threshold", "slots": {"value": 1}}, {"intent": "finish", "slots": {"step": 3}})
    lines = "".join(json.dumps({"command": command}) + "\n" for command in commands)
    (study / "s.jsonl").write_text((study / "s.jsonl").read_text() + lines)
    assert run_command("limis", "replay", study / "s.jsonl", "-o", study / "empty.nii.gz")[0] == 0
    assert not read_labelmap(study / "empty.nii.gz").values.any()


def test_scripts_and_sentences_run_in_the_order_of_the_call(limis, study):
    (study / "script.txt").write_text("# a comment\n\nmake the box 2 px larger\nkeep\n", encoding="utf-8")
    assert limis("segment the liver", options=("--script", study / "script.txt", "--say", "undo"))[0] == 0
    entries = read_log(study / "s.jsonl").entries
    assert [entry.command.intent for entry in entries] == ["segment", "resize_box", "keep", "undo"]


def test_a_script_that_is_no_text_or_is_not_there_is_refused(limis, study):
    (study / "script.txt").write_bytes(b"\xff\xfe\xfd")
    assert limis(options=("--script", study / "script.txt"))[0] == 1
    assert limis(options=("--script", study / "none.txt"))[0] == 1
    (study / "empty.txt").write_text("# nothing\n")
    assert limis(options=("--script", study / "empty.txt"))[0] == 2


def test_an_mr_is_refused_unless_forced(run_command, realdata, tmp_path):
    image = realdata / "mr_abdomen_negative.nii.gz"
    code, _, err = run_command(
        "limis", image, "--say", "segment the liver", "-o", tmp_path / "x.nii.gz", "--log", tmp_path / "s.jsonl"
    )
    assert code == 1
    assert "taken for no CT" in err
    assert list(tmp_path.iterdir()) == []


def test_a_forced_image_is_forced_again_at_replay(limis, run_command, study):
    flat = np.full((60, 50, 8), 40, dtype=np.float32)
    flat[0, 0, 0] = 41
    write_volume(Volume(flat, Grid((60, 50, 8), np.diag([-2.0, -2.5, 5.0, 1.0])), "HU"), study / "ct.nii.gz")
    assert limis("segment the liver")[0] == 1
    assert limis("segment the liver", options=("--force",))[0] == 0
    assert run_command("limis", "replay", study / "s.jsonl", "-o", study / "again.nii.gz")[0] == 0


def test_an_anatomy_on_other_voxels_is_brought_onto_the_images(limis, study):
    coarse = np.zeros((30, 25, 8), dtype=np.uint8)
    coarse[3:13, 5:17, 2:7] = id_of("Liver")
    affine = np.diag([-4.0, -5.0, 5.0, 1.0])
    affine[:2, 3] = [-1.0, -1.25]
    write_labelmap(Labelmap(coarse, Grid((30, 25, 8), affine)), study / "anatomy.nii.gz")
    assert limis("segment the liver", output="l.nii.gz")[0] == 0
    assert read_labelmap(study / "l.nii.gz").values.shape == (60, 50, 8)


def test_parse_prints_a_json_line_a_sentence_and_exits_0(run_command, monkeypatch):
    code, out, err = run_command("limis", "parse", "segment the spleen", "hm")
    assert (code, err) == (0, "")
    lines = [json.loads(line) for line in out.splitlines()]
    assert lines[0] == {"intent": "segment", "slots": {"structure": "Spleen"}}
    assert set(lines[1]) == {"rejected"}
    monkeypatch.setattr(sys, "stdin", io.StringIO("keep\n\nsegment the kidney"))
    code, out, _ = run_command("limis", "parse", "-")
    assert [next(iter(json.loads(line))) for line in out.splitlines()] == ["intent", "rejected", "question"]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe"), encoding="utf-8"))
    assert run_command("limis", "parse", "-")[0] == 1


@pytest.mark.parametrize(
    "words",
    [
        ("parse",),
        ("parse", "undo", "-o", "x.nii.gz"),
        ("replay", "s.jsonl"),
        ("replay", "a.jsonl", "b.jsonl", "-o", "x.nii.gz"),
        ("replay", "s.jsonl", "-o", "x.nii.gz", "--say", "undo"),
        ("ct.nii.gz", "--say", "undo", "-o", "x.nii.gz"),
        ("ct.nii.gz", "--say", "undo", "--log", "s.jsonl"),
        ("ct.nii.gz", "-o", "x.nii.gz", "--log", "s.jsonl"),
        ("ct.nii.gz", "pet.nii.gz", "--say", "undo", "-o", "x.nii.gz", "--log", "s.jsonl"),
        ("ct.nii.gz", "--image", "b.nii.gz", "--say", "undo", "-o", "x.nii.gz", "--log", "s.jsonl"),
        ("ct.nii.gz", "--shout", "undo"),
        (),
    ],
)
def test_a_wrong_call_exits_2_with_one_sentence(run_command, words):
    code, out, err = run_command("limis", *words)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("entry", "value", "message"),
    [
        ("image", {"path": "a\0b", "sha256": "0"}, "image and anatomy need a path and a sha256"),
        ("image", {"path": "", "sha256": "0"}, "image and anatomy need a path and a sha256"),
        ("finder", 5, "The first line of s.jsonl is damaged: There is no finder '5'"),
    ],
)
def test_a_damaged_first_line_is_a_fault_of_the_log(limis, run_command, study, entry, value, message):
    limis(_SAID[0])
    header, *rest = (study / "s.jsonl").read_text().splitlines()
    (study / "s.jsonl").write_text("\n".join([json.dumps({**json.loads(header), entry: value}), *rest]))
    code, out, err = run_command("limis", "replay", study / "s.jsonl", "-o", study / "again.nii.gz")
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert message in err
    assert not (study / "again.nii.gz").exists()


def test_a_number_of_thousands_of_digits_is_a_damaged_line(limis, run_command, study):
    limis(_SAID[0])
    text = (study / "s.jsonl").read_text().replace('"state": 0', '"state": ' + "9" * 5000)
    (study / "s.jsonl").write_text(text)
    code, _, err = run_command("limis", "replay", study / "s.jsonl", "-o", study / "again.nii.gz")
    assert (code, err) == (1, "Line 2 of s.jsonl is damaged: it is no JSON object.\n")


def test_a_replay_on_another_image_can_be_forced_as_its_refusal_says(limis, run_command, study):
    limis(_SAID[0])
    ct = read_ct(study / "ct.nii.gz")
    write_volume(Volume(ct.values / 4000 + 1, ct.grid, "HU"), study / "scaled.nii.gz")
    words = ("limis", "replay", study / "s.jsonl", "--image", study / "scaled.nii.gz", "-o", study / "again.nii.gz")
    code, _, err = run_command(*words)
    assert code == 1
    assert "taken for no CT" in err
    assert "--force" in err
    code, _, err = run_command(*words, "--force")
    assert code == 0
    assert "scaled.nii.gz, given for this run" in err
