"""APEx on chest films: findings as instances beside the shadows of anatomy, and their AP (thesis, Table 12)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.phantom.xray_findings import CATEGORIES

from PathologySegLib.apex.attention import query_shares
from PathologySegLib.apex.average_precision import average_precisions, mean_average_precision
from PathologySegLib.apex.evaluation import THRESHOLD, answered
from PathologySegLib.apex.film import Film
from PathologySegLib.apex.film_source import FilmSource, in_three
from PathologySegLib.apex.instances import Instance, instances_of
from PathologySegLib.apex.paxray import film_classes
from PathologySegLib.apex.recipe import ApexRecipe
from PathologySegLib.apex.segmenter import Classes, Segmenter, semantic_chances

CATEGORY_COUNT = len(CATEGORIES)


def film_counts(recipe: ApexRecipe) -> Classes:
    """Classes and layers: anatomy's each in a layer of its own, ChestX-Det's 13 in those of the findings."""
    names = film_classes(recipe.film_anatomy)
    return Classes(len(names), CATEGORY_COUNT, len(names))


def film_lessons(recipe: ApexRecipe, films: Sequence[Film]) -> tuple[FilmSource, Classes]:
    """What `learn_from` learns from films, and its classes."""
    return FilmSource(films, film_classes(recipe.film_anatomy), recipe.augmentation), film_counts(recipe)


def film_instances(
    segmenter: Segmenter, image: npt.NDArray[np.float32]
) -> tuple[list[Instance], npt.NDArray[np.float32] | None]:
    """The last layer's instances, the surest first; by query the shares of anatomy's classes, where queries attend."""
    answer = answered(segmenter, in_three(image)[None])
    height, width = image.shape
    shares = query_shares(answer)[0].cpu().numpy() if answer.attention else None
    return instances_of(answer.said[-1][-1], (height, width))[0], shares


def film_anatomy(segmenter: Segmenter, image: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Where a network with an anatomy branch sees each class (classes, height, width): a chance of a half or more."""
    answer = answered(segmenter, in_three(image)[None])
    chances = semantic_chances(answer.said[0][-1], (image.shape[0], image.shape[1]))[0]
    return np.asarray((chances >= THRESHOLD).cpu().numpy())


def films_instances(segmenter: Segmenter, films: Sequence[Film]) -> list[list[Instance]]:
    """By film the instances."""
    return [film_instances(segmenter, film.image)[0] for film in films]


def film_scores(segmenter: Segmenter, films: Sequence[Film]) -> dict[str, float]:
    """mAP, and AP by the name of each category that occurs, of the last layer's instances."""
    predictions = films_instances(segmenter, films)
    found = average_precisions([film.findings for film in films], predictions, CATEGORY_COUNT)
    named = {CATEGORIES[category]: round(value, 4) for category, value in found.items()}
    return {"map": round(mean_average_precision(found), 4), **named}
