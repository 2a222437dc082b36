"""The study `petct-phantom`: what anatomy is worth for finding lesions (thesis, 4.2, Tables 14 and 15, Figure 26)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled
from AnatomyGuidedLib.files import write_csv, write_json_whole
from AnatomyGuidedLib.plots import require_matplotlib
from AnatomyGuidedLib.predictors.predictor import NEEDS_TORCH
from AnatomyGuidedLib.progress import Progress, part_of
from AnatomyGuidedLib.study_options import StudyOptions
from AnatomyGuidedLib.study_result import write_study

from PathologySegLib.learning.cases import Case
from PathologySegLib.learning.fingerprints import model_checksums
from PathologySegLib.learning.fitting import require_seen
from PathologySegLib.learning.plan import Contender, Plan, read_plan
from PathologySegLib.learning.scoring import METRICS
from PathologySegLib.learning.study_cases import cohort_notes, cohort_told, for_cohort, study_cases

if TYPE_CHECKING:
    from PathologySegLib.learning.trial import Scores, Trial

STUDY, STATE_FOLDER = "petct-phantom", "state"
_CASES_SHARE = 0.15  # of the progress
_ORDER = ("contender", "arm", "split", "case", *METRICS)


def run(options: StudyOptions, folder: Path, console: Console) -> Mapping[str, object]:
    """What was found; tables and `study.json` are in the folder, and `state` below it keeps finished trials.

    Raises:
        UsageError: A setting or arm is unknown, an atlas model is missing, or there are too few patients to split.
        AnatomyGuidedError: torch is missing, or a case of the cohort cannot be read.
        Cancelled: The user stopped; the same call goes on from there.
    """
    try:
        from PathologySegLib.learning import findings
        from PathologySegLib.learning.trial import atlas_of
    except ModuleNotFoundError as error:
        raise AnatomyGuidedError(NEEDS_TORCH) from error
    plan, notes = read_plan(options.tier, options.settings), list[str]()
    if options.cohort:
        plan, notes = for_cohort(plan)
    state = _state_folder(options, folder, plan)
    trials = _trials(plan, state)
    for trial in trials:
        atlas = atlas_of(trial)  # one that is missing is told now, not after the trainings before it
        if atlas and trial.arm.fusion != "none":
            require_seen(plan.settings.sampling.shape, atlas.predictor.network, atlas.predictor.name)
    try:
        cases = study_cases(plan, options.cohort, state / "cases", console, _CASES_SHARE)
        notes += [*(cohort_notes(options.cohort, cases) if options.cohort else []), *plan.left_out()]
        for note in notes:
            console.note(note)
        _run_all(trials, plan, cases, console)
    except (Cancelled, KeyboardInterrupt) as stop:
        raise Cancelled("Stopped; the same call goes on from the last finished step.") from stop
    found = {
        contender.name: findings.summary(plan.arms_of(contender), _scores(trials, contender, plan), plan.statistics)
        for contender in plan.settings.contenders
    }
    first = found[plan.settings.contenders[0].name]
    rules = findings.judged(plan.rules, first)
    files = [*_write_tables(trials, folder), *_draw(trials, plan, first, folder, console)]
    for name, arms in found.items():
        _print(name, arms, console)
    for rule in rules:
        console.line(_verdict(rule))
    result = write_study(
        folder,
        STUDY,
        tier=options.tier,
        parameters=plan.settings.told(),
        patients="cohort" if options.cohort else "made",
        notes=notes,
        arms=first,
        contenders=found,
        rules=rules,
        training_s={f"{one.contender.name}/{one.name}/{one.split}": _seconds(one) for one in trials},
        files=[*files, "study.json"],
    )
    console.progress(1.0, "Done")
    return result


def _state_folder(options: StudyOptions, folder: Path, plan: Plan) -> Path:
    """Where trials of exactly these settings, files and models are kept: others never meet their results.

    A tier of more arms or splits goes on from the trials of a smaller one.
    """
    told = {key: value for key, value in plan.settings.told().items() if key not in ("arms", "splits")}
    if options.cohort:
        told["cohort"] = cohort_told(options.cohort)
    contenders = plan.settings.contenders
    models = model_checksums([plan.settings.atlas, *(name for one in contenders for name in (one.mirror, one.mixture))])
    states = (options.target or folder) / STATE_FOLDER
    place = states / _digest(told)
    if not models or _is_of(place, models):
        return place
    return states / _digest({**told, "models": models})


def _is_of(place: Path, models: Mapping[str, str]) -> bool:
    """Whether no trial there can be of other atlas models under these names, which are noted then."""
    path = place / "models.json"
    noted = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if any(noted.get(name, own) != own for name, own in models.items()):
        return False
    place.mkdir(parents=True, exist_ok=True)
    write_json_whole(path, {**noted, **models})
    return True


def _digest(told: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:8]


def _trials(plan: Plan, state: Path) -> list[Trial]:
    from PathologySegLib.learning.trial import Trial

    found = []
    for contender in plan.settings.contenders:
        for split in range(plan.settings.splits):
            place = state / _file_name(contender.name) / f"split_{split}"
            for name, arm in plan.arms_of(contender).items():
                other = place / arm.same_training_as if arm.same_training_as else None
                found.append(Trial(contender, name, arm, split, place / name, other))
    return found


def _run_all(trials: Sequence[Trial], plan: Plan, cases: Sequence[Case], console: Console) -> None:
    from AnatomyGuidedLib.devices import chosen_device

    from PathologySegLib.learning.trial import run_trial

    device = chosen_device("auto")
    for number, trial in enumerate(trials):
        if trial.scores is None:
            told = _named(part_of(console.progress, _CASES_SHARE, 1.0), number, len(trials), trial)
            run_trial(trial, plan.settings, cases, device=device, progress=told, cancelled=console.cancelled)


def _named(progress: Progress, number: int, count: int, trial: Trial) -> Progress:
    own = part_of(progress, number / count, (number + 1) / count)
    return lambda fraction, text: own(fraction, f"{trial.contender.name}, {trial.name}, split {trial.split}: {text}")


def _scores(trials: Sequence[Trial], contender: Contender, plan: Plan) -> dict[str, list[Scores]]:
    own = [trial for trial in trials if trial.contender == contender]
    return {name: [trial.scores or {} for trial in own if trial.name == name] for name in plan.arms_of(contender)}


def _write_tables(trials: Sequence[Trial], folder: Path) -> list[str]:
    """The files' names: every case of every trial, and the curves of Figure 26."""
    write_csv(folder / "scores.csv", _rows(trials), _ORDER)
    curves = [
        {"contender": trial.contender.name, "arm": trial.name, "split": trial.split, **line}
        for trial in trials
        for line in trial.log
    ]
    columns = dict.fromkeys(key for line in curves for key in line)
    write_csv(folder / "training.csv", curves, tuple(columns))
    return ["scores.csv", "training.csv"]


