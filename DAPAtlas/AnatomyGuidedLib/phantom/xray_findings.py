"""The 13 abnormalities of ChestX-Det, put into the thorax before it is filmed.

ChestX-Det labels instances of 13 categories on chest films (Lian et al. 2021, A Structure-Aware Relation Network for
Thoracic Diseases Detection and Segmentation, IEEE TMI 40:2042-2052, arXiv 2104.10326).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.phantom.xray_change import Change
from AnatomyGuidedLib.phantom.xray_chest import Chest
from AnatomyGuidedLib.phantom.xray_findings_focal import (
    calcification,
    cardiomegaly,
    consolidation,
    fracture,
    mass,
    nodule,
)
from AnatomyGuidedLib.phantom.xray_findings_lung import atelectasis, diffuse_nodules, emphysema, fibrosis
from AnatomyGuidedLib.phantom.xray_findings_pleura import effusion, pleural_thickening, pneumothorax

Maker = Callable[[Chest, np.random.Generator], Sequence[Change]]

MAKERS: Mapping[str, Maker] = {
    "Atelectasis": atelectasis,
    "Calcification": calcification,
    "Cardiomegaly": cardiomegaly,
    "Consolidation": consolidation,
    "Diffuse Nodule": diffuse_nodules,
    "Effusion": effusion,
    "Emphysema": emphysema,
    "Fibrosis": fibrosis,
    "Fracture": fracture,
    "Mass": mass,
    "Nodule": nodule,
    "Pleural Thickening": pleural_thickening,
    "Pneumothorax": pneumothorax,
}
CATEGORIES = tuple(MAKERS)
_ONE_OF_EACH = (("Diffuse Nodule", "Emphysema", "Fibrosis"), ("Effusion", "Pleural Thickening", "Pneumothorax"))
# What changes shapes comes first, and what fills space last.
_ORDER = ("Cardiomegaly", "Emphysema", "Fibrosis", "Diffuse Nodule", "Atelectasis", "Consolidation", "Mass", "Nodule",
          "Calcification", "Fracture", "Pleural Thickening", "Effusion", "Pneumothorax")  # fmt: skip
_MOST = 3


def draw_categories(count: int | None, rng: np.random.Generator) -> tuple[str, ...]:
    """Different categories that one patient may have together, in the order in which they are put in.

    Raises:
        AnatomyGuidedError: The count is below 0.
    """
    if count is not None and count < 0:
        raise AnatomyGuidedError(f"The number of findings must be 0 or more, but came as {count}.")
    wanted = int(rng.integers(1, _MOST + 1)) if count is None else count
    drawn: list[str] = []
    for index in rng.permutation(len(CATEGORIES)):
        name = CATEGORIES[int(index)]
        excluded = {other for group in _ONE_OF_EACH if name in group for other in group}
        if not excluded & {*drawn} and len(drawn) < wanted:
            drawn.append(name)
    return tuple(sorted(drawn, key=_ORDER.index))


def add_findings(chest: Chest, categories: Sequence[str], rng: np.random.Generator) -> tuple[Change, ...]:
    """What was put into the thorax; categories whose host is missing are left out.

    Raises:
        AnatomyGuidedError: There is no such category.
    """
    unknown = [name for name in categories if name not in MAKERS]
    if unknown:
        raise AnatomyGuidedError(
            f"{', '.join(unknown)} is no finding of a chest X-ray; known are {', '.join(CATEGORIES)}."
        )
    changes: list[Change] = []
    for name in categories:
        changes += MAKERS[name](chest, np.random.default_rng(int(rng.integers(2**63))))
    return tuple(change for change in changes if change.where.any())
