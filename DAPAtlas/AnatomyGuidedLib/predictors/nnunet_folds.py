"""What nnU-Net's two releases share: a folder of folds, windows that overlap by half, axes taken as they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.inference.windows import Window

_OVERLAP = 0.5


def checkpoints_of(folder: Path, folds: Sequence[str], checkpoint: str) -> list[Path]:
    """The weights of the folds named, or of all that are trained.

    Raises:
        AnatomyGuidedError: A fold named is missing, or no fold has weights of that name.
    """
    chosen = [_fold(folder, fold) for fold in folds] or _all_folds(folder)
    files = [fold / checkpoint for fold in chosen if (fold / checkpoint).is_file()]
    if not files:
        raise AnatomyGuidedError(f"{folder.name} has no fold with {checkpoint}; train it, or name another checkpoint.")
    return files


def nnunet_window(patch: Sequence[int], mirror_axes: Sequence[int] = ()) -> Window:
    """The window of a patch of two or three sides; the axes are counted among these sides."""
    flat = 3 - len(patch)
    i, j, k = (1,) * flat + tuple(int(side) for side in patch)
    return Window((i, j, k), _OVERLAP, tuple(axis + flat for axis in mirror_axes), len(patch))


def notes_on_axes(folder: Path, orientation: str | None) -> tuple[str, ...]:
    """A warning for the report, where nobody knows how the training images lay."""
    if orientation:
        return ()
    return (
        f"{folder.name} does not say how the axes of its training images ran; the image was given as it is stored. "
        "Check left and right.",
    )


def _all_folds(folder: Path) -> list[Path]:
    return [path for path in (*sorted(folder.glob("fold_*")), folder / "all") if path.is_dir()]


def _fold(folder: Path, fold: str) -> Path:
    for found in (folder / f"fold_{fold}", folder / fold):
        if found in _all_folds(folder):
            return found
    known = ", ".join(path.name.removeprefix("fold_") for path in _all_folds(folder)) or "none"
    raise AnatomyGuidedError(f"{folder.name} has no fold {fold}; there are {known}.")
