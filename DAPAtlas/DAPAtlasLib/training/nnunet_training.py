"""An nnU-Net ensemble of any labelled cohort: exported, planned, trained fold by fold, kept as a model of ours."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.files import write_json
from AnatomyGuidedLib.interpreter import python_executable
from AnatomyGuidedLib.io import dap_segments, read_ct, write_labelmap
from AnatomyGuidedLib.labels import scheme
from AnatomyGuidedLib.predictors.predictor import Labels, Predictor
from AnatomyGuidedLib.processes import run_process
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, part_of, stop_if

from DAPAtlasLib.training.nnunet_dataset import NAME, NUMBER, ORIENTATION, LabelledCt, export_dataset, read_cohort
from DAPAtlasLib.training.nnunet_settings import NnunetSettings

PSEUDO_LABELS = "pseudo_labels"

_WORKER = "DAPAtlasLib.training.nnunet_worker"
_FINAL, _LATEST = "checkpoint_final.pth", "checkpoint_latest.pth"


def require_nnunet() -> None:
    """Nothing, if nnU-Net is installed.

    Raises:
        AnatomyGuidedError: It is not.
    """
    if not importlib.util.find_spec("nnunetv2"):
        raise AnatomyGuidedError(
            "nnU-Net is not installed: pip install nnunetv2 (in Slicer, the NNUNet extension), then run again."
        )


@dataclass(frozen=True)
class NnunetTraining:
    """A training in a folder, on a device; what is done already is not done again."""

    settings: NnunetSettings
    cohort: Path
    folder: Path
    device: str = "cpu"

    def run(self, *, progress: Progress = no_progress, cancelled: CancelCheck = never_cancelled) -> Predictor:
        """The ensemble; the folder is a model of ours.

        Raises:
            AnatomyGuidedError: nnU-Net is missing or failed, or the cohort is unusable.
            Cancelled: The user stopped; what was done stays.
        """
        require_nnunet()
        cases = read_cohort(self.cohort, labelled=True)
        told = part_of(progress, 0.0, 0.1)
        values = export_dataset(cases, self.settings.scheme, self.raw, progress=told, cancelled=cancelled)
        progress(0.1, "Planning")
        self.plan(cancelled)
        jobs = [(fold, stage) for fold in self.settings.folds for stage in range(len(self.settings.stages))]
        for number, (fold, stage) in enumerate(jobs):
            ends = (0.15 + 0.85 * number / len(jobs), 0.15 + 0.85 * (number + 1) / len(jobs))
            self.train_fold(fold, stage, part_of(progress, *ends), cancelled)
        return self._kept(values)

    def described(self) -> dict[str, object]:
        """The settings and where each fold stands, for a report."""
        last = self.results_of(len(self.settings.stages) - 1)
        folds = {fold: (last / f"fold_{fold}" / _FINAL).is_file() for fold in self.settings.folds}
        return {"settings": json.loads(json.dumps(asdict(self.settings))), "folds": folds}

    @property
    def raw(self) -> Path:
        """Where nnU-Net's raw data set is written to."""
        return self.folder / "nnunet" / "raw"

    @property
    def preprocessed(self) -> Path:
        """Where nnU-Net keeps what it made of the data set."""
        return self.folder / "nnunet" / "preprocessed"

    @property
    def _results(self) -> Path:
        return self.folder / "nnunet" / "results"

    def results_of(self, stage: int) -> Path:
        """nnU-Net's results folder of a stage."""
        return self._results / NAME / f"{_trainer(stage)}__nnUNetPlans__{self.settings.configuration}"

    def plan(self, cancelled: CancelCheck) -> None:
        """Nothing; the raw data set is planned and preprocessed."""
        done = self.folder / "nnunet" / "planned.txt"
        if done.is_file():
            return
        settings = self.settings
        self._step(
            {
                "step": "plan",
                "number": NUMBER,
                "configuration": settings.configuration,
                "gpu_memory_gb": settings.gpu_memory_gb,
                "processes": settings.processes,
            },
            lambda: None,
            cancelled,
        )
        done.write_text("all cases are preprocessed\n", encoding="utf-8")

    def train_fold(self, fold: str, stage: int, progress: Progress, cancelled: CancelCheck) -> None:
        """Nothing; the fold has the stage's final weights.

        Raises:
            AnatomyGuidedError: nnU-Net failed.
            Cancelled: The user stopped; the latest weights stay.
        """
        folder = self.results_of(stage) / f"fold_{fold}"
        if (folder / _FINAL).is_file():
            return
        epochs, counted = self.settings.stages[stage].epochs, self.folder / "nnunet" / "epochs_done.txt"
        counted.write_text("0", encoding="utf-8")
        before = self.results_of(stage - 1) / f"fold_{fold}" / _FINAL if stage else None

        def watch() -> None:
            text = counted.read_text(encoding="utf-8").strip()
            done = int(text) if text else 0
            progress(done / epochs, f"Fold {fold}, stage {stage + 1}: epoch {done} of {epochs}")

        job: dict[str, Any] = {
            "step": "train",
            "stage": asdict(self.settings.stages[stage]),
            "trainer": _trainer(stage),
            "fold": fold,
            "configuration": self.settings.configuration,
            "preprocessed": str(self.preprocessed / NAME),
            "validation_iterations": self.settings.validation_iterations,
            "resume": (folder / _LATEST).is_file(),
            "weights": str(before) if before else None,
            "device": self.device,
            "epochs_done": str(counted),
        }
        self._step(job, watch, cancelled)
        if not (folder / _FINAL).is_file():
            raise AnatomyGuidedError(f"nnU-Net ended without the weights of fold {fold}; nnunet/said.txt says more.")

    def _step(self, job: Mapping[str, object], watch: Callable[[], None], cancelled: CancelCheck) -> None:
        place = self.folder / "nnunet"
        for folder in (self.raw, self.preprocessed, self._results):
            folder.mkdir(parents=True, exist_ok=True)
        write_json(place / "job.json", job)
        environment = {
            "nnUNet_raw": str(self.raw),
            "nnUNet_preprocessed": str(self.preprocessed),
            "nnUNet_results": str(self._results),
            "nnUNet_n_proc_DA": str(self.settings.processes),
            "nnUNet_def_n_proc": str(self.settings.processes),
            "nnUNet_compile": "false",
        }
        words = [python_executable(), "-m", _WORKER, str(place / "job.json")]
        run_process(
            words, place / "said.txt", name="nnU-Net", environment=environment, watch=watch, cancelled=cancelled
        )

    def _kept(self, values: tuple[int, ...]) -> Predictor:
        """The folds of the last stage as one model, whose labels have their own values again."""
        from AnatomyGuidedLib.predictors.card import write_predictor
        from AnatomyGuidedLib.predictors.nnunet_v2 import read_nnunet_v2

        settings, known = self.settings, scheme(self.settings.scheme)
        folder = self.results_of(len(settings.stages) - 1)
        predictor = read_nnunet_v2(folder, folds=settings.folds, orientation=ORIENTATION)
        labels = Labels(values, {value: known.names[value] for value in values if value}, settings.scheme)
        kept = replace(predictor, name=self.folder.name, labels=labels)
        task = f"{len(values) - 1} structures from CT"
        write_predictor(self.folder, kept, kept.load(), task=task, licence=settings.licence, origin="nnunet-v2")
        return kept


def predict_cohort(
    predictor: Predictor,
    cases: list[LabelledCt],
    folder: Path,
    *,
    device: str = "auto",
    progress: Progress = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> int:
    """How many label maps were made; each case's lies in the folder, and those that were there are kept.

    Raises:
        AnatomyGuidedError: A CT cannot be read or predicted.
        Cancelled: The user stopped; finished label maps stay.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = 0
    for number, case in enumerate(cases):
        stop_if(cancelled)
        target = folder / f"{case.name}.nii.gz"
        told = part_of(progress, number / len(cases), (number + 1) / len(cases))
        if target.is_file():
            continue
        labelmap, _ = predictor.labelmap([read_ct(case.ct)], device=device, progress=told, cancelled=cancelled)
        part = target.with_name(f"part_{target.name}")
        write_labelmap(labelmap, part, dap_segments([]))
        part.replace(target)
        made += 1
    return made


def _trainer(stage: int) -> str:
    return f"AnatomyGuidedStage{stage + 1}"
