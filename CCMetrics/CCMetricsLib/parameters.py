"""What an evaluation is asked for, the same from a panel, a console and the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from AnatomyGuidedLib.errors import UsageError

from CCMetricsLib.components import Connectivity
from CCMetricsLib.lesion_dice import LesionDiceParameters
from CCMetricsLib.metrics import METRICS
from CCMetricsLib.policies import EmptyPolicy
from CCMetricsLib.rivals import RIVALS, RivalParameters
from CCMetricsLib.surfaces import SurfaceKind

Distance = Literal["mm", "voxels"]
Instances = Literal["none", "reference", "prediction", "both"]
ALL_METRICS = (*METRICS, *RIVALS)


@dataclass(frozen=True)
class EvaluationParameters:
    """How lesions are told apart, which voxels belong to which, and what is measured.

    distance: what the partition measures in; the thesis uses voxels. Metrics are always in mm.
    connectivity: the neighbours that join two voxels into one lesion.
    instances: whose values are the lesions' numbers; otherwise lesions are connected components of all values above 0.
    policy: the scores where there is nothing to compare.
    metrics: names from `METRICS`, computed for the whole and each lesion, and from `RIVALS`, computed for the whole.
    classes: the values that are scored, each as a class of its own; without any, every value above 0 is one class.
    surface: whose definition of a surface the distances use.
    tolerance_mm: how far surfaces may lie apart and still agree, in the surface Dice.
    boundary_mm: the width of the band that boundary IoU compares.
    detection_iou, inclusion, lesion_dice: what the rivals leave open; `RivalParameters` says what they mean.

    Raises:
        UsageError: A value is none of those that the field knows, or two fields contradict each other.
    """

    distance: Distance = "mm"
    connectivity: Connectivity = 26
    instances: Instances = "none"
    policy: EmptyPolicy = field(default_factory=EmptyPolicy)
    metrics: tuple[str, ...] = ALL_METRICS
    classes: tuple[int, ...] = ()
    surface: SurfaceKind = "monai"
    tolerance_mm: float = 2.0
    boundary_mm: float = 2.0
    detection_iou: float = 0.0
    inclusion: float = 0.5
    lesion_dice: LesionDiceParameters = field(default_factory=LesionDiceParameters)

    @classmethod
    def from_mapping(cls, settings: Mapping[str, Any]) -> EvaluationParameters:
        """The parameters that `dataclasses.asdict` made these settings from, also after a way through JSON.

        >>> EvaluationParameters.from_mapping({"metrics": ["dice"], "policy": {"worst": "clamped"}}).policy.worst
        'clamped'
        """
        fields: dict[str, Any] = {}
        for name, value in settings.items():
            if name in ("policy", "lesion_dice"):
                kind = EmptyPolicy if name == "policy" else LesionDiceParameters
                fields[name] = kind(**value)
            else:
                fields[name] = tuple(value) if isinstance(value, list) else value
        return cls(**fields)

    def __post_init__(self) -> None:
        for name, known in (
            ("distance", get_args(Distance)),
            ("connectivity", get_args(Connectivity)),
            ("instances", get_args(Instances)),
            ("surface", get_args(SurfaceKind)),
        ):
            _require_known(name, [getattr(self, name)], known)
        _require_known("metrics", self.metrics, ALL_METRICS)
        for name in ("tolerance_mm", "boundary_mm"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= 0):
                raise UsageError(f"The option {name} must be a number of mm, 0 or more, but is {value}.")
        self._require_classes()
        if not self.metrics:
            raise UsageError("The option metrics must name one metric at least.")
        self.rival_parameters()

    @property
    def lesion_metrics(self) -> tuple[str, ...]:
        """The metrics of the whole image and of each lesion."""
        return tuple(name for name in self.metrics if name in METRICS)

    @property
    def rival_metrics(self) -> tuple[str, ...]:
        """The metrics of the whole image alone."""
        return tuple(name for name in self.metrics if name in RIVALS)

    def rival_parameters(self) -> RivalParameters:
        """How the rivals count, with the same lesions and policies.

        Raises:
            UsageError: A value is none of those that they know.
        """
        return RivalParameters(
            connectivity=self.connectivity,
            instances=self.instances,
            detection_iou=self.detection_iou,
            inclusion=self.inclusion,
            lesion_dice=self.lesion_dice,
            policy=self.policy,
        )

    def _require_classes(self) -> None:
        if any(value < 1 for value in self.classes) or len(set(self.classes)) < len(self.classes):
            raise UsageError(f"The option classes must name each value above 0 once, but is {self.classes}.")
        if self.classes and self.instances != "none":
            raise UsageError("Values are either classes or the lesions' numbers; choose classes or instances.")


def _require_known(name: str, values: tuple[object, ...] | list[object], known: tuple[object, ...]) -> None:
    for value in values:
        if value not in known:
            raise UsageError(f"The option {name} must be one of {', '.join(map(str, known))}, but is {value!r}.")
