"""How a cohort is told: the JSON and CSV files of docs/cohorts.md, and the lines that a person reads first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from AnatomyGuidedLib import __version__
from AnatomyGuidedLib.files import Outputs, write_csv, write_json

from CCMetricsLib import bootstrap, compare, table16
from CCMetricsLib.cohort_pairs import Failure
from CCMetricsLib.cohort_tables import (
    STATISTICS,
    Row,
    case_rows,
    columns,
    lesion_rows,
    spacings,
    statistics,
    whole_rows,
)
from CCMetricsLib.parameters import EvaluationParameters
from CCMetricsLib.ranking import MODEL, correlate, direction, rank_models, ranking_rows
from CCMetricsLib.report import COLUMNS as LESION_COLUMNS

FORMAT, VERSION = "anatomyguided-cohort", 1
FAILURES = ("case", "model", "line", "reason")

_CORRELATIONS = ("metric", "spearman", "kendall")
_TOLD_DISAGREEMENTS = 10
_TITLES = {"dice": "Dice", "cc_dice": "CC-Dice", "nsd": "SD", "cc_nsd": "CC-SD", "hd95_mm": "HD", "cc_hd95_mm": "CC-HD"}


@dataclass(frozen=True)
class Asked:
    """What a cohort is asked for beside the evaluation of each case.

    `compared` names the model that "prediction" is compared with, `expert` an expert's rank of each model.
    """

    models: tuple[str, ...]
    parameters: EvaluationParameters
    compared: str | None = None
    expert: Mapping[str, float] | None = None
    resamples: int = bootstrap.RESAMPLES
    seed: int = bootstrap.SEED


@dataclass(frozen=True)
class CohortReport:
    """Every table of a cohort, as rows."""

    asked: Asked
    cases: Sequence[Row]
    lesions: Sequence[Row]
    statistics: Sequence[Row]
    table16: Sequence[Row]
    disagreements: Sequence[Row]
    comparison: Sequence[Row]
    paired_cases: Sequence[Row]
    ranking: Sequence[Row]
    rank_correlation: Sequence[Row]
    failures: Sequence[Failure]


def report(results: Sequence[Mapping[str, Any]], failures: Sequence[Failure], asked: Asked) -> CohortReport:
    """The tables of what `score_case` returned for each pair.

    Raises:
        AnatomyGuidedError: The expert's ranking and the models do not match.
    """
    rows = case_rows(results)
    whole = whole_rows(rows)
    again = {"seed": asked.seed, "resamples": asked.resamples}
    table = table16.table16(whole)
    ranking, correlation = _ranking(table16.table16(_scored_by_all(whole, asked.models)), asked.expert)
    first, other = asked.models[0], asked.compared
    return CohortReport(
        asked=asked,
        cases=rows,
        lesions=lesion_rows(results),
        statistics=statistics(rows, **again),
        table16=table,
        disagreements=compare.disagreements(whole),
        comparison=compare.compare(whole, first, other, **again) if other else [],
        paired_cases=compare.paired_cases(whole, first, other) if other else [],
        ranking=ranking,
        rank_correlation=correlation,
        failures=failures,
    )


def _scored_by_all(whole: Sequence[Row], models: Sequence[str]) -> list[Row]:
    """The rows of the cases that every model has, so that none is ranked by easier ones."""
    having: dict[object, set[object]] = {}
    for row in whole:
        having.setdefault(row["case"], set()).add(row["model"])
    return [row for row in whole if having[row["case"]] >= set(models)]


def settings_sentence(parameters: EvaluationParameters) -> str:
    """How the scores were made, for a table's header: variants of definitions, and what is empty counts as."""
    policy = parameters.policy
    empty = ", ".join(
        f"{name.replace('_', ' ')} {'undefined' if score is None else format(score, 'g')}"
        for name, score in asdict(policy).items()
        if name not in ("worst", "worst_mm")
    )
    worst = f"{policy.worst_mm:g} mm" if policy.worst_mm else policy.worst
    return (
        f"Regions by distance in {parameters.distance}, connectivity {parameters.connectivity}; surfaces and HD95 as "
        f"{parameters.surface} defines them, tolerance {parameters.tolerance_mm:g} mm; similarity of what is empty: "
        f"{empty}; worst distance: {worst}."
    )


def as_json(told: CohortReport) -> dict[str, object]:
    """The machine-readable result; the rows of cases and lesions stand in their CSV files."""
    whole, asked = whole_rows(told.cases), told.asked
    parameters = asdict(asked.parameters)
    policies = parameters.pop("policy")
    return {
        "format": FORMAT,
        "version": VERSION,
        "software_version": __version__,
        "parameters": parameters,
        "policies": policies,
        "bootstrap": {"resamples": asked.resamples, "level": bootstrap.LEVEL, "seed": asked.seed},
        "models": list(asked.models),
        "scored": {model: sum(row["model"] == model for row in whole) for model in asked.models},
        "without_lesion": list(dict.fromkeys(row["case"] for row in whole if not row["components"])),
        "spacings": spacings(whole),
        "statistics": list(told.statistics),
        "table16": list(told.table16),
        "disagreements": {model: _first(told.disagreements, model) for model in asked.models},
        "comparison": {
            "model": asked.models[0],
            "other": asked.compared,
            "metrics": list(told.comparison),
            "cases": list(told.paired_cases[:_TOLD_DISAGREEMENTS]),
        }
        if asked.compared
        else None,
        "ranking": list(told.ranking),
        "rank_correlation": list(told.rank_correlation),
        "failures": [asdict(failure) for failure in told.failures],
    }


