"""Weights from files of strangers: tensors and plain values are read, nothing in them is executed."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from AnatomyGuidedLib.errors import AnatomyGuidedError

_WAYS_OUT = ("if you trust who made it, pass --trust, otherwise ask for weights in safetensors.", "give plain weights.")


class Untrusted(AnatomyGuidedError):
    """A file that could only be read by executing what is in it."""


def read_checkpoint(path: Path, *, trust: bool | None = False) -> dict[str, Any]:
    """What a checkpoint holds, on the CPU; numbers that numpy wrote are let through.

    With `trust` the file is read as Python objects, whatever they do; None is for callers that offer no --trust.

    Raises:
        Untrusted: It holds more than tensors and plain values.
        AnatomyGuidedError: It is missing, damaged, or no checkpoint.
    """
    if not path.is_file():
        raise AnatomyGuidedError(
            f"The weights {path.name} of {path.parent.name} are missing; check the model's folder."
        )
    try:
        with _numpy_numbers():
            found = torch.load(path, map_location="cpu", weights_only=not trust)
    except pickle.UnpicklingError as error:
        raise Untrusted(
            f"{path.name} holds something else or more than weights, and reading that would execute what somebody else "
            f"wrote; {_WAYS_OUT[trust is None]}"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, AttributeError) as error:
        raise AnatomyGuidedError(f"{path.name} is damaged or no checkpoint of torch; fetch it again.") from error
    if not isinstance(found, dict):
        raise AnatomyGuidedError(f"{path.name} holds a {type(found).__name__}, but a checkpoint was expected.")
    return found


def plain_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights by the names of a network that was neither wrapped for several GPUs nor compiled."""
    plain = {}
    for name, value in weights.items():
        for prefix in ("module.", "_orig_mod."):
            name = name.removeprefix(prefix)
        plain[name] = value
    return plain


def _numpy_numbers() -> AbstractContextManager[object]:
    """nnU-Net's checkpoints log losses as numpy's numbers; these are data, and their makers are safe."""
    scalar = np.float64(0.0).__reduce__()[0]  # the function that pickle calls for a number of numpy
    kinds = [type(np.dtype(kind)) for kind in (np.float64, np.float32, np.int64, np.int32, np.bool_)]
    allowed: list[Any] = [np.dtype, *kinds]
    allowed += [(scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")]
    return torch.serialization.safe_globals(allowed)
