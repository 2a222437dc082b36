"""What an evaluation finds: the scores of one case, of its classes and of their lesions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from CCMetricsLib.metrics import Score, mean_over_components
from CCMetricsLib.parameters import EvaluationParameters

FOREGROUND = "foreground"
_VOLUMES = ("volume_difference_ml", "fpv_ml", "fnv_ml")


@dataclass(frozen=True)
class ComponentScore:
    """One lesion of the reference, scored inside its region.

    A lesion is missed if no predicted voxel lies on it. `fp_volume_ml` is the volume predicted in the region outside of
    the reference. `hd_from_fp` says whether the Hausdorff distance is that of a predicted lesion which touches no
    lesion of the reference. The structure is known with an atlas: the DAP id, its name, and the distance (0 within).
    """

    class_name: str
    component: int
    volume_ml: float
    centroid_ras_mm: tuple[float, float, float]
    missed: bool
    scores: Mapping[str, Score]
    fp_volume_ml: float
    hd_from_fp: bool | None = None
    structure: int | None = None
    structure_name: str = ""
    structure_distance_mm: float | None = None

    @property
    def dice(self) -> Score:
        """The Dice score in the lesion's region."""
        return self.scores["dice"]

    @property
    def iou(self) -> Score:
        """The IoU in the lesion's region."""
        return self.scores["iou"]


@dataclass(frozen=True)
class ClassEvaluation:
    """The scores of one class: `scores` by the metric's name, and by "cc_" and its name the mean over components.

    Metrics from `RIVALS` have no mean over components.
    """

    name: str
    scores: Mapping[str, Score]
    reference_volume_ml: float
    prediction_volume_ml: float
    fp_volume_ml: float
    fn_volume_ml: float
    components: tuple[ComponentScore, ...]

    @property
    def missed(self) -> int:
        """How many lesions of the reference no predicted voxel lies on."""
        return sum(component.missed for component in self.components)


@dataclass(frozen=True)
class Evaluation:
    """The scores of one case; `worst_mm` is the distance that stands for "not found" in it.

    With several classes a score is the mean over those that have one; volumes, their difference and counts are sums.
    """

    case: str
    parameters: EvaluationParameters
    worst_mm: float
    has_anatomy: bool
    classes: tuple[ClassEvaluation, ...]

    @property
    def scores(self) -> dict[str, Score]:
        """Every score by its name."""
        first = self.classes[0].scores
        if len(self.classes) == 1:
            return dict(first)
        return {name: _joined(name, [of_one.scores[name] for of_one in self.classes]) for name in first}

    @property
    def components(self) -> tuple[ComponentScore, ...]:
        """The lesions of all classes, class by class."""
        return tuple(component for of_one in self.classes for component in of_one.components)

    @property
    def missed(self) -> int:
        """How many lesions of the reference no predicted voxel lies on."""
        return sum(of_one.missed for of_one in self.classes)

    @property
    def dice(self) -> Score:
        """The global Dice score."""
        return self.scores["dice"]

    @property
    def iou(self) -> Score:
        """The global IoU."""
        return self.scores["iou"]

    @property
    def cc_dice(self) -> Score:
        """The mean Dice score over lesions."""
        return self.scores["cc_dice"]

    @property
    def cc_iou(self) -> Score:
        """The mean IoU over lesions."""
        return self.scores["cc_iou"]

    @property
    def reference_volume_ml(self) -> float:
        """The volume of the reference."""
        return sum(of_one.reference_volume_ml for of_one in self.classes)

    @property
    def prediction_volume_ml(self) -> float:
        """The volume of the prediction."""
        return sum(of_one.prediction_volume_ml for of_one in self.classes)

    @property
    def fp_volume_ml(self) -> float:
        """The volume of the prediction outside of the reference."""
        return sum(of_one.fp_volume_ml for of_one in self.classes)

    @property
    def fn_volume_ml(self) -> float:
        """The volume of the reference outside of the prediction."""
        return sum(of_one.fn_volume_ml for of_one in self.classes)


def _joined(name: str, of_classes: Sequence[Score]) -> Score:
    """One score of several classes: volumes add up, all others are averaged."""
    values = [score.value for score in of_classes if score.value is not None]
    if name in _VOLUMES and values:
        return Score(sum(values))
    return mean_over_components(of_classes)
