"""The cohort's cases by data set, and their folds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from AnatomyGuidedLib.errors import UsageError

from PathologySegLib.benchmark.plan import DataSet, TierSettings
from PathologySegLib.data_sets import PetCtCase, cases_of
from PathologySegLib.splits import Split, stratified_folds

COLUMN = "data_set"


def by_data_set(table: Path, settings: TierSettings, *, force: bool = False) -> dict[DataSet, tuple[PetCtCase, ...]]:
    """The cases of each data set that the table's column `data_set` names; without the column all are of the first.

    With `force` CTs are not asked whether they are any.

    Raises:
        UsageError: A case is of a data set that the settings do not know.
        AnatomyGuidedError: The table cannot be read.
    """
    known = {data_set.name: data_set for data_set in settings.data_sets}
    found: dict[DataSet, list[PetCtCase]] = {}
    for case in cases_of(table):
        name = case.facts.get(COLUMN) or settings.data_sets[0].name
        if name not in known:
            raise UsageError(f"The case {case.name} is of the data set {name!r}; there are {', '.join(known)}.")
        found.setdefault(known[name], []).append(replace(case, force=force))
    return {data_set: tuple(cases) for data_set, cases in found.items()}


def folds_of(cases: tuple[PetCtCase, ...], data_set: DataSet, settings: TierSettings) -> list[Split]:
    """The data set's folds: each patient is predicted once, diagnosis and sex are spread evenly (E.1.2.2).

    Raises:
        UsageError: There are fewer patients than folds, or a case lacks a fact that folds share.
    """
    rng = np.random.default_rng(settings.seed)
    return list(stratified_folds(cases, rng=rng, strata=data_set.strata, count=settings.folds))
