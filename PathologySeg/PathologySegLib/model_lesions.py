"""From a CT and a PET to numbered lesions by a model, with the anatomy that it needs given or predicted."""

from __future__ import annotations

import numpy as np
from AnatomyGuidedLib.components import connected_components
from AnatomyGuidedLib.grid import Labelmap, Volume
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, part_of, stop_if
from AnatomyGuidedLib.resample import resample_labelmap

from PathologySegLib.finder import LesionFinder
from PathologySegLib.lesion_table import LesionResult, counted, measured, with_attention
from PathologySegLib.petct.inputs import not_below_zero, on_one_grid
from PathologySegLib.whole_organs import whole_organs

DEFAULT_ATLAS = "dap-demo"


def atlas_of(finder: LesionFinder) -> str:
    """The atlas model that predicted the anatomy in the model's training, as far as it tells one."""
    return str(finder.facts.get("atlas") or DEFAULT_ATLAS)


def find_lesions_by_model(
    ct: Volume,
    pet: Volume,
    finder: LesionFinder,
    *,
    anatomy: Labelmap | None = None,
    device: str = "auto",
    progress: Progress = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> LesionResult:
    """The connected (26) lesions that a model finds, on the PET's grid; none is an empty label map and no rows.

    Args:
        ct: HU, on any grid.
        pet: SUVbw.
        finder: The model.
        anatomy: DAP ids on any grid; nothing is taken off by it.
        device: Where the model computes.
        progress: Told how far the work is.
        cancelled: Asked between two windows.

    Raises:
        UsageError: The model needs anatomy, and none is given.
        AnatomyGuidedError: The study is not what the model takes.
        Cancelled: The user stopped.
    """
    progress(0.0, "Bringing CT, PET and anatomy onto one grid")
    study = on_one_grid(ct, pet, anatomy, onto=finder.onto)
    stop_if(cancelled)
    found = finder.found(study, device=device, progress=part_of(progress, 0.1, 0.9), cancelled=cancelled)
    progress(0.9, "Measuring the lesions")
    on_pet = resample_labelmap(Labelmap(found.mask.view(np.uint8), study.grid), pet.grid)
    places = None if anatomy is None else resample_labelmap(anatomy, pet.grid)
    labelmap, rows = measured(connected_components(on_pet.values > 0), not_below_zero(pet), places)
    attended = found.attention(labelmap) if found.attention else None
    if attended is not None:
        rows = with_attention(rows, attended)
    organs = () if places is None else whole_organs(labelmap, rows, places)
    reading = {"name": finder.name, **finder.facts}
    progress(1.0, counted(len(rows), "lesion"))
    return LesionResult(labelmap, tuple(rows), reading, (*found.notes, *organs), attended)


def predicted_anatomy(
    ct: Volume,
    model: str,
    *,
    rules: bool = True,
    device: str = "auto",
    progress: Progress = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> Labelmap:
    """DAP ids on the CT's grid: with `rules` as `anatomyguided atlas` gives them, else as the model does.

    Lesion models that take anatomy have learned from the model's own labels.

    Raises:
        AnatomyGuidedError: The model is no atlas model, or is damaged.
        Cancelled: The user stopped.
    """
    if not rules:
        from DAPAtlasLib.model_expert import ModelExpert

        return ModelExpert(model, device).opinion(ct, cancelled, progress).labelmap
    from DAPAtlasLib.build import build_atlas
    from DAPAtlasLib.parameters import AtlasParameters

    parameters = AtlasParameters((model,), device=device)
    return build_atlas(ct, parameters, progress=progress, cancelled=cancelled).labelmap
