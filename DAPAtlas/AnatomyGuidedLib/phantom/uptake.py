"""How much FDG a patient's tissues hold an hour after injection, in SUV: published means, and this patient's draw.

Sources, by their letters in the tables: W, Wang et al. 2007 (doi 10.1007/s11307-006-0075-y); L, Lerman et al. 2004
(J Nucl Med 45:266-271); C, Cypess et al. 2009 (doi 10.1056/NEJMoa0810780); K, Kumar et al. 2014
(doi 10.4103/0972-3919.136559); Z, Zasadny and Wahl 1993 (doi 10.1148/radiology.189.3.8234714), that SUV by weight
rise with weight. Values with no letter are round numbers between those that clinics report.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from AnatomyGuidedLib.labels import Label, id_of, label_by_id, structures
from AnatomyGuidedLib.phantom.body_plan import BodyPlan

# Mean SUV, and the deviation of its logarithm from patient to patient.
_SUV_BY_NAME = {
    "Unknown Tissue": (0.9, 0.15),
    "Fat": (0.3, 0.2),
    "Abdominal Tissue": (0.6, 0.2),
    "Mediastinal Tissue": (0.8, 0.15),
    "Skin": (0.5, 0.2),
    "Esophagus": (1.6, 0.2),
    "Stomach": (2.2, 0.3),
    "Small Bowel": (1.3, 0.2),
    "Duodenum": (1.7, 0.25),
    "Colon": (1.1, 0.25),
    "Gallbladder": (0.8, 0.3),
    "Pancreas": (1.5, 0.15),
    "Prostate": (1.5, 0.2),
    "Uterocervix": (1.4, 0.2),
    "Uterus": (1.3, 0.25),
    "Breast Left": (0.6, 0.3),
    "Spinal Canal": (1.6, 0.15),
    "Adrenal Gland Left": (1.4, 0.2),
    "Thyroid Left": (1.3, 0.2),
    "Thymus": (0.9, 0.2),
    "Eyeball Left": (0.8, 0.2),
    "Cheek Left": (1.1, 0.25),
    "Nasal Cavity": (1.4, 0.25),
    "Trachea": (0.5, 0.2),
    "Bronchus": (0.5, 0.2),
    "Heart Tissue": (0.8, 0.15),
    "Skull": (0.8, 0.2),
    "Femur Left": (0.5, 0.25),
    "Humerus Left": (0.5, 0.25),
    "Rib Cartilage": (0.5, 0.2),
}
_SUV_BY_GROUP = {"Musculature": (0.7, 0.15), "Respiratory": (0.5, 0.15), "Bones": (0.75, 0.1), "Ribs": (0.8, 0.1)}
_OTHER_SUV = (1.0, 0.2)
_VERTEBRA_SUV = 1.3

_LIVER_SUV, _LIVER_DEVIATION, _LIVER_LIMITS = 2.3, 0.34, (1.4, 3.4)
_BLOOD_OF_LIVER, _SPLEEN_OF_LIVER = 0.7, 0.85
_USUAL_KG, _BY_WEIGHT = 74.0, 0.35  # Z, softened: the patient's fat holds little
_GREY_SUV, _WHITE_OF_GREY = (9.0, 0.2, 6.0, 14.0), (0.32, 0.45)  # W has 8.0 +- 2.2 in the cerebellum
_HEART_KINDS = ("suppressed", "patchy", "even")
_HEART_SHARES = (0.34, 0.33, 0.33)  # K, between those after 4 to 6 hours and after a night without food
_BOWEL_KINDS, _BOWEL_SHARES = ("quiet", "patchy", "intense"), (0.6, 0.3, 0.1)
_TESTES_SUV, _TONSILS_SUV, _SUBLINGUAL_SUV = (2.57, 0.56), (3.45, 1.4), (3.3, 1.5)  # W
_OVARY_SHARE, _OVARY_SUV = 0.19, (5.7, 1.5)  # L: 21 of 112 women before the menopause
_ENDOMETRIUM_SUV = {True: (3.3, 1.4), False: (1.7, 0.5)}  # L: before the menopause, its four phases as one; after it
_MENOPAUSE_YEARS = 51
_BROWN_FAT_SHARE = {"F": 0.075, "M": 0.031}  # C
_EXERCISED = ("Gluteus Maximus", "Gluteus Medius", "Iliopsoas", "Autochthon", "Cheek")


@dataclass(frozen=True)
class Uptake:
    """One patient's physiology: SUV of what is uneven within a structure or seen in some patients only.

    `table` has the SUV of each DAP id, and 0 for the background.
    """

    table: npt.NDArray[np.float32]
    liver: float
    grey: float
    white: float
    heart: str
    bowel: str
    bowel_peak: float
    renal_pelvis: float
    ureter: float
    endometrium: float
    ovary: float
    tonsils: float
    sublingual: float
    vocal_cords: float
    brown_fat: float


def draw_uptake(plan: BodyPlan, rng: np.random.Generator) -> Uptake:
    """This patient's physiology: 0 stands for a finding that the patient does not have."""
    habitus = (plan.weight_kg / _USUAL_KG) ** _BY_WEIGHT
    liver = habitus * _bell(rng, _LIVER_SUV, _LIVER_DEVIATION, *_LIVER_LIMITS)
    grey = _around(rng, *_GREY_SUV)
    heart = _HEART_KINDS[int(rng.choice(3, p=_HEART_SHARES))]
    bowel = _BOWEL_KINDS[int(rng.choice(3, p=_BOWEL_SHARES))]
    fertile = plan.female and plan.age_years < _MENOPAUSE_YEARS
    table = _table(habitus, rng)
    _put_organs(table, plan, liver, heart, rng)
    return Uptake(
        table=table,
        liver=liver,
        grey=grey,
        white=grey * float(rng.uniform(*_WHITE_OF_GREY)),
        heart=heart,
        bowel=bowel,
        bowel_peak={"quiet": 1.8, "patchy": 4.0, "intense": 8.0}[bowel] * float(rng.uniform(0.7, 1.5)),
        renal_pelvis=_level(rng, 4.0, 25.0),
        ureter=_level(rng, 3.0, 20.0) if rng.random() < 0.6 else 0.0,
        endometrium=_bell(rng, *_ENDOMETRIUM_SUV[fertile], 1.0, 8.0),
        ovary=_bell(rng, *_OVARY_SUV, 3.0, 9.0) if fertile and rng.random() < _OVARY_SHARE else 0.0,
        tonsils=_bell(rng, *_TONSILS_SUV, 1.5, 7.0),
        sublingual=_bell(rng, *_SUBLINGUAL_SUV, 1.2, 7.0),
        vocal_cords=_level(rng, 2.5, 6.0) if rng.random() < 0.35 else 0.0,
        brown_fat=_level(rng, 3.0, 14.0) if rng.random() < _brown_fat_share(plan) else 0.0,
    )


