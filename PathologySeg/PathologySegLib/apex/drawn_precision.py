"""How sure an mAP is: AP of films drawn anew, body by body, as pycocotools would have it for those very films."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from PathologySegLib.apex.average_precision import Mask, judged_by_coco
from PathologySegLib.apex.instances import Instance
from PathologySegLib.apex.intervals import LEVEL, SEED, Interval

RESAMPLES = 2_000
_RECALLS = np.linspace(0.0, 1.0, 101)  # COCO's
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Matches:
    """Of one category the found instances of all films, the surest first, and how many a film wants.

    `film` is whose each found one is; `right` (10, found) whether it is one of the wanted, at IoU 0.5 to 0.95.
    """

    film: npt.NDArray[np.intp]
    right: npt.NDArray[np.bool_]
    wanted: npt.NDArray[np.intp]

    def precision(self, times: npt.NDArray[np.integer]) -> float:
        """AP of the films, each taken so many times; nan where none of them wants the category.

        >>> one = Matches(np.array([0, 1]), np.repeat([[True, False]], 10, 0), np.array([1, 0]))
        >>> one.precision(np.array([1, 1])), one.precision(np.array([0, 3]))
        (1.0, nan)
        """
        wanted = int(self.wanted @ times)
        if not wanted:
            return float("nan")
        if not len(self.film):
            return 0.0
        counted = times[self.film]
        hits = np.cumsum(self.right * counted, axis=1)
        found = np.maximum(np.cumsum(counted), 1)
        precision = np.maximum.accumulate((hits / found)[:, ::-1], axis=1)[:, ::-1]
        padded = np.pad(precision, ((0, 0), (0, 1)))  # recalls that are never reached
        places = [np.searchsorted(row, _RECALLS) for row in hits / wanted]
        return float(np.mean([row[place] for row, place in zip(padded, places, strict=True)]))


def matches_of(
    references: Sequence[Sequence[tuple[int, Mask]]], predictions: Sequence[Sequence[Instance]], categories: int
) -> dict[int, Matches]:
    """By category that occurs in the references, which of the found instances are right, as pycocotools pairs them.

    Raises:
        AnatomyGuidedError: pycocotools is missing.
        ValueError: There are not as many films.
    """
    judged, films = judged_by_coco(references, predictions, categories), len(references)
    found = {}
    for category in sorted({category for own in references for category, _ in own}):
        wanted = np.array([sum(one == category for one, _ in own) for own in references])
        first = 0 if judged is None else category * len(judged.params.areaRng) * films  # all areas come first
        images = [] if judged is None else judged.evalImgs[first : first + films]
        found[category] = _joined(images, wanted)
    return found


def drawn_precisions(
    matches: Mapping[int, Matches], bodies: Sequence[int], *, resamples: int = RESAMPLES
) -> dict[int, Floats]:
    """By category its AP of all films first, then of as many bodies drawn with replacement, the same for each call.

    `bodies` is how many films each body has, in the films' order.
    """
    rng = np.random.default_rng(SEED)
    whose = np.repeat(np.arange(len(bodies)), bodies)
    draws = [np.ones(len(bodies), np.intp)]
    draws += [np.bincount(rng.integers(len(bodies), size=len(bodies)), minlength=len(bodies)) for _ in range(resamples)]
    return {category: np.array([own.precision(times[whose]) for times in draws]) for category, own in matches.items()}


def mean_of_categories(drawn: Mapping[int, Floats]) -> Floats:
    """mAP: the mean over the categories that the films drawn show."""
    return np.asarray(np.nanmean(np.stack(list(drawn.values())), axis=0))


def interval_of(drawn: Floats) -> Interval:
    """The value of all films, which comes first, and the percentile interval of those drawn.

    >>> interval_of(np.array([0.5, 0.2, 0.2, 0.8, 0.8]))
    {'mean': 0.5, 'low': 0.2, 'high': 0.8}
    """
    low, high = np.nanquantile(drawn[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"mean": round(float(drawn[0]), 4), "low": round(float(low), 4), "high": round(float(high), 4)}


def _joined(images: Sequence[object], wanted: npt.NDArray[np.intp]) -> Matches:
    """One list of all films' instances; of equal scores the earlier film's comes first, as in pycocotools."""
    kept = [(film, image) for film, image in enumerate(images) if isinstance(image, dict)]
    if not kept:
        return Matches(np.zeros(0, np.intp), np.zeros((10, 0), np.bool_), wanted)
    scores = np.concatenate([image["dtScores"] for _, image in kept])
    film = np.concatenate([np.full(len(image["dtScores"]), film) for film, image in kept])
    right = np.concatenate([image["dtMatches"] > 0 for _, image in kept], axis=1)
    order = np.argsort(-scores, kind="stable")
    return Matches(film[order], right[:, order], wanted)
