"""The study `limis-participants`: what people reached, and what they say of it (thesis 3.3.3.3, Figure 20, Table 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.files import write_csv
from AnatomyGuidedLib.plots import drawn, require_matplotlib
from AnatomyGuidedLib.progress import stop_if
from AnatomyGuidedLib.study_options import StudyOptions
from AnatomyGuidedLib.study_result import write_study

from LIMISLib.participants.questionnaire import SCALES
from LIMISLib.participants.scores import Participant, ScoredCase, read_participants, scored

CASES = ("participant", "case", "structure", "first_dice", "chosen_dice", "change", "chosen", "interactions", "seconds")
STEPS = ("participant", "case", "step", "parent", "dice", "chosen", "adapted")

_SAME = 0.0005  # Dice that are equal to three digits are the same
_MOST_PANELS = 12
_FILES = ("cases.csv", "steps.csv", "table9.csv", "dice_over_steps.png", "study.json")


def run(options: StudyOptions, folder: Path, console: Console) -> Mapping[str, object]:
    """What the participants in the cohort's folder reached; tables, the figure and `study.json` are in the folder.

    Raises:
        UsageError: No folder was given, or settings were.
        AnatomyGuidedError: matplotlib is missing, or a participant's folder is damaged or holds nothing to score.
        Cancelled: The user stopped the work.
    """
    require_matplotlib()
    if options.cohort is None or options.settings:
        raise UsageError(
            "limis-participants needs --cohort DIR, the folder of the participants' folders, and no settings."
        )
    participants = read_participants(options.cohort)
    cases: list[ScoredCase] = []
    for number, participant in enumerate(participants):
        stop_if(console.cancelled)
        console.progress(0.9 * number / len(participants), participant.sign)
        cases += scored(participant)
    if not cases:
        raise AnatomyGuidedError("No participant worked on a case with a reference, so there is nothing to score.")
    write_csv(folder / "cases.csv", [_case_row(case) for case in cases], CASES)
    write_csv(folder / "steps.csv", [row for case in cases for row in _step_rows(case)], STEPS)
    table = table_9(participants)
    write_csv(folder / "table9.csv", table, ("question", *(one.sign for one in participants), "mean", "sd"))
    _draw(cases[:_MOST_PANELS], folder / "dice_over_steps.png")
    found = findings([case.change for case in cases])
    result = write_study(
        folder,
        "limis-participants",
        participants=[one.sign for one in participants],
        findings=found,
        table_9=table,
        files=list(_FILES),
    )
    for name, value in found.items():
        console.line(f"{name.replace('_', ' ')}: {value}")
    console.progress(1.0, "Done")
    return result


def findings(changes: Sequence[float]) -> dict[str, object]:
    """Shares of cases that improved, got worse or stayed the same, and the mean change of Dice of each with its sd.

    >>> findings([0.05, 0.07, -0.02, 0.0])["improved"]
    {'cases': 2, 'share': 0.5, 'mean_change': 0.06, 'sd': 0.0141}
    """
    values = np.array(changes)
    parts = {"improved": values > _SAME, "worse": values < -_SAME, "same": np.abs(values) <= _SAME}
    found: dict[str, object] = {name: _described(values[part], len(values)) for name, part in parts.items()}
    return {"cases": len(values), **found, "all": _described(values, len(values))}


def table_9(participants: Sequence[Participant]) -> list[dict[str, object]]:
    """A row a question: each participant's answer, their mean and standard deviation."""
    rows: list[dict[str, object]] = []
    for scale in SCALES:
        given = {one.sign: one.answers.get(scale.key) for one in participants}
        numbers = np.array([value for value in given.values() if value is not None], dtype=np.float64)
        rows.append({"question": scale.title, **given, **_mean_and_sd(numbers, 2)})
    return rows


def _described(values: np.ndarray, total: int) -> dict[str, object]:
    told = _mean_and_sd(values, 4)
    return {"cases": len(values), "share": round(len(values) / total, 3), "mean_change": told["mean"], "sd": told["sd"]}


def _mean_and_sd(values: np.ndarray, digits: int) -> dict[str, float | None]:
    """Mean and sample standard deviation; none where there are too few values."""
    return {
        "mean": round(float(values.mean()), digits) if len(values) else None,
        "sd": round(float(values.std(ddof=1)), digits) if len(values) > 1 else None,
    }


def _case_row(case: ScoredCase) -> dict[str, object]:
    return {
        "participant": case.participant,
        "case": case.case,
        "structure": case.structure,
        "first_dice": round(case.dice[0], 4),
        "chosen_dice": round(case.dice[case.chosen], 4),
        "change": round(case.change, 4),
        "chosen": case.chosen,
        "interactions": case.interactions,
        "seconds": case.seconds,
    }


def _step_rows(case: ScoredCase) -> list[dict[str, object]]:
    return [
        {
            "participant": case.participant,
            "case": case.case,
            "step": step,
            "parent": case.parents[step],
            "dice": round(dice, 4),
            "chosen": int(step == case.chosen),
            "adapted": int(step in case.adapted),
        }
        for step, dice in enumerate(case.dice)
    ]


def _draw(cases: Sequence[ScoredCase], path: Path) -> None:
    """As Figure 20: Dice over steps, a panel a case; the chosen step a circle, adapted earlier steps stars."""
    columns = min(3, len(cases))
    rows = -(-len(cases) // columns)
    with drawn(path, rows, columns, (3.0 * columns, 2.4 * rows)) as (_, axes):
        for place, axis in enumerate(axis for line in axes for axis in line):
            if place >= len(cases):
                axis.set_visible(False)
                continue
            case = cases[place]
            steps = range(len(case.dice))
            axis.plot(steps, case.dice, color="#1f4e79", marker="o")
            axis.plot(
                [case.chosen], [case.dice[case.chosen]], "o", markersize=11, markerfacecolor="none", color="#1f4e79"
            )
            stars = case.adapted
            axis.plot(stars, [case.dice[step] for step in stars], "*", markersize=9, color="#d99b1c")
            axis.set(title=f"{case.participant}, {case.case}: {case.structure}", xlabel="step", ylabel="Dice")
            axis.set_xticks(list(steps))
