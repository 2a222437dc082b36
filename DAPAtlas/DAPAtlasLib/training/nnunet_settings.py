"""What is trained with nnU-Net: a cohort of CTs with labels, a plan, and the stages of the training."""

from __future__ import annotations

from dataclasses import dataclass

from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.study_options import require_positive

RATES = ("poly", "constant")


@dataclass(frozen=True)
class Stage:
    """A part of the training that goes on from the weights of the one before; mirroring is an augmentation."""

    epochs: int = 1000
    iterations: int = 250
    learning_rate: float = 0.01
    rate: str = "poly"
    mirror: bool = True

    def __post_init__(self) -> None:
        require_positive(self, "epochs", "iterations", "learning_rate")
        if self.rate not in RATES:
            raise UsageError(f"The setting rate is {self.rate!r}, but one of {', '.join(RATES)} was expected.")


@dataclass(frozen=True)
class NnunetSettings:
    """The cohort's table (case,ct,labels), whose labels these are, and a table (case,ct) of CTs to label afterwards.

    `validation_iterations` and `gpu_memory_gb` are nnU-Net's own settings; the latter sets the size of its windows.
    """

    cohort: str = ""
    scheme: str = "dap"
    target: str = ""
    configuration: str = "3d_fullres"
    folds: tuple[str, ...] = ("0", "1", "2", "3", "4")
    stages: tuple[Stage, ...] = (Stage(),)
    validation_iterations: int = 50
    gpu_memory_gb: float = 8.0
    processes: int = 2
    licence: str = "not stated"

    def __post_init__(self) -> None:
        require_positive(self, "validation_iterations", "gpu_memory_gb", "processes")
        if not self.folds or not self.stages:
            raise UsageError("The settings folds and stages must have one entry at least.")


# Thesis, C.1.4: V1 is nnU-Net's own schedule; V2 trains five times as long, then at a fixed rate without mirroring.
VERSIONS = {
    "v1": NnunetSettings(stages=(Stage(),)),
    "v2": NnunetSettings(
        stages=(Stage(epochs=5000), Stage(epochs=1000, learning_rate=1e-3, rate="constant", mirror=False))
    ),
}
