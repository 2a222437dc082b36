"""The options that say how to evaluate, the same for one case and for a cohort."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeVar, get_args

from AnatomyGuidedLib.errors import UsageError

from CCMetricsLib.components import Connectivity
from CCMetricsLib.lesion_dice import BRATS_2023
from CCMetricsLib.parameters import ALL_METRICS, Distance, EvaluationParameters, Instances
from CCMetricsLib.policies import EmptyPolicy, Worst
from CCMetricsLib.surfaces import SurfaceKind

T = TypeVar("T")


_POLICY = EmptyPolicy()
_EMPTY = (
    ("both-empty", _POLICY.both_empty, "neither side has a voxel"),
    ("no-reference", _POLICY.no_reference, "only the prediction has voxels"),
    ("no-prediction", _POLICY.no_prediction, "only the reference has voxels"),
    ("empty-region", _POLICY.empty_region, "nothing is predicted in a lesion's region"),
)


def add_metric_options(parser: argparse.ArgumentParser) -> None:
    """Nothing; the parser knows the options that `parameters_from` reads."""
    defaults = EvaluationParameters()
    group = parser.add_argument_group("how to evaluate")
    group.add_argument(
        "--distance",
        choices=get_args(Distance),
        default=defaults.distance,
        help="what 'nearest lesion' is measured in; metrics are always in mm (default: %(default)s)",
    )
    group.add_argument(
        "--connectivity",
        type=int,
        choices=get_args(Connectivity),
        default=defaults.connectivity,
        help="neighbours that join voxels into one lesion: faces, and edges, and corners (default: %(default)s)",
    )
    group.add_argument(
        "--instances",
        choices=get_args(Instances),
        default=defaults.instances,
        help="whose values are the lesions' numbers; none: lesions are connected components (default)",
    )
    group.add_argument(
        "--classes", metavar="LIST", help="values to score as classes, as 1,2,5 (default: all above 0 as one)"
    )
    group.add_argument("--metrics", metavar="LIST", help=f"some of {','.join(ALL_METRICS)} (default: all)")
    group.add_argument(
        "--surface",
        choices=get_args(SurfaceKind),
        default=defaults.surface,
        help="whose definition of surfaces and of HD95 (default: %(default)s)",
    )
    group.add_argument(
        "--tolerance",
        type=millimetres,
        metavar="MM",
        default=defaults.tolerance_mm,
        help="how far surfaces may lie apart in the surface Dice (default: %(default)s)",
    )
    group.add_argument(
        "--boundary",
        type=millimetres,
        metavar="MM",
        default=defaults.boundary_mm,
        help="width of the band that boundary IoU compares (default: %(default)s)",
    )
    group.add_argument(
        "--worst",
        choices=get_args(Worst),
        default=defaults.policy.worst,
        help="distance of a lesion without any prediction: thesis is 50 mm; clamped is the image's diagonal, "
        "which no distance exceeds (default: %(default)s)",
    )
    group.add_argument(
        "--worst-mm", type=millimetres_above_0, metavar="MM", help="another worst distance than that of --worst"
    )
    for option, default, what in _EMPTY:
        group.add_argument(
            f"--{option}",
            type=score_or_none,
            metavar="X",
            default=default,
            help=f"similarity where {what}: 0 to 1, or none for undefined (default: {_told(default)})",
        )
    group.add_argument(
        "--detection-iou",
        type=float,
        metavar="X",
        default=defaults.detection_iou,
        help="a lesion is found by a predicted one with an IoU above this; 0: by any overlap (default: %(default)s)",
    )
    group.add_argument(
        "--inclusion",
        type=float,
        metavar="X",
        default=defaults.inclusion,
        help="ccDice: the share of a component that must lie in its partner (default: %(default)s)",
    )
    group.add_argument(
        "--lesion-dice",
        choices=sorted(BRATS_2023),
        default="MET",
        help="lesion Dice: dilation and sizes as BraTS 2023 chose them for a task (default: %(default)s)",
    )


def parameters_from(arguments: argparse.Namespace) -> EvaluationParameters:
    """The parameters that the options stand for.

    Raises:
        UsageError: A list names something unknown, or options contradict each other.
    """
    return EvaluationParameters(
        distance=arguments.distance,
        connectivity=arguments.connectivity,
        instances=arguments.instances,
        policy=EmptyPolicy(
            worst=arguments.worst,
            worst_mm=arguments.worst_mm,
            **{option.replace("-", "_"): getattr(arguments, option.replace("-", "_")) for option, _, _ in _EMPTY},
        ),
        metrics=_listed(arguments.metrics, str) if arguments.metrics is not None else ALL_METRICS,
        classes=_listed(arguments.classes, _whole_number) if arguments.classes is not None else (),
        surface=arguments.surface,
        tolerance_mm=arguments.tolerance,
        boundary_mm=arguments.boundary,
        detection_iou=arguments.detection_iou,
        inclusion=arguments.inclusion,
        lesion_dice=BRATS_2023[arguments.lesion_dice],
    )


def _listed(text: str, read: Callable[[str], T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(read(word.strip()) for word in text.split(",")))


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"The option classes must list whole numbers as 1,2,5, but has {text!r}.") from None


def score_or_none(text: str) -> float | None:
    """A similarity, or the word none."""
    if text == "none":
        return None
    if not 0 <= float(text) <= 1:
        raise ValueError
    return float(text)


def _told(score: float | None) -> str:
    return "none" if score is None else f"{score:g}"


def millimetres(text: str) -> float:
    """A length of 0 or more; argparse tells the user about the rest."""
    value = float(text)
    if not 0 <= value < float("inf"):
        raise ValueError
    return value


def millimetres_above_0(text: str) -> float:
    """A length above 0."""
    if not millimetres(text):
        raise ValueError
    return float(text)
