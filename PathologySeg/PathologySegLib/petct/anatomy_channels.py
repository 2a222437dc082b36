"""An anatomy label map as channels of a network.

The thesis gives the anatomy as one channel of voxel-wise labels (4.1.1.2, 4.2.2) and says no scale: here an id is
divided by the largest one of the label table, so that the channel runs from 0 to 1. One channel for each group of
structures (a row of Figure 7) is the other form: it has no order among structures that none have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.labels import labels, structures

NONE, SCALAR, GROUPS = "none", "scalar", "groups"
MODES = (NONE, SCALAR, GROUPS)
ANATOMY = "anatomy"
LARGEST_ID = max(label.id for label in labels())

Channels = npt.NDArray[np.float32]  # [C, i, j, k]


def group_names() -> tuple[str, ...]:
    """The groups of structures, in the order of the label table.

    >>> group_names()[:3], len(group_names())
    (('Musculature', 'Tissues', 'Digestive'), 13)
    """
    return tuple(dict.fromkeys(label.group for label in structures()))


def anatomy_channel_names(mode: str) -> tuple[str, ...]:
    """What the channels of a mode are called in a model's card.

    >>> anatomy_channel_names("scalar"), anatomy_channel_names("groups")[0]
    (('anatomy',), 'anatomy: Musculature')

    Raises:
        UsageError: The mode is unknown.
    """
    require_mode(mode)
    names: Mapping[str, tuple[str, ...]] = {
        NONE: (),
        SCALAR: (ANATOMY,),
        GROUPS: tuple(f"{ANATOMY}: {group}" for group in group_names()),
    }
    return names[mode]


def anatomy_channels(ids: npt.NDArray[np.integer], mode: str) -> Channels:
    """DAP ids [i, j, k] as channels [C, i, j, k]: none, one from 0 to 1, or one of 0 and 1 a group.

    Background is 0 everywhere, and so is Unknown Tissue among groups.

    >>> liver_and_last = np.array([13, 144], np.uint8).reshape(2, 1, 1)
    >>> anatomy_channels(liver_and_last, "scalar")[0, :, 0, 0].tolist() == [np.float32(13 / 144), 1.0]
    True
    >>> anatomy_channels(liver_and_last, "groups")[group_names().index("Digestive"), :, 0, 0].tolist()
    [1.0, 0.0]

    Raises:
        UsageError: The mode is unknown.
    """
    require_mode(mode)
    forms: Mapping[str, Callable[[], Channels]] = {
        NONE: lambda: np.zeros((0, *ids.shape), np.float32),
        SCALAR: lambda: ids[None].astype(np.float32) / np.float32(LARGEST_ID),
        GROUPS: lambda: np.stack([channel_named(ids, name) for name in anatomy_channel_names(GROUPS)]),
    }
    return forms[mode]()


def channel_named(ids: npt.NDArray[np.integer], name: str) -> npt.NDArray[np.float32]:
    """The one channel [i, j, k] of DAP ids that a card calls so: "anatomy", or "anatomy: GROUP".

    Raises:
        UsageError: There is no such channel.
    """
    if name == ANATOMY:
        return ids.astype(np.float32) / np.float32(LARGEST_ID)
    group = name.removeprefix(f"{ANATOMY}:").strip()
    if group not in group_names():
        raise UsageError(f"There is no anatomy channel {name!r}; known are {', '.join(anatomy_channel_names(GROUPS))}.")
    return np.asarray(_members(group)[ids])


def require_mode(mode: str) -> None:
    """Nothing, if the mode is known.

    Raises:
        UsageError: It is not.
    """
    if mode not in MODES:
        raise UsageError(f"The anatomy's form is {mode!r}, but one of {', '.join(MODES)} was expected.")


@cache
def _members(group: str) -> npt.NDArray[np.float32]:
    """1 at the ids of a group's structures, for every number that a byte holds."""
    table = np.zeros(256, np.float32)
    table[[label.id for label in structures() if label.group == group]] = 1.0
    return table
