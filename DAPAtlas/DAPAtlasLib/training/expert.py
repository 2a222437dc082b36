"""`train expert`, and `train atlas --version`: an nnU-Net ensemble, and its labels for a cohort that has none."""

from __future__ import annotations

from collections.abc import Mapping

from AnatomyGuidedLib.begun_training import begin
from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.devices import chosen_device
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.predictors.predictor import NEEDS_TORCH
from AnatomyGuidedLib.progress import part_of
from AnatomyGuidedLib.study_options import with_settings
from AnatomyGuidedLib.train_command import TrainingOrder

from DAPAtlasLib.training.nnunet_dataset import read_cohort
from DAPAtlasLib.training.nnunet_settings import VERSIONS, NnunetSettings
from DAPAtlasLib.training.nnunet_training import PSEUDO_LABELS, NnunetTraining, predict_cohort

_FREE = ("folds", "target", "processes", "licence")  # none changes what a fold has learned


def run(order: TrainingOrder, console: Console) -> Mapping[str, object]:
    """The settings, the folds that are done, and how many label maps of the target cohort were made.

    Raises:
        UsageError: The settings name no cohort, or one is unknown; or the folder holds a training that is not to be
            resumed, or one with other settings.
        AnatomyGuidedError: torch or nnU-Net is missing or failed; a cohort is unusable.
        Cancelled: The user stopped; what was done stays.
    """
    settings = with_settings(VERSIONS[order.version] if order.version else NnunetSettings(), order.settings)
    if not settings.cohort:
        raise UsageError("The settings lack the cohort, a table with the columns case,ct,labels; see docs/training.md.")
    begin(order.folder, settings, resume=order.resume, free=_FREE)
    targets = read_cohort(order.where / settings.target, labelled=False) if settings.target else []
    try:
        device = chosen_device(order.device)
    except ModuleNotFoundError as error:
        raise AnatomyGuidedError(NEEDS_TORCH) from error
    training = NnunetTraining(settings, order.where / settings.cohort, order.folder.absolute(), device)
    share = 0.8 if targets else 1.0
    predictor = training.run(progress=part_of(console.progress, 0.0, share), cancelled=console.cancelled)
    made = predict_cohort(
        predictor,
        targets,
        order.folder / PSEUDO_LABELS,
        device=device,
        progress=part_of(console.progress, share, 1.0),
        cancelled=console.cancelled,
    ) if targets else 0  # fmt: skip
    console.line(f"{order.folder.name}: {len(settings.folds)} folds trained, {made} CTs labelled")
    return {**training.described(), "labelled": made}
