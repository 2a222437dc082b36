"""`train grasp`: from a recipe to a model folder that `lesions --model` takes, with its log, scores and recipe."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from AnatomyGuidedLib.begun_training import RECIPE, begin, cut_short_notes, require_same
from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.devices import chosen_device
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled
from AnatomyGuidedLib.files import write_csv, write_json_whole
from AnatomyGuidedLib.predictors.predictor import NEEDS_TORCH, Labels
from AnatomyGuidedLib.progress import part_of, stop_if
from AnatomyGuidedLib.study_options import with_settings
from AnatomyGuidedLib.train_command import TrainingOrder

from PathologySegLib.data_sets import cases_of, patients_note
from PathologySegLib.learning.cases import Case, Cases
from PathologySegLib.learning.channels import channel_count
from PathologySegLib.learning.cohort_cases import CohortCases
from PathologySegLib.learning.encoders import spacing_note
from PathologySegLib.learning.fingerprints import file_stamps, model_checksums
from PathologySegLib.learning.fitting import require_fitting, require_seen
from PathologySegLib.learning.grasp_recipe import GraspRecipe
from PathologySegLib.learning.objectives import MULTI_CLASS, classes_of
from PathologySegLib.learning.phantom_cases import PhantomCases
from PathologySegLib.learning.plan import Contender, TierSettings
from PathologySegLib.learning.scoring import METRICS
from PathologySegLib.network_finder import lesion_preparation, write_lesion_model
from PathologySegLib.petct.anatomy_channels import NONE, group_names
from PathologySegLib.petct.presets import GRASP

if TYPE_CHECKING:
    from torch import nn

    from PathologySegLib.grasp.kept import KeptFusion
    from PathologySegLib.learning.trial import Trial

STATE_FOLDER, CASES_FOLDER, SCORES = "training", "cases", "scores.csv"


def run(order: TrainingOrder, console: Console) -> Mapping[str, object]:
    """The training's steps, time, last loss and mean scores; the folder is a model that `lesions --model` takes.

    Raises:
        UsageError: A setting is unknown, or the folder holds a training and resuming was not asked for, or it was begun
            with other settings or cases.
        AnatomyGuidedError: torch is missing, or a case cannot be read.
        Cancelled: The user stopped; the state is kept, and the folder is a model of what was learned so far.
    """
    recipe = with_settings(GraspRecipe(), order.settings)
    try:
        from AnatomyGuidedLib.learning.together import first_goes_ahead, own_share
    except ModuleNotFoundError as error:
        raise AnatomyGuidedError(NEEDS_TORCH) from error
    is_first = own_share().is_first
    _look_at_networks(recipe, console if is_first else None)
    notes = _cohort_notes(recipe, order)
    device = chosen_device(order.device)
    with first_goes_ahead(own_share()):
        if is_first:
            begin(order.folder, recipe, resume=order.resume)
        cases = _all(_cases(recipe, order, device), console)
        if is_first:
            _require_same_cases(recipe, order, cases)
    trial, settings = _trial(recipe, order.folder), _settings(recipe)
    try:
        network = _trained(trial, settings, cases, recipe, device, console)
    except (Cancelled, KeyboardInterrupt):
        if is_first:
            _write_stopped(order.folder, recipe, trial, settings, device)
        raise
    if not is_first:
        return {}
    _write(order.folder, recipe, network, trial.log[-1]["step"])
    scores = _scores(network, trial, settings, cases, recipe, device, console)
    write_csv(order.folder / SCORES, scores, ("case", *METRICS))
    last = trial.log[-1]
    console.line(
        f"{order.folder.name}: {last['step']:.0f} steps in {last['seconds'] / 60:.0f} min, loss {last['loss']}"
    )
    means = {metric: _mean([row[metric] for row in scores]) for metric in METRICS}
    console.line(", ".join(f"{name} {value}" for name, value in means.items()) + f" over {len(scores)} cases")
    for note in notes:
        console.note(note)
    return {"steps": last["step"], "seconds": last["seconds"], "loss": last["loss"], "scores": means, "notes": notes}


def _cohort_notes(recipe: GraspRecipe, order: TrainingOrder) -> list[str]:
    """What is odd about the cohort's patients; nothing where all cases are learned from."""
    note = patients_note(order.where / recipe.cohort) if recipe.cohort and recipe.training_share < 1.0 else ""
    return [note] if note else []


