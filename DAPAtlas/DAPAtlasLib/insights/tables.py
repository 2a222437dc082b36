"""The study's tables: fits by sex, divergences by data set, shares of affected patients by diagnosis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from DAPAtlasLib.insights.divergence import average_divergences
from DAPAtlasLib.insights.fits import quadratic_fit
from DAPAtlasLib.insights.measurements import Patient

QUANTITIES = {"volume_ml": "volumes_ml", "mean_hu": "mean_hu"}
_POWERS = ("constant", "age", "age_squared")
_ENDS = ("", "_low", "_high")
FIT_COLUMNS = (
    *("structure", "quantity", "sex", "patients", "r_squared"),
    *(f"{power}{end}" for power in _POWERS for end in _ENDS),
)
DIVERGENCE_COLUMNS = ("structure", "dataset", "patients", "divergence")
AFFECTED_COLUMNS = ("diagnosis", "structure", "patients", "affected", "share")
_LEAST_SAMPLES = 5

Row = dict[str, object]


def fit_rows(patients: Sequence[Patient], dataset: str) -> list[Row]:
    """A row a structure, quantity and sex of one data set: quadratic in age, with 95 % intervals."""
    rows: list[Row] = []
    for structure in _structures(patients):
        for quantity in QUANTITIES:
            for sex in ("F", "M"):
                ages, values = points(patients, dataset, structure, quantity, sex)
                if fit := quadratic_fit(ages, values):
                    ends = zip(fit.coefficients, fit.lowest, fit.highest, strict=True)
                    told = dict(zip(FIT_COLUMNS[5:], (value for three in ends for value in three), strict=True))
                    head = {"structure": structure, "quantity": quantity, "sex": sex, "patients": fit.patients}
                    rows.append({**head, "r_squared": round(fit.r_squared, 4), **told})
    return rows


def points(
    patients: Sequence[Patient], dataset: str, structure: str, quantity: str, sex: str
) -> tuple[list[float], list[float]]:
    """Ages and values of a data set's patients of one sex who have the structure."""
    chosen = [one for one in patients if (one.dataset, one.sex) == (dataset, sex)]
    found = [
        (one.age, values[structure]) for one in chosen if structure in (values := getattr(one, QUANTITIES[quantity]))
    ]
    return [age for age, _ in found], [value for _, value in found]


def divergence_rows(patients: Sequence[Patient]) -> list[Row]:
    """A row a structure and data set, of structures that five patients of each of two data sets have."""
    rows = []
    for structure in _structures(patients):
        samples: dict[str, list[float]] = {}
        for one in patients:
            if structure in one.volumes_ml:
                samples.setdefault(one.dataset, []).append(one.volumes_ml[structure])
        enough = {name: sample for name, sample in samples.items() if len(sample) >= _LEAST_SAMPLES}
        for name, value in (average_divergences(enough) if len(enough) > 1 else {}).items():
            told = {"dataset": name, "patients": len(enough[name]), "divergence": round(value, 4)}
            rows.append({"structure": structure, **told})
    return rows


def affected_rows(patients: Sequence[Patient]) -> list[Row]:
    """A row a diagnosis and structure that holds a lesion's voxel in at least one patient, the commonest first."""
    known = [one for one in patients if one.affected is not None]
    totals = Counter(one.diagnosis for one in known)
    found = Counter((one.diagnosis, name) for one in known for name in one.affected or ())
    return [
        {
            "diagnosis": diagnosis,
            "structure": structure,
            "patients": totals[diagnosis],
            "affected": number,
            "share": round(number / totals[diagnosis], 4),
        }
        for (diagnosis, structure), number in sorted(found.items(), key=lambda item: (item[0][0], -item[1], item[0][1]))
    ]


def _structures(patients: Sequence[Patient]) -> list[str]:
    return sorted({name for one in patients for name in one.volumes_ml})