def _table(habitus: float, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """SUV by DAP id of tissues that need no special word; both sides of a pair have the same."""
    table = np.zeros(256, dtype=np.float32)
    marrow = _around(rng, 1.0, 0.15, 0.6, 1.6) * (float(rng.uniform(1.7, 2.6)) if rng.random() < 0.06 else 1.0)
    for label in structures():
        mean, deviation = _usual(label)
        first = label.partner is None or label.id < label.partner
        drawn = _around(rng, mean, deviation, 0.0, math.inf) * habitus if first else float(table[label.partner or 0])
        table[label.id] = drawn
    for label in structures():
        if label.group == "Vertebras":
            table[label.id] = _VERTEBRA_SUV * habitus * marrow
        elif label.group in ("Ribs", "Bones") and label.name != "Rib Cartilage":
            table[label.id] *= marrow
    table[id_of("Unknown Tissue")] = _SUV_BY_NAME["Unknown Tissue"][0] * habitus
    return table


def _usual(label: Label) -> tuple[float, float]:
    """Mean and deviation; pairs stand in the table under their left name."""
    partner = label_by_id(label.partner).name if label.partner else label.name
    for name in (label.name, partner):
        if name in _SUV_BY_NAME:
            return _SUV_BY_NAME[name]
    return _SUV_BY_GROUP.get(label.group, _OTHER_SUV)


def _put_organs(
    table: npt.NDArray[np.float32], plan: BodyPlan, liver: float, heart: str, rng: np.random.Generator
) -> None:
    blood = liver * _around(rng, _BLOOD_OF_LIVER, 0.08, 0.5, 0.9)
    for label in structures():
        if (label.group == "Cardiovascular" and label.name != "Heart Tissue") or label.name == "Pulmonary Artery":
            table[label.id] = blood
    myocardium = blood * float(rng.uniform(0.9, 1.3)) if heart == "suppressed" else _level(rng, 3.0, 13.0)
    kidney = liver * _around(rng, 1.1, 0.15, 0.7, 1.7)
    own = {
        "Liver": liver,
        "Spleen": liver * _around(rng, _SPLEEN_OF_LIVER, 0.1, 0.6, 1.1),
        "Heart Myocardium": myocardium,
        "Heart": blood + 0.15 * max(myocardium - blood, 0.0),
        "Kidney Left": kidney,
        "Kidney Right": kidney,
        "Bladder": _level(rng, 5.0, 40.0),
        "Gonads": 1.4 if plan.female else _bell(rng, *_TESTES_SUV, 1.2, 4.5),
    }
    if rng.random() < 0.05:
        own |= dict.fromkeys(("Thyroid Left", "Thyroid Right"), _level(rng, 3.0, 8.0))
    if plan.age_years < 32:
        own["Thymus"] = _level(rng, 1.2, 3.0)
    if rng.random() < 0.14:
        muscle = _EXERCISED[int(rng.integers(len(_EXERCISED)))]
        own |= dict.fromkeys((f"{muscle} Left", f"{muscle} Right"), _level(rng, 1.6, 4.0))
    for name, suv in own.items():
        table[id_of(name)] = suv


def _brown_fat_share(plan: BodyPlan) -> float:
    """How probable active brown fat is: women and the young have it more often."""
    return _BROWN_FAT_SHARE[plan.sex] * (2.0 if plan.age_years < 45 else 0.6)


def _around(rng: np.random.Generator, median: float, log_deviation: float, low: float, high: float) -> float:
    return min(max(median * math.exp(log_deviation * float(rng.standard_normal())), low), high)


def _bell(rng: np.random.Generator, mean: float, deviation: float, low: float, high: float) -> float:
    return min(max(mean + deviation * float(rng.standard_normal()), low), high)


def _level(rng: np.random.Generator, low: float, high: float) -> float:
    """Between two limits, so that the logarithm is spread evenly."""
    return math.exp(float(rng.uniform(math.log(low), math.log(high))))
