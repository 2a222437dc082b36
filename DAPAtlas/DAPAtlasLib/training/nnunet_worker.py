"""nnU-Net at work in a process of its own: `python -m DAPAtlasLib.training.nnunet_worker JOB.json`.

Its folders come in environment variables that it reads when it is imported, so it never runs in our own process.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

Job = dict[str, Any]


def main(job_file: Path) -> None:
    """Nothing; the job's step is done."""
    job: Job = json.loads(job_file.read_text(encoding="utf-8"))
    {"plan": _plan, "train": _train}[job["step"]](job)


def _plan(job: Job) -> None:
    from nnunetv2.experiment_planning.plan_and_preprocess_api import extract_fingerprints, plan_experiments, preprocess

    number, processes = int(job["number"]), int(job["processes"])
    extract_fingerprints([number], num_processes=processes, show_progress_bar=False)
    plan_experiments([number], gpu_memory_target_in_gb=float(job["gpu_memory_gb"]))
    preprocess([number], configurations=(job["configuration"],), num_processes=(processes,), show_progress_bar=False)


def _train(job: Job) -> None:
    import torch
    from nnunetv2.run.run_training import maybe_load_checkpoint
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    stage = job["stage"]

    class AnatomyGuidedTrainer(nnUNetTrainer):  # type: ignore[misc]
        # nnU-Net reads the names of these arguments
        def __init__(self, plans: Any, configuration: str, fold: int, dataset_json: Any, device: Any) -> None:
            super().__init__(plans, configuration, fold, dataset_json, device)
            self.num_epochs, self.initial_lr = int(stage["epochs"]), float(stage["learning_rate"])
            self.num_iterations_per_epoch = int(stage["iterations"])
            self.num_val_iterations_per_epoch = int(job["validation_iterations"])
            self.save_every = 5

        def configure_optimizers(self) -> Any:
            optimizer, poly = super().configure_optimizers()
            return optimizer, (_Constant(optimizer) if stage["rate"] == "constant" else poly)

        def configure_rotation_dummyDA_mirroring_and_inital_patch_size(self) -> Any:  # noqa: N802
            rotation, flat, patch, mirror_axes = super().configure_rotation_dummyDA_mirroring_and_inital_patch_size()
            if stage["mirror"]:
                return rotation, flat, patch, mirror_axes
            self.inference_allowed_mirroring_axes = None
            return rotation, flat, patch, None

        def on_epoch_end(self) -> None:
            super().on_epoch_end()
            Path(job["epochs_done"]).write_text(str(self.current_epoch), encoding="utf-8")

    AnatomyGuidedTrainer.__name__ = str(job["trainer"])
    folder = Path(job["preprocessed"])
    trainer = AnatomyGuidedTrainer(
        plans={**json.loads((folder / "nnUNetPlans.json").read_text()), "continue_training": job["resume"]},
        configuration=job["configuration"],
        fold=int(job["fold"]),
        dataset_json=json.loads((folder / "dataset.json").read_text()),
        device=torch.device(job["device"]),
    )
    maybe_load_checkpoint(trainer, job["resume"], False, None if job["resume"] else job["weights"])
    trainer.run_training()


class _Constant:
    """A learning rate that stays, in the place of nnU-Net's schedule."""

    def __init__(self, optimizer: Any) -> None:
        self._optimizer = optimizer

    def step(self, current_step: int | None = None) -> None:
        """Nothing; the rate stays as it is."""

    def get_last_lr(self) -> list[float]:
        """The rates of all groups."""
        return [float(group["lr"]) for group in self._optimizer.param_groups]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
