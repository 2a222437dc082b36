"""Adding models to the user's store and removing them: whatever form they came in, they are kept in ours."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from AnatomyGuidedLib.archives import unpack_zip
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.labels import Scheme, scheme
from AnatomyGuidedLib.models import Model, ModelNotInstalled, find_model, is_model_folder, store_folder
from AnatomyGuidedLib.predictors.predictor import NEEDS_TORCH, Labels, Predictor
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, stop_if

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Addition:
    """How a model is added: under which name, whose labels, and what its files do not say.

    `orientation` are the axis codes of the training images ("LAS", "RAS", ...); `trust` reads pickles as they are.
    """

    name: str
    scheme: str = ""
    orientation: str | None = None
    folds: tuple[str, ...] = ()
    checkpoint: str | None = None
    licence: str = "not stated"
    trust: bool = False
    replace: bool = False

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UsageError(f"The name {self.name!r} must be letters, digits, dots, hyphens and underscores.")
        if self.scheme:
            scheme(self.scheme)
        if self.orientation and sorted(self.orientation.translate(_SAME_AXIS)) != sorted("RAS"):
            raise UsageError(f"The orientation is {self.orientation!r}, but axis codes such as LAS were expected.")


_SAME_AXIS = str.maketrans("LPI", "RAS")


def add_model(
    source: Path,
    addition: Addition,
    *,
    progress: Progress = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> Model:
    """The model as it lies in the store now; nothing is there if anything went wrong.

    `source` is a zip file or a folder: of ours, an nnU-Net v2 or v1 results folder, or a MONAI bundle.

    Raises:
        UsageError: A model of that name is there, and `replace` was not asked for.
        AnatomyGuidedError: The source is no model, is damaged, would execute something, or its labels do not fit.
        Cancelled: The user stopped.
    """
    target = store_folder() / addition.name
    if target.exists() and not addition.replace:
        raise UsageError(f"There is a model {addition.name} already; remove it first, or pass --force.")
    store_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{addition.name}-", suffix=".part", dir=store_folder()) as folder:
        progress(0.0, "Reading the model")
        found = _model_within(_unpacked(source, Path(folder) / "unpacked", cancelled))
        stop_if(cancelled)
        made = Path(folder) / addition.name
        if is_model_folder(str(found)):
            _copy(found, made)
        else:
            _convert(found, made, addition, progress, cancelled)
        stop_if(cancelled)
        if target.exists():
            shutil.rmtree(target)
        made.replace(target)
    progress(1.0, f"{addition.name} is in the store")
    return find_model(addition.name)


def remove_model(name: str) -> None:
    """Nothing; the model is gone from the user's store.

    Raises:
        ModelNotInstalled: There is none in the store; bundled ones stay.
    """
    folder = store_folder() / name
    if not _NAME.fullmatch(name) or not is_model_folder(str(folder)):
        raise ModelNotInstalled(f"There is no model {Path(name).name!r} in the store; bundled ones cannot be removed.")
    shutil.rmtree(folder)


def with_scheme(labels: Labels, name: str) -> Labels:
    """The labels in the values of a scheme: by their names where these are the scheme's, otherwise in its order.

    A network that numbers its classes as the scheme does keeps them, gaps included.

    Raises:
        AnatomyGuidedError: Their number is neither.
    """
    if not name:
        return labels
    known = scheme(name)
    by_name = {_plain(text): value for value, text in known.names.items()}
    named = {value: by_name.get(_plain(text)) for value, text in labels.names.items()}
    ordered, classes = sorted(known.names), len(labels.values) - 1
    if not labels.regions and named and None not in named.values():
        return _renamed(labels, known, {value: new for value, new in named.items() if new is not None})
    if not labels.regions and classes == len(ordered):
        return _renamed(labels, known, dict(zip(range(1, classes + 1), ordered, strict=True)))
    if not labels.regions and classes == max(ordered):
        return _renamed(labels, known, {value: value for value in ordered})
    raise AnatomyGuidedError(
        f"The model has {classes} classes, but the scheme {name} has {len(ordered)} structures up to number "
        f"{max(ordered)}, and their names differ; choose the scheme that it was trained on, or none."
    )


def _renamed(labels: Labels, known: Scheme, values: Mapping[int, int]) -> Labels:
    """Classes that the scheme lacks become background."""
    new = tuple(values.get(value, 0) for value in labels.values)
    return replace(labels, values=new, names={value: known.names[value] for value in new if value}, scheme=known.name)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", name.lower()).strip()


def _unpacked(source: Path, folder: Path, cancelled: CancelCheck) -> Path:
    if source.is_dir():
        return source
    if not source.is_file():
        raise AnatomyGuidedError(f"{source.name} does not exist; give a model's folder or zip file.")
    folder.mkdir()
    unpack_zip(source, folder, cancelled=cancelled)
    return folder


def _model_within(folder: Path) -> Path:
    """The folder itself or the one folder within it that is a model."""
    found = [place for place in (folder, *sorted(p for p in folder.rglob("*") if p.is_dir())) if _reader(place)]
    if not found:
        raise AnatomyGuidedError(
            f"{folder.name} holds no model: expected were model.json (ours), plans.json and dataset.json (nnU-Net v2), "
            "plans.pkl (nnU-Net v1), or configs/metadata.json (a MONAI bundle)."
        )
    outer = [place for place in found if not any(other in place.parents for other in found)]
    if len(outer) > 1:
        raise AnatomyGuidedError(f"{folder.name} holds several models ({_listed(outer)}); give the folder of one.")
    return outer[0]


def _listed(folders: Sequence[Path]) -> str:
    return ", ".join(sorted(folder.name for folder in folders))


def _reader(folder: Path) -> str:
    for kind, file in _KINDS.items():
        if (folder / file).is_file():
            return kind
    return ""


_KINDS = {
    "ours": "model.json",
    "nnunet-v2": "plans.json",
    "nnunet-v1": "plans.pkl",
    "monai-bundle": "configs/metadata.json",
}


def _copy(source: Path, target: Path) -> None:
    """Nothing; the card and the files that it lists are copied once they are as the card says."""
    model = find_model(str(source))
    target.mkdir()
    for name in ("model.json", *model.files):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, target / name)


def _convert(source: Path, target: Path, addition: Addition, progress: Progress, cancelled: CancelCheck) -> None:
    try:
        from AnatomyGuidedLib.predictors.card import write_predictor
    except ModuleNotFoundError as error:
        raise AnatomyGuidedError(NEEDS_TORCH) from error
    predictor = _read(source, addition)
    predictor = replace(predictor, name=addition.name, labels=with_scheme(predictor.labels, addition.scheme))
    stop_if(cancelled)
    progress(0.3, "Reading the weights")
    networks = predictor.load()
    stop_if(cancelled)
    progress(0.7, "Writing the weights")
    classes = len(predictor.labels.values) - (not predictor.labels.regions)
    write_predictor(
        target,
        predictor,
        networks,
        task=f"{classes} structures from {', '.join(predictor.channels)}",
        licence=addition.licence,
        origin=_reader(source),
    )


def _read(folder: Path, addition: Addition) -> Predictor:
    try:
        from AnatomyGuidedLib.predictors import monai_bundle, nnunet_v1, nnunet_v2
    except ModuleNotFoundError as error:
        raise AnatomyGuidedError(NEEDS_TORCH) from error
    if _reader(folder) == "monai-bundle":
        return monai_bundle.read_monai_bundle(folder, checkpoint=addition.checkpoint, trust=addition.trust)
    module = nnunet_v2 if _reader(folder) == "nnunet-v2" else nnunet_v1
    read = nnunet_v2.read_nnunet_v2 if module is nnunet_v2 else nnunet_v1.read_nnunet_v1
    return read(
        folder,
        folds=addition.folds,
        checkpoint=addition.checkpoint or module.CHECKPOINT,
        orientation=addition.orientation,
        trust=addition.trust,
    )
