"""Where networks compute: the graphics card where there is one, the processor otherwise."""

from __future__ import annotations

import re

from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError

_DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")


def require_device(asked: str) -> None:
    """Nothing if a device can be called this, whether it is here or not; torch is not needed to say so.

    Raises:
        UsageError: None can.
    """
    if not _DEVICE.fullmatch(asked):
        raise UsageError(f"The device is {asked!r}, but auto, cpu, cuda or cuda:N was expected.")


def chosen_device(asked: str) -> str:
    """The device that torch calls by this name; for "auto" CUDA where there is one, otherwise "cpu".

    Raises:
        UsageError: There is no such name of a device.
        AnatomyGuidedError: CUDA was asked for, but is not there.
    """
    require_device(asked)
    import torch

    there = torch.cuda.is_available()
    if asked == "auto":
        return "cuda" if there else "cpu"
    if asked.startswith("cuda") and not there:
        raise AnatomyGuidedError(f"The device {asked} was asked for, but there is no CUDA here; use --device cpu.")
    return asked
