"""CT in HU, PET in SUV and anatomy in DAP ids on one grid, and the channels that a network sees of them.

study = on_one_grid(read_ct("ct"), read_pet("pet"), read_anatomy("atlas.seg.nrrd"))
given = network_input(study, GRASP, anatomy="scalar")
given.channels  # float32 [3, i, j, k]
given.suv       # the same voxels in absolute SUV, whatever the preset did
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume, require_same_grid
from AnatomyGuidedLib.predictors.normalisation import Normalisation
from AnatomyGuidedLib.resample import resample_labelmap, resample_volume

from PathologySegLib.petct.anatomy_channels import NONE, anatomy_channel_names, anatomy_channels
from PathologySegLib.petct.presets import Preset

ONTO_PET, ONTO_CT = "pet", "ct"
SPLINE_ORDER = 3  # E.1.2.2: "third-order spline interpolation"
EMPTY = "empty"


@dataclass(frozen=True)
class PetCt:
    """A study on one grid: CT (HU), PET (SUV, nothing below 0) and, where it is known, the anatomy (DAP ids).

    Raises:
        AnatomyGuidedError: A unit is not HU or SUV, or an SUV lies below 0.
        GridMismatch: The images lie on different grids.
    """

    ct: Volume
    pet: Volume
    anatomy: Labelmap | None = None

    def __post_init__(self) -> None:
        for name, volume, unit in (("CT", self.ct, "HU"), ("PET", self.pet, "SUV")):
            if volume.unit != unit:
                raise AnatomyGuidedError(f"The {name} must be in {unit}, but its unit is {volume.unit or 'unknown'}.")
        if float(self.pet.values.min()) < 0:
            raise AnatomyGuidedError(
                f"The PET's SUV go down to {float(self.pet.values.min()):g}, but must be 0 or more; use on_one_grid."
            )
        require_same_grid(self.ct.grid, self.pet.grid, names=("the CT", "the PET"))
        if self.anatomy is not None:
            require_same_grid(self.anatomy.grid, self.pet.grid, names=("the anatomy", "the PET"))

    @property
    def grid(self) -> Grid:
        return self.pet.grid


@dataclass(frozen=True, eq=False)
class NetworkInput:
    """Channels float32 [C, i, j, k] with a name each, and beside them the absolute SUV [i, j, k]."""

    channels: npt.NDArray[np.float32]
    names: tuple[str, ...]
    suv: npt.NDArray[np.float32]
    grid: Grid


def on_one_grid(
    ct: Volume, pet: Volume, anatomy: Labelmap | None = None, *, onto: str = ONTO_PET, order: int = SPLINE_ORDER
) -> PetCt:
    """The study on the PET's grid (as AutoPET is published) or on the CT's (as the thesis does with HECKTOR).

    Images are interpolated by splines of the order, labels taken from the nearest voxel. SUV below 0 become 0: noise
    of a reconstruction before the spline, its ringing after it. Outside an image there is air and no uptake.

    Raises:
        UsageError: `onto` is neither "pet" nor "ct".
        AnatomyGuidedError: The units are not HU and SUV.
    """
    if onto not in (ONTO_PET, ONTO_CT):
        raise UsageError(f"The common grid is {onto!r}, but pet or ct was expected.")
    grid = pet.grid if onto == ONTO_PET else ct.grid
    uptake = resample_volume(not_below_zero(pet), grid, order=order, outside=0.0)
    return PetCt(
        resample_volume(ct, grid, order=order),
        not_below_zero(uptake),
        None if anatomy is None else resample_labelmap(anatomy, grid),
    )


def not_below_zero(pet: Volume) -> Volume:
    """The PET with 0 where it was lower."""
    return Volume(np.maximum(pet.values, np.float32(0)), pet.grid, pet.unit)


def channel_names(preset: Preset, anatomy: str = NONE) -> tuple[str, ...]:
    """What the channels of `network_input` are called, in their order.

    >>> from PathologySegLib.petct.presets import APEX, GRASP
    >>> channel_names(APEX), channel_names(GRASP, "scalar")
    (('CT', 'PET', 'empty'), ('CT', 'PET', 'anatomy'))
    """
    return ("CT", "PET", *(anatomy_channel_names(anatomy) or (EMPTY,) * preset.empty_channels))


def network_input(study: PetCt, preset: Preset, *, anatomy: str = NONE) -> NetworkInput:
    """The channels CT, PET and then the anatomy in the form asked for, or the preset's empty channels without it.

    Raises:
        UsageError: Anatomy is asked for, but the study has none; or its form is unknown.
    """
    names = channel_names(preset, anatomy)
    last = _last_channels(study, preset, anatomy)
    images = [_scaled(study.ct, preset.ct), _scaled(study.pet, preset.pet)]
    return NetworkInput(np.concatenate([np.stack(images), last]), names, study.pet.values, study.grid)


def _last_channels(study: PetCt, preset: Preset, anatomy: str) -> npt.NDArray[np.float32]:
    if anatomy == NONE:
        return np.zeros((preset.empty_channels, *study.grid.shape), np.float32)
    if study.anatomy is None:
        raise UsageError(f"Anatomy as {anatomy} channels was asked for, but the study has no anatomy label map.")
    return anatomy_channels(study.anatomy.values, anatomy)


def _scaled(volume: Volume, normalisation: Normalisation) -> npt.NDArray[np.float32]:
    everywhere = np.broadcast_to(np.bool_(True), volume.grid.shape)
    return normalisation.applied(volume.values, everywhere).astype(np.float32, copy=False)