def _draw(
    trials: Sequence[Trial], plan: Plan, arms: Mapping[str, Mapping[str, object]], folder: Path, console: Console
) -> list[str]:
    """The figures' names; none where matplotlib is not installed."""
    from PathologySegLib.learning.figures import ARMS_FIGURE, SIMILARITY_FIGURE, draw_arms, draw_similarity

    try:
        require_matplotlib()
    except AnatomyGuidedError as error:
        console.note(str(error))
        return []
    draw_arms(arms, folder / ARMS_FIGURE)
    first = plan.settings.contenders[0]
    lines = [{"arm": trial.name, **line} for trial in trials if trial.contender == first for line in trial.log]
    drawn = draw_similarity(lines, plan.settings.fusion.epochs, folder / SIMILARITY_FIGURE)
    return [ARMS_FIGURE, *([SIMILARITY_FIGURE] if drawn else [])]


def _rows(trials: Sequence[Trial]) -> Iterator[Mapping[str, object]]:
    for trial in trials:
        for case, scores in (trial.scores or {}).items():
            yield {"contender": trial.contender.name, "arm": trial.name, "split": trial.split, "case": case, **scores}


def _seconds(trial: Trial) -> float | None:
    return trial.log[-1]["seconds"] if trial.log else None


def _print(name: str, arms: Mapping[str, Mapping[str, object]], console: Console) -> None:
    console.line(f"{name:26} {'Dice':>22} {'CC-Dice':>8} {'FPV ml':>8} {'FNV ml':>8} {'rank':>5}  Dice - baseline's")
    for own, found in arms.items():
        arm = f"{own} (oracle)" if found["oracle"] else own
        dice, gain = _told(found["dice"]), _told(found["vs_baseline"])
        cc_dice, fpv, fnv = (_mean(found[metric]) for metric in METRICS[1:])
        console.line(
            f"  {arm:24} {dice:>22} {cc_dice:>8} {fpv:>8} {fnv:>8} {found['average_rank']:>5.1f}  {gain}{_mark(found)}"
        )


def _mark(found: Mapping[str, object]) -> str:
    """What is said of the arm's gain over its reference.

    >>> _mark({"reference": "anatomy", "beats_reference": False, "not_evaluable": "control grasp_random was not run"})
    '  beats anatomy? not evaluable: control grasp_random was not run'
    """
    if "not_evaluable" in found:
        return f"  beats {found['reference']}? not evaluable: {found['not_evaluable']}"
    return f"  beats {found['reference']}" if found["beats_reference"] else ""


def _told(value: object) -> str:
    found = value if isinstance(value, Mapping) else {}
    if found.get("mean") is None:
        return "-"
    limits = "" if found["low"] is None else f" ({found['low']:.3f} to {found['high']:.3f})"
    return f"{found['mean']:.3f}{limits}"


def _mean(value: object) -> str:
    found = value if isinstance(value, Mapping) else {}
    return "-" if found.get("mean") is None else f"{found['mean']:.3f}"


def _verdict(rule: Mapping[str, object]) -> str:
    """What came of a rule, in a line.

    >>> _verdict({"kind": "interval_above_0", "arm": "anatomy", "found": None, "holds": None})
    'not evaluable: the rule about anatomy needs an arm that was not run'
    """
    if rule["holds"] is None:
        return f"not evaluable: the rule about {rule['arm']} needs an arm that was not run"
    return f"{'holds' if rule['holds'] else 'FAILS'}: {_words(rule)}"


def _words(rule: Mapping[str, object]) -> str:
    gain = _told(rule["found"])
    return {
        "gains_at_least": f"{rule['arm']} gains {gain}, at least {rule['least']} was expected",
        "gains_less_than_share": f"{rule['arm']} gains {gain}, below {rule['share']} of {rule['of']}'s was expected",
        "interval_above_0": f"{rule['arm']} gains {gain}, an interval above 0 was expected",
        "interval_holds_0": f"{rule['arm']} gains {gain}, an interval around 0 was expected",
    }[str(rule["kind"])]


def _file_name(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower())
