"""A participant's sitting, driven by scripted lines and a clock, and what the report makes of the folders."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.io import read_labelmap, write_labelmap, write_volume
from AnatomyGuidedLib.labels import id_of
from LIMISLib.participants.plan import Times, read_plan, require_anonymous
from LIMISLib.participants.questionnaire import SCALES
from LIMISLib.participants.records import Records
from LIMISLib.participants.scores import ScoredCase, read_participants, scored
from LIMISLib.participants.sitting import sit
from LIMISLib.participants.terminal import Terminal
from LIMISLib.session_log import replay
from LIMISLib.studies.limis_participants import findings, table_9
from made_images import abdomen

_ANSWERS = ("14", "1", "5", "10", "12", "14", "4")  # P1 of the thesis's Table 9
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    image, labels = abdomen()
    write_volume(image, tmp_path / "ct.nii.gz")
    write_labelmap(labels, tmp_path / "labels.nii.gz")
    lines = ["case,image,anatomy,structure,reference"]
    lines += [f"{name},ct.nii.gz,labels.nii.gz,{structure},labels.nii.gz" for name, structure in (
        ("practice", "Liver"), ("a", "Liver"), ("b", "Kidney Left"), ("c", "Kidney Right"))]  # fmt: skip
    (tmp_path / "cases.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "cases.csv"


class Script:
    """Lines that a person types, each after some seconds; the clock moves only while they think."""

    def __init__(self, *lines: str | tuple[float, str]) -> None:
        self._lines: Iterator[str | tuple[float, str]] = iter(lines)
        self.now, self.told = 100.0, [""]

    def hear(self) -> str | None:
        line = next(self._lines, None)
        seconds, text = line if isinstance(line, tuple) else (10.0, line)
        self.now += seconds
        return text

    def sit(self, table: Path, folder: Path, times: Times | None = None) -> Records:
        times = times or Times()
        records = Records(folder, "P1", times)
        terminal = Terminal(self.hear, self.told.append, records.show, lambda: self.now)
        sit(read_plan(table), times, terminal, records)
        return records

    @property
    def text(self) -> str:
        return "\n".join(self.told)


def _record(folder: Path) -> dict[str, object]:
    return json.loads((folder / "participant.json").read_text(encoding="utf-8"))


def test_a_sitting_leaves_logs_masks_times_answers_and_no_name(table: Path, tmp_path: Path) -> None:
    script = Script(
        *("no", "quit", "yes", (7.5, "make the box 3 px larger"), "hello there", "finish with step 1"),
        *("no", "finish", "no", "finish", *_ANSWERS, "the strategies are valuable"),
    )
    script.sit(table, tmp_path / "P1")
    record = _record(tmp_path / "P1")
    assert record["complete"] is True
    assert record["answers"] == dict(zip([scale.key for scale in SCALES], map(int, _ANSWERS), strict=True))
    assert record["comment"] == "the strategies are valuable"
    practice, first, *_ = record["cases"]
    assert (practice["phase"], practice["ended"]) == ("learn", "stopped")
    assert (first["ended"], first["chosen"], first["interactions"], first["seconds"]) == ("finished", 1, 2, 37.5)
    assert first["reference"] == "../labels.nii.gz@dap"
    again = replay(tmp_path / "P1" / "a.jsonl")
    assert again.notes == ()
    assert again.session.current.number == 1
    assert np.array_equal(read_labelmap(tmp_path / "P1" / "a.nii.gz").values, again.session.result().values)
    events = [json.loads(line) for line in (tmp_path / "P1" / "events.jsonl").read_text().splitlines()]
    larger = next(event for event in events if event["said"] == "make the box 3 px larger")
    assert (larger["case"], larger["at_s"], larger["thought_s"], larger["step"]) == ("a", 17.5, 7.5, 2)
    assert larger["understood"] == {"intent": "resize_box", "slots": {"amount": 3, "unit": "px"}}
    assert "rejected" in next(event["understood"] for event in events if event["said"] == "hello there")
    assert (tmp_path / "P1" / "view.png").read_bytes()[:4] == b"\x89PNG"
    assert not list((tmp_path / "P1").glob(".*"))


def test_an_image_ends_after_its_five_minutes_and_a_step_is_chosen(table: Path, tmp_path: Path) -> None:
    script = Script(
        *("quit", "yes", "raise the threshold", (281.0, "make the box 20 px larger"), "9", "0"),  # 301 s: not run
        *("no", "quit", *_ANSWERS, ""),
    )
    script.sit(table, tmp_path / "P1")
    first = _record(tmp_path / "P1")["cases"][1]
    assert (first["ended"], first["chosen"], first["interactions"]) == ("time over", 0, 2)
    assert "Which step do you hand over, 0 to 2?" in script.text
    assert "make the box 20 px" not in (tmp_path / "P1" / "events.jsonl").read_text()
    assert "[4:40 left]" in script.text


def test_the_work_ends_when_its_time_is_over_and_the_questions_follow(table: Path, tmp_path: Path) -> None:
    times = Times(learn_minutes=1, work_minutes=2, image_minutes=1.5)
    script = Script("quit", (95.0, "yes"), "", (40.0, "yes"), "", *_ANSWERS, "")
    script.sit(table, tmp_path / "P1", times)
    record = _record(tmp_path / "P1")
    assert [(case["case"], case["ended"]) for case in record["cases"]] == [
        ("practice", "stopped"), ("a", "time over"), ("b", "time over")
    ]  # fmt: skip
    assert "[0:15 left]" in script.text  # the rest of two minutes after 105 s, less than an image's 90 s
    assert record["complete"] is True


def test_while_learning_finish_may_be_tried_and_no_step_is_asked_for(table: Path, tmp_path: Path) -> None:
    times = Times(learn_minutes=1)
    script = Script("no", "finish", "undo", (31.0, "help"), "no", "quit", *_ANSWERS, "")
    script.sit(table, tmp_path / "P1", times)
    practice, first = _record(tmp_path / "P1")["cases"]
    assert (practice["ended"], first["ended"]) == ("time over", "stopped")
    assert "Go on learning" in script.text
    assert "Which step" not in script.text


def test_two_steps_that_change_little_bring_a_reminder_and_no_score_is_ever_shown(table: Path, tmp_path: Path) -> None:
    script = Script(
        "quit", "no", "center click", "center click", "make the box 8 px smaller", "finish", "quit", *_ANSWERS, ""
    )
    script.sit(table, tmp_path / "P1")
    told = [place for place, line in enumerate(script.told) if "changed little" in line]
    assert len(told) == 1
    assert script.told[told[0] - 1].startswith("Step 2.")
    assert "dice" not in script.text.casefold()


def test_another_structure_is_not_this_images_task(table: Path, tmp_path: Path) -> None:
    script = Script("quit", "no", "segment the left kidney", "finish", "quit", *_ANSWERS, "")
    script.sit(table, tmp_path / "P1")
    assert "another structure than this image's" in script.text
    assert replay(tmp_path / "P1" / "a.jsonl").session.current.structure == "Liver"


def test_a_sitting_that_breaks_off_keeps_what_was_done(table: Path, tmp_path: Path) -> None:
    Script("quit", "yes", "finish", "no", (5.0, "raise the threshold")).sit(table, tmp_path / "P1")
    record = _record(tmp_path / "P1")
    assert record["complete"] is False
    assert [case["ended"] for case in record["cases"]] == ["stopped", "finished", "input ended"]
    assert set(record["answers"].values()) == {None}


class Breaking(Script):
    """A person who presses Ctrl-C when their lines are over."""

    def hear(self) -> str | None:
        line = super().hear()
        if line is None:
            raise KeyboardInterrupt
        return line


def test_ctrl_c_keeps_the_image_that_was_worked_on(table: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        Breaking("quit", "no", "make the box 3 px smaller").sit(table, tmp_path / "P1")
    record = _record(tmp_path / "P1")
    assert record["complete"] is False
    assert [(case["case"], case["ended"], case["chosen"]) for case in record["cases"]] == [
        ("practice", "stopped", 0), ("a", "broken off", 1)
    ]  # fmt: skip
    assert len(replay(tmp_path / "P1" / "a.jsonl").session.states) == 2


def test_another_segmenter_is_named_in_the_logs_and_used_again(table: Path, tmp_path: Path, run_command: Run,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    lines = ("quit", "no", "make the box 5 px smaller", "finish", "quit", *_ANSWERS, "")
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(lines) + "\n"))
    words = ("limis", "study", table, "--participant", "P1", "-o", tmp_path / "P1", "--segmenter", "seeded_growth")
    assert run_command(*words)[0] == 0
    assert "seeded_growth" in (tmp_path / "P1" / "a.jsonl").read_text().splitlines()[0]
    assert replay(tmp_path / "P1" / "a.jsonl").notes == ()


def test_bytes_that_are_no_text_end_no_study(table: Path, tmp_path: Path, run_command: Run,
                                             monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    lines = ("quit", "no", "finish", "quit", *_ANSWERS, "")
    typed = b"\xff\xfe\n" + "\n".join(lines).encode() + b"\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed), encoding="utf-8"))
    code, out, _ = run_command("limis", "study", table, "--participant", "P1", "-o", tmp_path / "P1")
    assert code == 0
    assert "That is no command" in out or "Nothing was said" in out


def test_wrong_answers_are_asked_for_again(table: Path, tmp_path: Path) -> None:
    answers = ("0", "21", "five", "", "14", *_ANSWERS[1:6], "8", "4")
    script = Script("quit", "quit", *answers, "")
    script.sit(table, tmp_path / "P1")
    assert _record(tmp_path / "P1")["answers"]["mental_demand"] == 14
    assert _record(tmp_path / "P1")["answers"]["seq"] == 4
    assert script.text.count("from 1 to 20") == 4
    assert script.text.count("from 1 to 7") == 1


def test_a_participants_folder_is_never_written_over(table: Path, tmp_path: Path) -> None:
    Script("quit", "quit", *_ANSWERS, "").sit(table, tmp_path / "P1")
    with pytest.raises(AnatomyGuidedError, match="has a participant's session already"):
        Records(tmp_path / "P1", "P1", Times())


@pytest.mark.parametrize("sign", ["", "Jane", "Smith1", "P 1", "P12345", "1"])
def test_a_sign_that_might_be_a_name_is_refused(sign: str) -> None:
    with pytest.raises(AnatomyGuidedError, match="no names"):
        require_anonymous(sign)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a/b,ct.nii.gz,labels.nii.gz,Liver,", "names files"),
        ("d,none.nii.gz,labels.nii.gz,Liver,", "none.nii.gz does not exist"),
        ("d,ct.nii.gz,labels.nii.gz,Livver,", "Livver"),
        ("A,ct.nii.gz,labels.nii.gz,Liver,", "twice"),
    ],
)
def test_a_table_with_a_fault_is_refused_before_anybody_sits_down(table: Path, line: str, message: str) -> None:
    table.write_text(table.read_text() + line + "\n")
    with pytest.raises(AnatomyGuidedError, match=message):
        read_plan(table)


def test_a_structure_that_is_not_found_is_said_first(table: Path, tmp_path: Path, run_command: Run) -> None:
    table.write_text(table.read_text() + "d,ct.nii.gz,labels.nii.gz,Uterus,\n")
    code, out, err = run_command("limis", "study", table, "--participant", "P1", "-o", tmp_path / "P1")
    assert (code, out) == (1, "")
    assert "Case d: The anatomy has no Uterus" in err
    assert not (tmp_path / "P1").exists()


def test_one_case_is_too_few(table: Path) -> None:
    table.write_text("\n".join(table.read_text().splitlines()[:2]) + "\n")
    with pytest.raises(AnatomyGuidedError, match="the first one for learning"):
        read_plan(table)


def test_changes_and_adapted_steps_by_hand() -> None:
    case = ScoredCase("P1", "a", "Liver", (0.5, 0.6, 0.4, 0.7), (None, 0, 1, 1), 3, 3, 60.0)
    assert case.change == pytest.approx(0.2)
    assert case.adapted == (1, 3)  # step 3 went on from step 1 though step 2 was the latest
    found = findings([0.06, 0.10, -0.02, 0.0004])
    assert found["improved"] == {"cases": 2, "share": 0.5, "mean_change": 0.08, "sd": 0.0283}  # sqrt(2) * 0.02
    assert found["worse"] == {"cases": 1, "share": 0.25, "mean_change": -0.02, "sd": None}
    assert found["same"]["share"] == 0.25


def test_the_command_line_runs_a_sitting_and_the_report(
    table: Path, tmp_path: Path, run_command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    for sign, sentence in (("P1", "make the box 5 px smaller"), ("P2", "keep it")):
        lines = ("quit", "no", sentence, "finish", "quit", *_ANSWERS, "")
        monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(lines) + "\n"))
        folder = tmp_path / "people" / sign
        code, out, err = run_command("limis", "study", table, "--participant", sign, "-o", folder)
        assert code == 0, err
        assert "Seven questions" in out
    people = tmp_path / "people"
    code, out, err = run_command("study", "limis-participants", "--cohort", people, "-o", tmp_path / "report")
    assert code == 0, err
    rows = list(csv.DictReader((tmp_path / "report" / "table9.csv").open()))
    assert rows[0] == {"question": "Mental demand", "P1": "14", "P2": "14", "mean": "14", "sd": "0"}
    assert rows[6]["question"] == "SEQ"
    cases = list(csv.DictReader((tmp_path / "report" / "cases.csv").open()))
    assert [(row["participant"], row["case"]) for row in cases] == [("P1", "a"), ("P1", "b"), ("P2", "a"), ("P2", "b")]
    mask, labels = (
        read_labelmap(people / "P1" / "a.nii.gz").values > 0,
        read_labelmap(tmp_path / "labels.nii.gz").values,
    )
    liver = (labels == id_of("Liver")) & mask.any(axis=(0, 1))
    reached = 2 * (mask & liver).sum() / (mask.sum() + liver.sum())
    assert float(cases[0]["chosen_dice"]) == pytest.approx(reached, abs=1e-4)
    assert float(cases[0]["change"]) < 0 == float(cases[2]["change"])
    assert (tmp_path / "report" / "dice_over_steps.png").stat().st_size > 5000
    assert "worse: {'cases': 1, 'share': 0.25" in out


def test_what_is_no_participants_folder_is_refused(table: Path, tmp_path: Path, run_command: Run) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(AnatomyGuidedError, match="holds no participant's folder"):
        read_participants(empty)
    (empty / "P1").mkdir()
    (empty / "P1" / "participant.json").write_text("{}")
    with pytest.raises(AnatomyGuidedError, match="no participant's record"):
        read_participants(empty)
    for name in ("one", "two"):
        Script("quit", "no", "finish", "quit", *_ANSWERS, "").sit(table, tmp_path / "twice" / name)
    with pytest.raises(AnatomyGuidedError, match="Two folders in twice are of participant P1"):
        read_participants(tmp_path / "twice")
    assert run_command("study", "limis-participants", "-o", tmp_path / "report")[0] == 2
    assert run_command("limis", "study", table, "-o", tmp_path / "P9")[0] == 2


def test_a_log_whose_image_is_gone_is_named_with_its_participant(table: Path, tmp_path: Path) -> None:
    Script("quit", "no", "finish", "quit", *_ANSWERS, "").sit(table, tmp_path / "people" / "P1")
    (tmp_path / "ct.nii.gz").unlink()
    with pytest.raises(AnatomyGuidedError, match=r"P1, case a: .*ct\.nii\.gz, is not where the log says"):
        scored(read_participants(tmp_path / "people")[0])


def test_the_thesiss_table_9_comes_out_of_its_answers() -> None:
    from LIMISLib.participants.scores import Participant

    mental = {"P1": 14, "P2": 5, "P3": 11, "P4": 8}
    people = [Participant(Path(sign), sign, {"mental_demand": value}, ()) for sign, value in mental.items()]
    assert table_9(people)[0] == {"question": "Mental demand", **mental, "mean": 9.5, "sd": 3.87}
    assert table_9(people)[1]["mean"] is None