def _look_at_networks(recipe: GraspRecipe, console: Console | None) -> None:
    """Nothing; what is odd about the backbone and the encoder is said before the cases are prepared."""
    from PathologySegLib.learning.trial import atlas_of

    shape, entry = recipe.sampling.shape, recipe.backbone.entry(channels=2, classes=2, deep_supervision=False)
    require_fitting(shape, entry, recipe.backbone.architecture)
    atlas = atlas_of(_trial(recipe, Path()))
    if atlas is None:
        return
    if recipe.arm.fusion != "none":
        require_seen(shape, atlas.predictor.network, atlas.predictor.name)
    note = spacing_note(atlas.predictor, recipe.arm, recipe.network_spacing_mm)
    if note and console:
        console.note(note)


def _cases(recipe: GraspRecipe, order: TrainingOrder, device: str) -> Cases:
    from PathologySegLib.learning.atlas_models import AtlasModel

    predict, kept = AtlasModel(recipe.atlas, device).labels, order.folder / CASES_FOLDER
    if recipe.cohort:
        return CohortCases(order.where / recipe.cohort, recipe.spacing_mm, kept, predict, recipe.atlas)
    return PhantomCases(recipe.phantoms, recipe.cases, kept, predict, recipe.sarcomas)


def _all(cases: Cases, console: Console) -> list[Case]:
    """Under torchrun each process makes what is still missing; a case is written whole or not at all."""
    found = []
    for number in range(len(cases)):
        stop_if(console.cancelled)
        console.progress(0.1 * number / len(cases), f"Case {number + 1} of {len(cases)}")
        found.append(cases.case(number))
    return found


def _require_same_cases(recipe: GraspRecipe, order: TrainingOrder, cases: Sequence[Case]) -> None:
    """Nothing, if the training was begun with these cases and models, as they are.

    Other cases would be dealt out to learning and trying anew.
    """
    path = order.folder / CASES_FOLDER / "names.json"
    now: dict[str, object] = {f"case {case.name}": case.whose for case in cases}
    if recipe.cohort:
        given = cases_of(order.where / recipe.cohort, needs_patient=False)
        now |= {f"the files of case {case.name}": file_stamps(case) for case in given}
    now |= {f"the weights of {name}": own for name, own in model_checksums([recipe.atlas, recipe.encoder]).items()}
    if path.is_file():
        before = _told_before(path)
        unsaid = {name: value for name, value in now.items() if not name.startswith("case ")}  # by earlier versions
        require_same({**unsaid, **before}, now, order.folder)
    write_json_whole(path, now)


def _told_before(path: Path) -> dict[str, object]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise AnatomyGuidedError(
            f"{path.name} in {path.parent.name} is damaged, so that nobody can tell whether the training was begun "
            "with these cases; bring back a copy, or choose another folder."
        ) from error


def _trial(recipe: GraspRecipe, folder: Path) -> Trial:
    from PathologySegLib.learning.trial import Trial

    contender = Contender("grasp", recipe.backbone, mirror=recipe.encoder, mixture=recipe.encoder)
    return Trial(contender, "grasp", recipe.arm, recipe.split, folder / STATE_FOLDER)


def _settings(recipe: GraspRecipe) -> TierSettings:
    return TierSettings(
        cases=recipe.cases,
        training_share=min(recipe.training_share, 0.999),
        form=recipe.form,
        even=recipe.even,
        prior=recipe.prior,
        phantoms=recipe.phantoms,
        sampling=recipe.sampling,
        fusion=recipe.fusion,
        training=recipe.training,
    )


def _trained(
    trial: Trial, settings: TierSettings, cases: Sequence[Case], recipe: GraspRecipe, device: str, console: Console
) -> Any:
    from PathologySegLib.learning.trial import trained

    learned, _ = _split(cases, settings, recipe)
    told = part_of(console.progress, 0.1, 0.95)
    return trained(trial, settings, cases, learned, device=device, progress=told, cancelled=console.cancelled)[0]


def _split(cases: Sequence[Case], settings: TierSettings, recipe: GraspRecipe) -> tuple[list[int], list[int]]:
    from PathologySegLib.learning.trial import both_sides

    if recipe.training_share == 1.0:
        return list(range(len(cases))), []
    return both_sides(cases, settings, recipe.split)


