"""A training's own saved state, read back as tensors and plain values alone."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from AnatomyGuidedLib.errors import AnatomyGuidedError


def read_state(path: Path, *, device: str = "cpu") -> dict[str, Any]:
    """What was saved, its tensors on the device.

    Raises:
        AnatomyGuidedError: The file is damaged, or none of a training.
    """
    try:
        found = torch.load(path, map_location=device, weights_only=True)
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise _damaged(path) from error
    if not isinstance(found, Mapping):
        raise _damaged(path)
    return dict(found)


def _damaged(path: Path) -> AnatomyGuidedError:
    return AnatomyGuidedError(
        f"{path.name} in {path.parent.name} is damaged or no state of a training; remove it to begin that training "
        "again, or bring back a copy."
    )
