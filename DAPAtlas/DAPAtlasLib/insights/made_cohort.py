"""A cohort with known laws: volumes and HU measured on made patients, scaled to what age and sex make of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from AnatomyGuidedLib.labels import structures
from AnatomyGuidedLib.phantom import PatientOptions, make_patient
from AnatomyGuidedLib.progress import CancelCheck, Progress, stop_if

from DAPAtlasLib.insights.measurements import Patient, affected
from DAPAtlasLib.statistics import structure_statistics

Law = tuple[float, float, float]

# a + b age + c age^2 for women; men have a times the factor. The courses are those that the thesis reports.
VOLUME_LAWS: Mapping[str, Law] = {
    "Liver": (900.0, 26.0, -0.26),
    "Heart Atrium Left": (55.0, 0.4, 0.001),
    "Heart Ventricle Left": (60.0, 2.0, -0.02),
}
HU_LAWS: Mapping[str, Law] = {"Hip Left": (420.0, -2.0, 0.0), "Liver": (66.0, -0.15, 0.0), "Spleen": (48.0, 0.0, 0.0)}
MEN_TIMES = 1.2
_PATTERNS = ("lymphoma", "melanoma")
_DATASETS = ("atlas", "atlas", "experts", "children")
_CHILD_TIMES = 0.6
_HU_SD = 6.0


@dataclass(frozen=True)
class CohortParameters:
    """How many patients are made, their voxels in mm, the seed, and how many of them have lesions."""

    patients: int = 200
    spacing_mm: float = 8.0
    seed: int = 0
    with_lesions: int = 40


def law_of(structure: str, sex: str, laws: Mapping[str, Law]) -> Law:
    """The coefficients that were put in."""
    a, b, c = laws[structure]
    return (a * MEN_TIMES if sex == "M" else a), b, c


def made_cohort(parameters: CohortParameters, progress: Progress, cancelled: CancelCheck) -> list[Patient]:
    """The patients: of each structure with a law, its measured volume over the mean of its sex, times the law.

    Raises:
        Cancelled: The user stopped between two patients.
    """
    rng = np.random.default_rng(parameters.seed)
    made = []
    for number in range(parameters.patients):
        stop_if(cancelled)
        progress(number / parameters.patients, f"Making patient {number + 1} of {parameters.patients}")
        made.append(_measured(number, parameters, float(rng.uniform(20, 85))))
    means = {
        (name, sex): float(np.mean([one.volumes_ml[name] for one in made if one.sex == sex]))
        for name in VOLUME_LAWS
        for sex in "FM"
    }
    return [_lawful(one, means, rng) for one in made]


def _measured(number: int, parameters: CohortParameters, age: float) -> Patient:
    sex, pattern = "FM"[number % 2], _PATTERNS[number // 2 % 2]
    seed = parameters.seed + number
    lesions = None if number < parameters.with_lesions else 0
    patient = make_patient(PatientOptions(parameters.spacing_mm, sex, seed, lesions, pattern))
    rows = structure_statistics(patient.anatomy, patient.ct)
    names = {label.id: label.name for label in structures()}
    volumes = {names[row.label]: row.volume_ml for row in rows if row.label in names}
    hu = {names[row.label]: row.mean_hu for row in rows if row.label in names}
    held = affected(patient.anatomy, patient.lesions) if lesions is None else None
    return Patient(_DATASETS[number % 7 % 4], f"made_{number:04d}", sex, age, volumes, hu, pattern, held)


def _lawful(one: Patient, means: Mapping[tuple[str, str], float], rng: np.random.Generator) -> Patient:
    times = _CHILD_TIMES if one.dataset == "children" else 1.0
    volumes, hu = {name: times * ml for name, ml in one.volumes_ml.items()}, dict(one.mean_hu)
    for name in VOLUME_LAWS:
        volumes[name] = (
            times * _at(law_of(name, one.sex, VOLUME_LAWS), one.age) * one.volumes_ml[name] / means[name, one.sex]
        )
    for name in HU_LAWS:
        hu[name] = _at(law_of(name, "F", HU_LAWS), one.age) + float(rng.normal(0, _HU_SD))
    return Patient(one.dataset, one.name, one.sex, one.age, volumes, hu, one.diagnosis, one.affected)


def _at(law: Law, age: float) -> float:
    return law[0] + law[1] * age + law[2] * age**2
