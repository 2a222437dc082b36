"""A case as a network sees it: CT, PET, and the anatomy in one of its forms, scaled as GRASP's preset says."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.labels import structures

from PathologySegLib.learning.cases import Field, Ids
from PathologySegLib.petct.anatomy_channels import anatomy_channels, group_names
from PathologySegLib.petct.inputs import channel_names
from PathologySegLib.petct.presets import GRASP


def channel_count(form: str) -> int:
    """How many channels an image has.

    >>> channel_count("none"), channel_count("scalar"), channel_count("groups")
    (2, 3, 15)

    Raises:
        UsageError: The form of the anatomy is unknown.
    """
    return len(channel_names(GRASP, form))


def image_of(ct: Field, pet: Field, anatomy: Ids, form: str) -> Field:
    """Channels (channels, i, j, k): HU in thousands, SUV in tens, then the anatomy in its form ("none" has none).

    Raises:
        UsageError: The form of the anatomy is unknown.
    """
    everywhere = np.broadcast_to(np.bool_(True), ct.shape)
    images = [GRASP.ct.applied(ct, everywhere), GRASP.pet.applied(pet, everywhere)]
    return np.concatenate([np.stack(images), anatomy_channels(anatomy, form)]).astype(np.float32, copy=False)


@cache
def group_table() -> npt.NDArray[np.uint8]:
    """By DAP id the number of its group from 1, 0 for background and Unknown Tissue.

    >>> group_table()[[0, 1, 2, 144]].tolist()
    [0, 0, 1, 12]
    """
    table = np.zeros(256, np.uint8)
    for number, name in enumerate(group_names(), 1):
        table[[label.id for label in structures() if label.group == name]] = number
    table.flags.writeable = False
    return table
