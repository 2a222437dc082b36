"""Do lesions' queries attend to where the lesions are? Share of lesions whose own or nearest structure is in the top.

The control deals the anatomy queries' meanings out anew among them, slice by slice: what then still is in the top five
is there by chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.components import connected_components
from AnatomyGuidedLib.progress import CancelCheck, never_cancelled, stop_if

from PathologySegLib.apex.anatomy_classes import AnatomyClasses
from PathologySegLib.apex.attention import TOP, SliceAttention, attention_by_lesion, most_attended, slice_attentions
from PathologySegLib.apex.evaluation import THRESHOLD, answered, batches, images_of
from PathologySegLib.apex.intervals import mean_difference
from PathologySegLib.apex.near_structures import own_or_nearest
from PathologySegLib.apex.segmenter import Segmenter
from PathologySegLib.apex.slices import PatientSlices

COLUMNS = ("case", "lesion", "voxels", "is_lesion", "near", "attended", "shares", "hit", "hit_permuted")
PERMUTATIONS = 20


def attention_rows(
    segmenter: Segmenter,
    patient: PatientSlices,
    classes: AnatomyClasses,
    *,
    threshold: float = THRESHOLD,
    cancelled: CancelCheck = never_cancelled,
) -> list[dict[str, object]]:
    """A row a predicted lesion: what lies near it, what its queries attended to, whether that is in the top five.

    `hit_permuted` is the share of permutations for which it is.
    """
    mask, told, controls = _read(segmenter, patient, classes, threshold, cancelled)
    lesions = connected_components(mask)
    anatomy = classes.of(patient.anatomy)
    attended = attention_by_lesion(lesions, told)
    dealt = [attention_by_lesion(lesions, control) for control in controls]
    rows: list[dict[str, object]] = []
    for number in range(1, int(lesions.max()) + 1):
        lesion = lesions == number
        near = {classes.name(place) for place in own_or_nearest(lesion, anatomy, classes.tissues)}
        top = most_attended(attended[number], classes.names)
        rows.append(
            {
                "case": patient.name,
                "lesion": number,
                "voxels": int(lesion.sum()),
                "is_lesion": bool((patient.lesions[lesion] > 0).any()),
                "near": "; ".join(sorted(near)),
                "attended": "; ".join(name for name, _ in top),
                "shares": "; ".join(f"{share:.3f}" for _, share in top),
                "hit": _is_hit(attended[number], classes, near),
                "hit_permuted": float(np.mean([_is_hit(control[number], classes, near) for control in dealt])),
            }
        )
    return rows


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, object]:
    """The share of lesions with a hit, that by chance, and their difference with its interval over lesions."""
    if not rows:
        return {"lesions": 0}
    hits, chances = ([float(row[name]) for row in rows] for name in ("hit", "hit_permuted"))
    return {
        "lesions": len(rows),
        "top": TOP,
        "share": round(float(np.mean(hits)), 4),
        "share_permuted": round(float(np.mean(chances)), 4),
        "difference": mean_difference(hits, chances),
    }


def attended_segments(
    anatomy: npt.NDArray[np.uint8], lesion: npt.NDArray[np.bool_], top: Sequence[str], classes: AnatomyClasses
) -> npt.NDArray[np.uint8]:
    """The attended structures as 1, 2, ... in their order, the lesion as one more, 0 elsewhere (as in Figure 24).

    >>> classes = AnatomyClasses(("Liver", "Aorta"), (0,))
    >>> anatomy, lesion = np.array([1, 2, 0, 2], np.uint8), np.array([0, 0, 1, 1], bool)
    >>> attended_segments(anatomy, lesion, ["Aorta"], classes).tolist()
    [0, 1, 2, 2]
    """
    shown = np.zeros_like(anatomy)
    for place, name in enumerate(top, start=1):
        shown[anatomy == classes.names.index(name) + 1] = place
    shown[lesion] = len(top) + 1
    return shown


def _is_hit(shares: npt.NDArray[np.float64], classes: AnatomyClasses, near: set[str]) -> bool:
    return bool(near & {name for name, _ in most_attended(shares, classes.names)})


def _read(
    segmenter: Segmenter,
    patient: PatientSlices,
    classes: AnatomyClasses,
    threshold: float,
    cancelled: CancelCheck,
) -> tuple[npt.NDArray[np.bool_], dict[int, SliceAttention], list[dict[int, SliceAttention]]]:
    """Where lesions were found; by slice with any what was attended to; the same for each permutation."""
    mask: npt.NDArray[np.bool_] = np.zeros(patient.lesions.shape, dtype=np.bool_)
    told: dict[int, SliceAttention] = {}
    controls: list[dict[int, SliceAttention]] = [{} for _ in range(PERMUTATIONS)]
    size = (mask.shape[1], mask.shape[2])
    for places in batches(len(mask)):
        stop_if(cancelled)
        answer = answered(segmenter, images_of(patient, places, classes, anatomy_input=False))
        mask[places] = (segmenter.chances(answer, size).amax(1) >= threshold).cpu().numpy()
        if not mask[places].any():
            continue
        told |= dict(zip(places, slice_attentions(answer, size), strict=True))
        for number, control in enumerate(controls):
            rng = np.random.default_rng([number, places[0]])
            control |= dict(zip(places, slice_attentions(answer, size, rng=rng), strict=True))
    return mask, told, controls
