"""Where networks compute: the graphics card where there is one, the processor otherwise."""

from __future__ import annotations

from AnatomyGuidedLib.errors import AnatomyGuidedError


def chosen_device(asked: str) -> str:
    """The device that torch calls by this name; for "auto" CUDA where there is one, otherwise "cpu".

    Raises:
        AnatomyGuidedError: CUDA was asked for, but is not there.
    """
    import torch

    there = torch.cuda.is_available()
    if asked == "auto":
        return "cuda" if there else "cpu"
    if asked.startswith("cuda") and not there:
        raise AnatomyGuidedError(f"The device {asked} was asked for, but there is no CUDA here; use --device cpu.")
    return asked
