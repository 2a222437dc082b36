"""The study of the loop: what users gain is counted by hand, and a user who looks beats one who does not."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from LIMISLib.commands import Command
from LIMISLib.language import parse
from LIMISLib.prompt_segmenter import Mask
from LIMISLib.session import Session
from LIMISLib.states import State
from LIMISLib.studies.limis_loop import findings
from LIMISLib.studies.loop_cases import made_cases
from LIMISLib.studies.simulated_users import CRITICAL_POINTS, RANDOM_SENTENCES, Eye, Looking, work

Run = Callable[..., tuple[int, str, str]]


class Saying(Looking):
    """A user who says one sentence again and again."""

    def __init__(self, sentence: str) -> None:
        self._sentence = sentence

    def sentences(self, state: State, structure: Mask) -> Iterator[str]:  # noqa: ARG002
        return itertools.repeat(self._sentence, 9)


def test_findings_by_hand() -> None:
    rows = [
        {"user": user, "change": change}
        for user, changes in {"looking": (0.1, 0.0, 0.2, -0.1), "random": (0.0, 0.0, 0.1, 0.0)}.items()
        for change in changes
    ]
    found = findings(rows, seed=0)
    assert found["cases"] == 4
    assert found["looking_change"]["mean"] == pytest.approx(0.05)
    assert (found["looking_improved"], found["looking_worse"], found["looking_same"]) == (0.5, 0.25, 0.25)
    assert found["looking_minus_random"]["mean"] == pytest.approx(0.025)
    assert found["looking_change"]["low"] <= 0.05 <= found["looking_change"]["high"]


def test_every_sentence_of_the_random_user_is_a_command() -> None:
    assert all(isinstance(parse(sentence), Command) for sentence in RANDOM_SENTENCES)


def test_a_user_stops_after_two_interactions_without_gain_and_hands_over_the_best_step() -> None:
    case = next(case for case in made_cases(1, 4.0, share=0.2, seed=3) if case.structure == "Spleen")
    session = Session(case.image, finder=case.finder)
    session.say(f"segment the spleen on slice {case.slice_number}")
    eye = Eye(0.0, np.random.default_rng(0))
    visit = work(session, case.reference, Looking(), eye=eye, most=8)
    errors = [np.count_nonzero(state.mask != case.reference) for state in visit.states]
    assert np.count_nonzero(visit.chosen.mask != case.reference) <= min(errors) + 0.011 * case.reference.sum()
    assert len(visit.sentences) <= 8
    nothing = work(session, visit.chosen.mask, Saying("center click"), eye=eye, most=8)
    assert len(nothing.sentences) == 2


def test_critical_points_are_answered_as_they_look_and_are_one_interaction() -> None:
    case = next(case for case in made_cases(1, 4.0, share=0.2, seed=3) if case.structure == "Spleen")
    session = Session(case.image, finder=case.finder)
    session.say(f"segment the spleen on slice {case.slice_number}")
    visit = work(session, case.reference, Saying(CRITICAL_POINTS), eye=Eye(0.0, np.random.default_rng(0)), most=1)
    assert len(visit.sentences) == 1
    clicks = visit.states[-1].setup.clicks
    assert visit.sentences[0].count(",") == len(clicks) > 0
    for click in clicks:
        assert click.is_foreground == case.reference[click.row, click.column]


def test_an_eye_misjudges_a_tenth_and_never_sees_less_than_nothing() -> None:
    mask, structure = np.ones((10, 10), dtype=bool), np.zeros((10, 10), dtype=bool)
    eye = Eye(0.1, np.random.default_rng(0))
    seen = np.array([eye.wrong(mask, structure) for _ in range(2000)])
    assert seen.mean() == pytest.approx(100, abs=1)  # 100 pixels are wrong; 10 / sqrt(2000) is 0.2
    assert seen.std() == pytest.approx(10, abs=1)
    assert Eye(0.9, np.random.default_rng(1)).wrong(mask, mask) == 0
    assert min(Eye(0.9, np.random.default_rng(seed)).wrong(mask, structure) for seed in range(100)) == 0


def test_the_study_gives_tables_a_figure_and_a_gain(tmp_path: Path, run_command: Run) -> None:
    pytest.importorskip("matplotlib")
    settings = tmp_path / "small.json"
    settings.write_text(json.dumps({"patients": 1, "spacing_mm": 3.0}))
    code, out, _ = run_command(
        "study", "limis-loop", "--config", settings, "-o", tmp_path / "loop", "--json", tmp_path / "r.json"
    )
    assert code == 0
    assert "looking minus random" in out
    found = json.loads((tmp_path / "r.json").read_text())["findings"]
    assert found["looking_minus_random"]["low"] > 0
    rows = list(csv.DictReader((tmp_path / "loop" / "users.csv").open()))
    assert len(rows) == 2 * found["cases"]
    assert (tmp_path / "loop" / "dice_over_steps.png").stat().st_size > 10_000


def test_a_cohort_without_an_organ_says_so(tmp_path: Path, run_command: Run) -> None:
    pytest.importorskip("matplotlib")
    assert run_command("phantom", tmp_path / "p", "--spacing", "8")[0] == 0
    (tmp_path / "c.csv").write_text("case,ct,labels\na,p/ct.nii.gz,p/lesions.nii.gz@dap\n")
    code, _, said = run_command("study", "limis-loop", "--cohort", tmp_path / "c.csv", "-o", tmp_path / "loop")
    assert code == 1
    assert said
    assert not (tmp_path / "loop").exists()
