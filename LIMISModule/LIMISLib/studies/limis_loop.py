"""The study `limis-loop`: what refining by sentences gains, beside sentences at random (thesis 3.3.3.3, Figure 20)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.files import write_csv
from AnatomyGuidedLib.plots import drawn, require_matplotlib
from AnatomyGuidedLib.progress import stop_if
from AnatomyGuidedLib.study_options import StudyOptions, require_positive, with_settings
from AnatomyGuidedLib.study_result import write_study
from CCMetricsLib.bootstrap import mean_interval

from LIMISLib.prompt_segmenter import Mask
from LIMISLib.session import Session
from LIMISLib.studies.loop_cases import LoopCase, cohort_cases, made_cases
from LIMISLib.studies.simulated_users import Eye, Looking, SayingAnything, User, Visit, work

COLUMNS = ("case", "user", "first_dice", "chosen_dice", "change", "interactions", "sentences")
STEPS = ("case", "user", "step", "dice")

_SAME = 0.005  # a change of Dice below it is none


@dataclass(frozen=True)
class LoopParameters:
    """Made patients, their voxels, how far a side of the first box is off (a share of it), interactions at most, and
    the share (a standard deviation) by which users misjudge how wrong a mask is.
    """

    patients: int = 4
    spacing_mm: float = 2.5
    box_share: float = 0.12
    interactions: int = 8
    misjudged: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        require_positive(self, "patients", "spacing_mm", "interactions")
        if not 0 <= self.misjudged < 1:
            raise UsageError(f"misjudged is a share from 0 to below 1, not {self.misjudged:g}.")


TIERS: Mapping[str, LoopParameters] = {
    "ci": LoopParameters(),
    "cpu": LoopParameters(patients=20, spacing_mm=1.5),
    "gpu": LoopParameters(patients=20, spacing_mm=1.5),
}


def run(options: StudyOptions, folder: Path, console: Console) -> Mapping[str, object]:
    """What users gained; `users.csv`, `steps.csv`, the figure and `study.json` are in the folder.

    Raises:
        UsageError: A setting is unknown.
        AnatomyGuidedError: matplotlib is not installed, the cohort cannot be read, or no organ is in view.
        Cancelled: The user stopped the work.
    """
    require_matplotlib()
    parameters = with_settings(TIERS[options.tier], options.settings)
    rows: list[dict[str, object]] = []
    steps: list[dict[str, object]] = []
    for number, case in enumerate(_cases(options, parameters)):
        stop_if(console.cancelled)
        console.progress(min(0.9, 0.9 * number / (11 * parameters.patients)), case.name)
        for user in ("looking", "random"):
            row, own = _visited(case, user, parameters, number)
            rows.append(row)
            steps += own
    if not rows:
        raise AnatomyGuidedError("No organ of LIMIS is in view in any image of the cohort.")
    write_csv(folder / "users.csv", rows, COLUMNS)
    write_csv(folder / "steps.csv", steps, STEPS)
    _draw(steps, folder / "dice_over_steps.png")
    found = findings(rows, parameters.seed)
    result = write_study(
        folder,
        "limis-loop",
        tier=options.tier,
        parameters=asdict(parameters),
        findings=found,
        files=["users.csv", "steps.csv", "study.json", "dice_over_steps.png"],
    )
    for name, value in found.items():
        console.line(f"{name.replace('_', ' ')}: {value}")
    console.progress(1.0, "Done")
    return result


def findings(rows: Sequence[Mapping[str, object]], seed: int) -> dict[str, object]:
    """By user the mean change of Dice with its 95 % interval and the shares of cases; and how the users differ."""
    changes = {
        user: np.array([float(str(row["change"])) for row in rows if row["user"] == user])
        for user in ("looking", "random")
    }
    found: dict[str, object] = {"cases": len(changes["looking"])}
    for user, values in changes.items():
        found[f"{user}_change"] = _interval(values, seed)
        found[f"{user}_improved"] = round(float((values > _SAME).mean()), 3)
        found[f"{user}_worse"] = round(float((values < -_SAME).mean()), 3)
        found[f"{user}_same"] = round(float((np.abs(values) <= _SAME).mean()), 3)
    found["looking_minus_random"] = _interval(changes["looking"] - changes["random"], seed)
    return found


def _interval(values: np.ndarray, seed: int) -> dict[str, float | None]:
    bounds = mean_interval(values.tolist(), rng=np.random.default_rng(seed)) or (None, None)
    low, high = (None if bound is None else round(bound, 4) for bound in bounds)
    return {"mean": round(float(values.mean()), 4), "low": low, "high": high}


def _cases(options: StudyOptions, parameters: LoopParameters) -> Iterator[LoopCase]:
    if options.cohort:
        return cohort_cases(options.cohort, share=parameters.box_share, seed=parameters.seed)
    return made_cases(parameters.patients, parameters.spacing_mm, share=parameters.box_share, seed=parameters.seed)


def _visited(
    case: LoopCase, user: str, parameters: LoopParameters, number: int
) -> tuple[dict[str, object], list[dict[str, object]]]:
    """What a user made of a case, as a row, and the Dice of each step."""
    session = Session(case.image, finder=case.finder)
    reply = session.say(f"segment the {case.structure} on slice {case.slice_number}")
    if not reply.done:
        raise AnatomyGuidedError(f"{case.name}: {reply.text}")
    rng = np.random.default_rng([parameters.seed, number])
    somebody: User = Looking() if user == "looking" else SayingAnything(rng)
    eye = Eye(parameters.misjudged, np.random.default_rng([parameters.seed, number, 1]))
    visit = work(session, case.reference, somebody, eye=eye, most=parameters.interactions)
    first, chosen = (_dice(state.mask, case.reference) for state in (visit.states[0], visit.chosen))
    row = {
        "case": case.name,
        "user": user,
        "first_dice": round(first, 4),
        "chosen_dice": round(chosen, 4),
        "change": round(chosen - first, 4),
        "interactions": len(visit.sentences),
        "sentences": "; ".join(visit.sentences),
    }
    return row, _steps(case, user, visit)


def _steps(case: LoopCase, user: str, visit: Visit) -> list[dict[str, object]]:
    return [
        {"case": case.name, "user": user, "step": step, "dice": round(_dice(state.mask, case.reference), 4)}
        for step, state in enumerate(visit.states)
    ]


def _dice(mask: Mask, reference: Mask) -> float:
    return float(2 * (mask & reference).sum() / (mask.sum() + reference.sum()))


def _draw(steps: Sequence[Mapping[str, object]], path: Path) -> None:
    """Dice over steps: each case a thin line, the mean of the best so far a thick one."""
    with drawn(path, 1, 2, (8.0, 3.4)) as (_, axes):
        for place, user in enumerate(("looking", "random")):
            axis, curves = axes[0][place], _curves(steps, user)
            longest = max(len(curve) for curve in curves)
            for curve in curves:
                axis.plot(range(len(curve)), curve, color="#9db8d2", linewidth=0.6, alpha=0.6)
            best = [np.maximum.accumulate([*curve, *[0.0] * (longest - len(curve))]) for curve in curves]
            axis.plot(range(longest), np.mean(best, axis=0), color="#1f4e79", label="mean of the best so far")
            axis.set(title=f"{user} user", xlabel="step", ylabel="Dice", ylim=(0, 1))
            axis.legend(loc="lower right")


def _curves(steps: Sequence[Mapping[str, object]], user: str) -> list[list[float]]:
    cases: dict[str, list[float]] = {}
    for row in steps:
        if row["user"] == user:
            cases.setdefault(str(row["case"]), []).append(float(str(row["dice"])))
    return list(cases.values())
