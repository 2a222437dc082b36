"""What Slicer's own Python lacks: modules ask for it when the user first presses the button, never at start-up."""

from __future__ import annotations

from collections.abc import Sequence
from subprocess import CalledProcessError
from typing import Any

from AnatomyGuidedLib.errors import AnatomyGuidedError

IN_SLICER = ["nibabel>=5.2", "pynrrd>=1.1", "connected-components-3d>=3.18"]
IN_SLICER_FOR_NETWORKS = ["safetensors>=0.4"]  # torch comes from Slicer's PyTorch extension
IN_SLICER_FOR_MODELS = [*IN_SLICER, *IN_SLICER_FOR_NETWORKS]
IN_SLICER_FOR_HEARING = ["pocketsphinx>=5.1"]  # its wheel holds the model
IN_SLICER_FOR_TALKING = [*IN_SLICER_FOR_HEARING, "sounddevice>=0.5"]


def ensured(packaging: Any, requirements: Sequence[str], *, requester: str) -> bool:
    """Whether all was there before; what was missing is installed by Slicer (`slicer.packaging`), which asks first.

    Raises:
        AnatomyGuidedError: The user declined, or it could not be installed.
    """
    wanted = list(requirements)
    were_there = bool(packaging.pip_check(wanted))
    try:
        packaging.pip_ensure(wanted, requester=requester)
    except (RuntimeError, CalledProcessError) as error:
        raise AnatomyGuidedError(f"{', '.join(wanted)} could not be installed: {error}") from error
    return were_there