def _scores(
    network: Any,
    trial: Trial,
    settings: TierSettings,
    cases: Sequence[Case],
    recipe: GraspRecipe,
    device: str,
    console: Console,
) -> list[dict[str, object]]:
    from PathologySegLib.learning.trial import tried

    _, left = _split(cases, settings, recipe)
    told = part_of(console.progress, 0.95, 1.0)
    found = tried(network, trial, settings, cases, left, device, progress=told, cancelled=console.cancelled)
    return [{"case": name, **scores} for name, scores in found.items()]


def _mean(values: Sequence[object]) -> float | None:
    known = [float(value) for value in values if isinstance(value, float)]
    return round(sum(known) / len(known), 4) if known else None


def _write_stopped(folder: Path, recipe: GraspRecipe, trial: Trial, settings: TierSettings, device: str) -> None:
    """Nothing; the folder is a model of what was learned so far, if there was a step."""
    from PathologySegLib.learning.trial import stopped

    found = stopped(trial, settings, device)
    if found:
        network, steps, of = found
        _write(folder, recipe, network, steps, cut_short_notes(folder.name, steps, of))


def _write(
    folder: Path, recipe: GraspRecipe, network: nn.Module, steps: float, cut_short: tuple[str, ...] = ()
) -> None:
    """Nothing; the folder has the backbone, and its fusion where that is kept; the encoder is named by its checksum."""
    from AnatomyGuidedLib.inference.windows import Window
    from AnatomyGuidedLib.networks.build import build_network

    classes, form = classes_of(recipe.arm.objective), recipe.arm.form(recipe.form)
    entry = recipe.backbone.entry(channels=channel_count(form), classes=classes, deep_supervision=False)
    alone = build_network(entry)
    weights = _backbone_of(network).state_dict()
    alone.load_state_dict({name: weights[name] for name in alone.state_dict()})
    side, source = recipe.network_spacing_mm, "a cohort" if recipe.cohort else "made patients only"
    write_lesion_model(
        folder,
        [alone],
        network=entry,
        window=Window(recipe.sampling.shape, padding="lowest"),
        preparation=lesion_preparation(GRASP, form, (side, side, side)),
        preset=GRASP,
        anatomy=form,
        labels=_labels(recipe.arm.objective),
        atlas="" if form == NONE else recipe.atlas,
        half=True,
        notes=_notes(folder.name, recipe) + cut_short,
        licence="Apache-2.0",
        training=f"{steps:.0f} steps on {source} ({RECIPE})",
        fused=_frozen(network, recipe),
        fusion=_kept(network, recipe),
    )


def _kept(network: Any, recipe: GraspRecipe) -> KeptFusion | None:
    from PathologySegLib.grasp.kept import kept_fusion

    return kept_fusion(network, Path(recipe.encoder).name) if recipe.fusion.kept else None


def _backbone_of(network: Any) -> nn.Module:
    """The part that predicts lesions."""
    found: nn.Module = getattr(network, "backbone", None) or getattr(network, "lesions", None) or network
    return found


def _labels(objective: str) -> Labels:
    if objective not in MULTI_CLASS:
        return Labels((0, 1), {1: "lesion"})
    names = {number: name.lower() for number, name in enumerate(group_names(), 1)}
    last = len(names) + 1
    return Labels((*range(last + 1),), names | {last: "lesion"})


def _notes(name: str, recipe: GraspRecipe) -> tuple[str, ...]:
    if recipe.cohort:
        return ()
    return (f"{name} is a demonstration model: trained on made patients alone, not for clinical use.",)


def _frozen(network: Any, recipe: GraspRecipe) -> Mapping[str, object]:
    """What the model learned beside, and the checksum of its weights as they still are; nothing without a fusion.

    A model is passed on: no folder of this computer is named in it.
    """
    from PathologySegLib.grasp.network import Grasp, weights_sha256

    if not isinstance(network, Grasp):
        return {}
    drawn = " (weights drawn anew)" if recipe.arm.fusion == "random" else ""
    return {
        "anatomy_model": Path(recipe.encoder).name + drawn,
        "weights_sha256": weights_sha256(network.anatomy.network),
        "gates": [value for name, value in network.told().items() if name.startswith("gate")],
    }
