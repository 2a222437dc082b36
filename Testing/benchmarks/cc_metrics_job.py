"""One evaluation in a process of its own: CPU time and extra peak memory of the call, as one JSON line.

python cc_metrics_job.py JOB REFERENCE.npy PREDICTION.npy

The packages are imported and tried on a tiny case first, so that neither import nor warm-up is counted. Each job takes
the arrays in the form that its package asks for; making that form is counted, since no call goes without it.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

SPACING_MM = (2.04, 2.04, 3.0)
TOLERANCE_MM = 2.0
Call = Callable[[np.ndarray, np.ndarray], dict[str, float]]


def ours(metrics: tuple[str, ...], surface: str = "monai", instances: str = "none") -> Call:
    """AnatomyGuided's `evaluate`, for the metrics of the whole and of every lesion in one call."""
    from AnatomyGuidedLib.grid import Grid, Labelmap
    from CCMetricsLib.evaluate import EvaluationParameters, evaluate

    def call(reference: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
        grid = Grid(reference.shape, np.diag([*SPACING_MM, 1.0]))
        maps = Labelmap(reference, grid), Labelmap(prediction, grid)
        parameters = EvaluationParameters(
            distance="voxels", metrics=metrics, surface=surface, tolerance_mm=TOLERANCE_MM, instances=instances
        )
        return {name: score.value for name, score in evaluate(*maps, parameters).scores.items()}

    return call


def ours_all() -> Call:
    """Everything that `evaluate` gives by default."""
    from CCMetricsLib.parameters import ALL_METRICS

    return ours(ALL_METRICS)


def ccmetrics(name: str, **options: object) -> Call:
    """CCMetrics 0.0.3, which takes one-hot arrays and one metric a call."""
    import CCMetrics

    def call(reference: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
        metric = getattr(CCMetrics, name)(cc_reduction="patient", **options)
        metric(y_pred=_one_hot(prediction), y=_one_hot(reference))
        return {name: float(metric.cc_aggregate()[0])}

    return call


def monai() -> Call:
    """MONAI 1.6.1's Dice by component."""
    import torch
    from monai.metrics import DiceMetric

    def call(reference: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
        metric = DiceMetric(include_background=False, per_component=True)
        metric(y_pred=torch.from_numpy(_one_hot(prediction)), y=torch.from_numpy(_one_hot(reference)))
        return {"cc_dice": float(metric.aggregate())}

    return call


def panoptica() -> Call:
    """panoptica 2.1.7's evaluation by region, Dice alone."""
    from panoptica import (
        ConnectedComponentsInstanceApproximator,
        InputType,
        NaiveThresholdMatching,
        Panoptica_Evaluator,
    )
    from panoptica.metrics import Metric

    def call(reference: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
        evaluator = Panoptica_Evaluator(
            expected_input=InputType.SEMANTIC,
            instance_approximator=ConnectedComponentsInstanceApproximator(),
            instance_matcher=NaiveThresholdMatching(matching_metric=Metric.DSC, matching_threshold=0.0),
            instance_metrics=[Metric.DSC],
            global_metrics=[Metric.DSC],
            per_region_evaluation=True,
        )
        (result,) = evaluator.evaluate(prediction, reference).values()
        return {"cc_dice": float(result.region_avg_dsc)}

    return call


JOBS: dict[str, Callable[[], Call]] = {
    "ours dice": lambda: ours(("dice",)),
    "ours dice hd95 nsd": lambda: ours(("dice", "hd95_mm", "nsd")),
    "ours dice hd95 nsd deepmind": lambda: ours(("dice", "hd95_mm", "nsd"), "deepmind"),
    "ours dice instances": lambda: ours(("dice",), instances="reference"),
    "ours dice hd95 nsd instances": lambda: ours(("dice", "hd95_mm", "nsd"), instances="reference"),
    "ours everything": ours_all,
    "ccmetrics dice": lambda: ccmetrics("CCDiceMetric"),
    "ccmetrics hd95": lambda: ccmetrics("CCHausdorffDistance95Metric", metric_worst_score=50),
    "ccmetrics nsd": lambda: ccmetrics("CCSurfaceDiceMetric", class_thresholds=[1]),
    "monai dice": monai,
    "panoptica dice": panoptica,
}


def main() -> int:
    """The process's exit code."""
    job, *paths = sys.argv[1:]
    call = JOBS[job]()
    _try(call)
    reference, prediction = (np.load(Path(path)) for path in paths)
    start_mib = _reset_peak_mib()
    start_s = _cpu_s()
    values = call(reference, prediction)
    cost = {"cpu_s": _cpu_s() - start_s, "extra_mib": _peak_mib() - start_mib, "values": values}
    print(json.dumps(cost))
    return 0


def _try(call: Call) -> None:
    tiny = np.zeros((12, 12, 12), np.uint8, order="F")
    tiny[2:5, 2:5, 2:5], tiny[8:10, 8:10, 8:10] = 1, 1
    call(tiny, tiny)


def _one_hot(mask: np.ndarray) -> np.ndarray:
    return np.stack([mask == 0, mask > 0])[np.newaxis].astype(np.uint8)


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def _reset_peak_mib() -> float:
    """The memory in use; the kernel counts the peak from here on."""
    time.sleep(0.1)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _status_mib("VmRSS")


def _peak_mib() -> float:
    return _status_mib("VmHWM")


def _status_mib(name: str) -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"This system does not tell {name}.")


if __name__ == "__main__":
    sys.exit(main())
