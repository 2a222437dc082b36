"""Lesions and regions as label maps, for display: the components of a reference, and the partition they span."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from AnatomyGuidedLib.grid import Labelmap
from AnatomyGuidedLib.segments import Segment

from CCMetricsLib.colors import score_color
from CCMetricsLib.components import Components, connected_components, instance_components
from CCMetricsLib.evaluate import FOREGROUND, ComponentScore, Evaluation, EvaluationParameters
from CCMetricsLib.partition import Partition, Spacing

_HUES = 0.618033988749895  # the golden section: neighbouring numbers get hues far apart


def dice_of(lesion: ComponentScore) -> float | None:
    """The lesion's Dice; none where it is undefined or was not asked for."""
    return lesion.scores["dice"].value if "dice" in lesion.scores else None


def of_class(labelmap: Labelmap, class_name: str) -> Labelmap:
    """The label map with the values of one class alone; all of them for the class "foreground"."""
    if class_name == FOREGROUND:
        return labelmap
    return Labelmap(np.where(labelmap.values == int(class_name), labelmap.values, 0), labelmap.grid)


def lesion_components(reference: Labelmap, parameters: EvaluationParameters) -> Components:
    """The lesions that `evaluate` scores, with the same numbers; every value above 0 is foreground."""
    if parameters.instances in ("reference", "both"):
        return instance_components(reference.values)
    return connected_components(reference.values, connectivity=parameters.connectivity)


def partition_spacing(reference: Labelmap, parameters: EvaluationParameters) -> Spacing:
    """What the partition measures in: the voxels' size in mm, or 1 for the thesis's voxels."""
    return reference.grid.spacing_mm if parameters.distance == "mm" else (1.0, 1.0, 1.0)


def lesion_map(reference: Labelmap, parameters: EvaluationParameters) -> Labelmap:
    """Each lesion's number at its voxels, 0 elsewhere."""
    components = lesion_components(reference, parameters)
    values = np.zeros(components.shape, np.min_scalar_type(int(components.ids.max(initial=0))), order="F")
    values[tuple(components.voxels_ijk.T)] = components.ids[components.numbers - 1]
    return Labelmap(values, reference.grid)


def region_map(reference: Labelmap, parameters: EvaluationParameters) -> Labelmap:
    """At every voxel the number of the lesion whose region it lies in; 0 only where there is no lesion at all.

    >>> from AnatomyGuidedLib.grid import Grid
    >>> ends = Labelmap(np.array([1, 0, 0, 0, 1], np.uint8).reshape(5, 1, 1), Grid((5, 1, 1), np.eye(4)))
    >>> region_map(ends, EvaluationParameters()).values.ravel().tolist()
    [1, 1, 1, 2, 2]
    """
    partition = Partition(lesion_components(reference, parameters), partition_spacing(reference, parameters))
    return Labelmap(partition.dense(), reference.grid)


def scored_lesions(reference: Labelmap, evaluation: Evaluation) -> tuple[Labelmap, list[Segment]]:
    """The evaluated lesions and a segment each, named by number and Dice and coloured by it, from red to green.

    Of one class they have their own numbers; of several they are numbered on, class by class.
    """
    if len(evaluation.classes) == 1:
        (one,) = evaluation.classes
        lesions = lesion_map(of_class(reference, one.name), evaluation.parameters)
        return lesions, [_scored(lesion.component, lesion) for lesion in one.components]
    values = np.zeros(reference.grid.shape, np.min_scalar_type(len(evaluation.components)), order="F")
    before = 0
    for of_one in evaluation.classes:
        components = lesion_components(of_class(reference, of_one.name), evaluation.parameters)
        values[tuple(components.voxels_ijk.T)] = components.numbers + before
        before += components.count
    segments = [_scored(number, lesion) for number, lesion in enumerate(evaluation.components, start=1)]
    return Labelmap(values, reference.grid), segments


def title_of(lesion: ComponentScore) -> str:
    """What people call the lesion: its number, and its class where classes were named."""
    if lesion.class_name == FOREGROUND:
        return f"Lesion {lesion.component}"
    return f"Class {lesion.class_name}, lesion {lesion.component}"


def _scored(number: int, lesion: ComponentScore) -> Segment:
    return Segment(number, _told(lesion), score_color(dice_of(lesion)))


def region_segments(lesions: Sequence[ComponentScore]) -> list[Segment]:
    """A segment a region, each in a colour unlike that of the numbers next to it."""
    return [Segment(lesion.component, f"Region {lesion.component}", _hue(lesion.component)) for lesion in lesions]


def _told(lesion: ComponentScore) -> str:
    if lesion.missed:
        return f"{title_of(lesion)}: missed"
    dice = dice_of(lesion)
    return f"{title_of(lesion)}: Dice " + ("undefined" if dice is None else f"{dice:.2f}")


def _hue(number: int) -> tuple[int, int, int]:
    """A bright colour by a position on the colour circle."""
    sixth = number * _HUES % 1 * 6
    red, green, blue = (
        round(90 + 150 * min(1.0, max(0.0, level)))
        for level in (abs(sixth - 3) - 1, 2 - abs(sixth - 2), 2 - abs(sixth - 4))
    )
    return red, green, blue