FILES = (
    *("cases.csv", "lesions.csv", "cohort.csv", "table16.csv", "disagreements.csv", "comparison.csv"),
    *("comparison_cases.csv", "ranking.csv", "rank_correlation.csv", "failures.csv", "table16.md", "cohort.json"),
)  # what `write` may put into its folder


def write(told: CohortReport, folder: Path) -> None:
    """Nothing; the folder has the files of docs/cohorts.md, all of this run; tables that this run lacks are gone."""
    tables = {
        "cases.csv": (told.cases, columns(told.cases, first=("case", "model", "class"))),
        "lesions.csv": (told.lesions, columns(told.lesions, first=("case", "model", *LESION_COLUMNS[1:]))),
        "cohort.csv": (told.statistics, STATISTICS),
        "table16.csv": (told.table16, table16.COLUMNS),
        "disagreements.csv": (told.disagreements, compare.DISAGREEMENTS),
        "comparison.csv": (told.comparison, compare.COMPARISON),
        "comparison_cases.csv": (told.paired_cases, compare.PAIRED_CASES),
        "ranking.csv": (told.ranking, columns(told.ranking)),
        "rank_correlation.csv": (told.rank_correlation, _CORRELATIONS),
        "failures.csv": ([asdict(failure) for failure in told.failures], FAILURES),
    }
    not_made = {
        "comparison.csv": not told.asked.compared,
        "comparison_cases.csv": not told.asked.compared,
        "ranking.csv": not told.ranking,
        "rank_correlation.csv": not told.rank_correlation,
    }
    with Outputs() as outputs:
        for name, (rows, names) in tables.items():
            if not not_made.get(name):
                write_csv(outputs.stage(folder / name), rows, names)
        header = f"{settings_sentence(told.asked.parameters)}\n\n"
        outputs.stage(folder / "table16.md").write_text(header + table16.as_markdown(told.table16), encoding="utf-8")
        write_json(outputs.stage(folder / "cohort.json"), as_json(told))
    for name, is_absent in not_made.items():
        if is_absent:
            (folder / name).unlink(missing_ok=True)


def lines(told: CohortReport) -> list[str]:
    """The table that a person reads first, and the comparison of two models where there is one."""
    asked = told.asked
    by_metric = {row["metric"]: row for row in told.comparison if row["n"]}
    compared = [
        f"{asked.compared} minus {asked.models[0]}, {title}: {_difference(by_metric[metric])}"
        for metric, title in _TITLES.items()
        if metric in by_metric
    ]
    return [settings_sentence(asked.parameters), *table16.as_text(told.table16), *compared]


def notes(told: CohortReport) -> list[str]:
    """What a reader of the tables must know: cases without a lesion, mixed spacing, models on different cases."""
    result = as_json(told)
    without, spacing, scored = result["without_lesion"], result["spacings"], result["scored"]
    said = []
    if isinstance(without, list) and without:
        have = "case has" if len(without) == 1 else "cases have"
        said.append(f"{len(without)} {have} no lesion in the reference, which counts in false-positive volume only.")
    if isinstance(spacing, list) and len(spacing) > 1:
        told_as = "; ".join(f"{_size(row['spacing_mm'])} mm: {_cases(row['cases'])}" for row in spacing)
        said.append(f"The cases have different spacings, each is scored in its own ({told_as}).")
    if isinstance(scored, dict) and len(set(scored.values())) > 1:
        told_as = ", ".join(f"{model} {count}" for model, count in scored.items())
        said.append(f"The models' means are not over the same cases ({told_as}).")
    return said


def _ranking(table: Sequence[Row], expert: Mapping[str, float] | None) -> tuple[list[Row], list[Row]]:
    """The models by the metrics of Table 16, and how each ranking goes with the expert's."""
    known = [metric for metric, title in _TITLES.items() if table and all(row[title] is not None for row in table)]
    if len(table) < 2 or not known:
        return [], []
    named = [{MODEL: row["model"], **{metric: row[_TITLES[metric]] for metric in known}} for row in table]
    ranking = rank_models(named, metrics=known, directions={metric: direction(metric) for metric in known})
    correlation: list[Row] = [
        {"metric": of_one.metric, "spearman": of_one.spearman.value, "kendall": of_one.kendall.value}
        for of_one in (correlate(ranking, expert) if expert else ())
    ]
    return [_titled(row) for row in ranking_rows(ranking)], [_titled(row) for row in correlation]


def _titled(row: Row) -> Row:
    """The row with Table 16's titles for its metrics, as keys and as values."""
    return {_TITLES.get(name, name): _TITLES.get(str(cell), cell) for name, cell in row.items()}


def _first(rows: Sequence[Row], model: str) -> list[Row]:
    return [row for row in rows if row["model"] == model][:_TOLD_DISAGREEMENTS]


def _difference(row: Mapping[str, Any]) -> str:
    interval = "" if row["ci_low"] is None else f" (95 % CI {row['ci_low']:.4f} to {row['ci_high']:.4f})"
    tested = "all differences are 0" if row["wilcoxon_p"] is None else f"Wilcoxon p = {row['wilcoxon_p']:.3g}"
    return f"{row['mean_difference']:+.4f}{interval}, n = {row['n']}, {tested}"


def _cases(count: int) -> str:
    return f"{count} case" + "s" * (count != 1)


def _size(spacing: Sequence[float]) -> str:
    return " x ".join(f"{mm:g}" for mm in spacing)
