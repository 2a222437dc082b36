"""A table of bad inputs: each gets a sentence that helps, and the session goes on as if nothing had been said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from AnatomyGuidedLib.grid import Grid, Labelmap
from AnatomyGuidedLib.io import write_labelmap, write_volume
from LIMISLib.session import Session
from made_images import abdomen

Run = Callable[..., tuple[int, str, str]]

_SENTENCES = {  # what is said: what the answer says
    "": 'You can say, in English, for example "segment the liver"',
    "  \t ": "Nothing was said",
    "x" * 10000: "10000 characters is too long; say one thing at a time",
    "segment " + "the liver " * 20: "One structure in one slice at a time",
    "segmentiere bitte die Leber": "in English",
    "肝臓をセグメントしてください": "in English",
    "Segmente o fígado": "in English",
    "сегментируй печень": "in English",
    "🙂": "Nothing was said",
    "\x00\x1b[31m": "in English",
    "segment the liver; rm -rf /": "in English",
    "segment the uterus": "has no Uterus; choose a structure that it holds",
    "segment the tumour": '"tumour" is no structure of the DAP Atlas; say one of its 142',
    "segment the liver on slice 999": "slices 1 to 8, but slice 999 was asked for",
    "segment the liver on slice 8": "it is on slices",
    "slice 99": "slices 1 to 8, not 99",
    "move the box 9000 pixels left": "outside the image",
    "make the box 500 px smaller": "at least one pixel each way",
    "set the threshold to 7000": "number from 0 to 1",
    "remove component 40": "component",
    "compare steps 0 and 12": "There is no step 12; the steps are 0 to 0",
    "this point is foreground": 'say "critical points" first',
    "the second one": "in English",
}


@pytest.mark.parametrize(("said", "helps"), _SENTENCES.items(), ids=range(len(_SENTENCES)))
def test_the_answer_helps_and_the_session_is_intact(said: str, helps: str) -> None:
    session = Session(*abdomen())
    for sentence in ("segment the liver", "no"):
        assert session.say(sentence).done
    before = session.states, session.entries, session.current, session.pending
    reply = session.say(said)
    assert not reply.done
    assert helps in reply.text
    assert len(reply.text) < 400
    assert (session.states, session.entries, session.current, session.pending) == before
    assert session.say("make the box 2 px larger").done
    assert session.current.number == 1


def test_without_an_anatomy_and_a_finder_the_answer_says_what_to_give() -> None:
    session = Session(abdomen()[0])
    assert (
        "give a label map of this image with the session (Anatomy in the panel), or a finder"
        in session.say("segment the liver").text
    )
    assert "begin with a structure" in session.say("make the box 2 px larger").text
    assert session.states == ()
    assert session.say("help").done


@pytest.mark.parametrize("said", ["", "x" * 10000, "segmentiere die Leber", "segment the uterus", "undo"])
def test_on_the_command_line_one_sentence_is_said_and_nothing_written(
    tmp_path: Path, run_command: Run, said: str
) -> None:
    image, labels = abdomen()
    write_volume(image, tmp_path / "ct.nii.gz")
    write_labelmap(labels, tmp_path / "labels.nii.gz")
    outputs = ("-o", tmp_path / "m.nii.gz", "--log", tmp_path / "s.jsonl")
    code, out, err = run_command(
        "limis", tmp_path / "ct.nii.gz", "--anatomy", tmp_path / "labels.nii.gz", "--say", said, *outputs
    )
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert err.rstrip().endswith("Nothing was written.")
    assert {path.name for path in tmp_path.iterdir()} == {"ct.nii.gz", "labels.nii.gz"}


def test_on_the_command_line_a_missing_anatomy_is_asked_for(tmp_path: Path, run_command: Run) -> None:
    write_volume(abdomen()[0], tmp_path / "ct.nii.gz")
    code, _, err = run_command(
        *("limis", tmp_path / "ct.nii.gz", "--finder", "atlas", "--say", "segment the liver"),
        *("-o", tmp_path / "m.nii.gz", "--log", tmp_path / "s.jsonl"),
    )
    assert code == 2
    assert "give one with --anatomy" in err
    assert {path.name for path in tmp_path.iterdir()} == {"ct.nii.gz"}


def test_an_anatomy_of_another_place_is_refused_and_not_taken_for_an_empty_one(
    tmp_path: Path, run_command: Run
) -> None:
    image, labels = abdomen()
    moved = Grid(labels.grid.shape, translated(labels.grid.affine, 4000.0))
    write_volume(image, tmp_path / "ct.nii.gz")
    write_labelmap(Labelmap(labels.values, moved), tmp_path / "elsewhere.nii.gz")
    code, _, said = run_command(
        *("limis", tmp_path / "ct.nii.gz", "--anatomy", tmp_path / "elsewhere.nii.gz", "--say", "segment the liver"),
        *("-o", tmp_path / "liver.nii.gz", "--log", tmp_path / "log.jsonl", "--force"),
    )
    assert code == 1
    assert "The image and the anatomy do not overlap in space" in said
    assert not (tmp_path / "liver.nii.gz").exists()


def translated(affine: np.ndarray, mm: float) -> np.ndarray:
    moved = affine.copy()
    moved[2, 3] += mm
    return moved
