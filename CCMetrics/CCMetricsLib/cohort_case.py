"""One case of a cohort scored on a worker; the function is found by its name, wherever these packages are installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any

from AnatomyGuidedLib.cohort_case import Case
from AnatomyGuidedLib.io import read_anatomy, read_labelmap, split_scheme
from AnatomyGuidedLib.progress import CancelCheck

from CCMetricsLib.cohort_pairs import ANATOMY, PREDICTION, REFERENCE, Pair
from CCMetricsLib.evaluate import evaluate
from CCMetricsLib.parameters import EvaluationParameters
from CCMetricsLib.report import as_json

WORK = "CCMetricsLib.cohort_case:score_case"

_SCHEME = "anatomy_scheme"


def cases(pairs: Sequence[Pair], parameters: EvaluationParameters) -> list[Case]:
    """What a cohort runs: a case each pair, grouped by model."""
    return [_case(pair, asdict(parameters)) for pair in pairs]


def score_case(case: Case, cancelled: CancelCheck) -> Mapping[str, object]:
    """The evaluation's JSON, with the case's grid and without the names and places of its files."""
    settings = dict(case.settings)
    scheme = settings.pop(_SCHEME, None)
    reference = read_labelmap(case.files[REFERENCE])
    evaluation = evaluate(
        reference,
        read_labelmap(case.files[PREDICTION]),
        _restored(EvaluationParameters(), settings),
        case=case.name,
        anatomy=read_anatomy(f"{case.files[ANATOMY]}@{scheme}") if scheme else None,
        cancelled=cancelled,
    )
    grid = {"shape": list(reference.grid.shape), "spacing_mm": list(reference.grid.spacing_mm)}
    return {**as_json(evaluation), "model": case.group, "grid": grid}


def _case(pair: Pair, settings: dict[str, Any]) -> Case:
    files = {REFERENCE: str(pair.reference), PREDICTION: str(pair.prediction)}
    if pair.anatomy:
        path, scheme = split_scheme(pair.anatomy)
        files, settings = {**files, ANATOMY: str(Path(path))}, {**settings, _SCHEME: scheme}
    return Case(pair.case, files, settings, group=pair.model)


def _restored(default: Any, told: Any) -> Any:
    """A value of the default's type from what JSON made of it: dataclasses come back as mappings, tuples as lists."""
    if is_dataclass(default) and not isinstance(default, type):
        values = {field.name: _restored(getattr(default, field.name), told[field.name]) for field in fields(default)}
        return type(default)(**values)
    return tuple(told) if isinstance(told, list) else told
