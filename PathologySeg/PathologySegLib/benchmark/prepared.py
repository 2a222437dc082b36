"""Cases brought onto one grid, clipped and kept, so that patches are read from disk without the rest of the case."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.cohort_case import file_name
from AnatomyGuidedLib.files import write_json
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume

from PathologySegLib.data_sets import PetCtCase
from PathologySegLib.petct.fingerprint import Fingerprint, fingerprint_of
from PathologySegLib.petct.inputs import network_input
from PathologySegLib.petct.presets import benchmark_preset

_CLIPPED = benchmark_preset(Fingerprint(0.0, 1.0, 0.0, 1.0))  # E.1.2's percentiles alone; z-scores are a fold's
_CHANNELS, _LESIONS, _FOREGROUND, _GRID = "channels.npy", "lesions.npy", "foreground.npy", "grid.json"

Image = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A case: CT and PET [2, i, j, k] clipped to E.1.2's percentiles (float16, on disk), lesions, and their values.

    `foreground` are HU and SUV [2, n] of the lesions' voxels as they were before clipping.
    """

    name: str
    grid: Grid
    channels: npt.NDArray[np.float16]
    lesions: npt.NDArray[np.uint8]
    foreground: Image

    @property
    def healthy(self) -> bool:
        return not self.foreground.size

    @property
    def reference(self) -> Labelmap:
        return Labelmap(np.asarray(self.lesions), self.grid)


def prepared(case: PetCtCase, onto: str, folder: Path) -> Prepared:
    """The case as it lies in the folder, prepared if it does not yet.

    Raises:
        AnatomyGuidedError: A file of the case cannot be read.
    """
    place = folder / file_name(case.name)
    if not place.is_dir():
        _write(case, onto, place)
    channels, lesions = (np.load(place / name, mmap_mode="r") for name in (_CHANNELS, _LESIONS))
    stored = json.loads((place / _GRID).read_text(encoding="utf-8"))
    i, j, k = stored["shape"]
    return Prepared(
        case.name, Grid((i, j, k), np.array(stored["affine"])), channels, lesions, np.load(place / _FOREGROUND)
    )


def fold_fingerprint(cases: Iterable[Prepared]) -> Fingerprint:
    """Mean and deviation of CT and PET in the lesions of a fold's training cases.

    Raises:
        NotEvaluable: None of them has a lesion.
    """
    return fingerprint_of(_foregrounds(cases))


def scaled(channels: npt.NDArray[np.float16], fingerprint: Fingerprint) -> Image:
    """What a network sees of clipped CT and PET [2, ...]: z-scores by the fingerprint, and an empty channel."""
    means = (fingerprint.ct_mean_hu, fingerprint.pet_mean_suv)
    deviations = (fingerprint.ct_deviation_hu, fingerprint.pet_deviation_suv)
    image = np.zeros((3, *channels.shape[1:]), np.float32)
    for channel, (mean, deviation) in enumerate(zip(means, deviations, strict=True)):
        image[channel] = (channels[channel].astype(np.float32) - np.float32(mean)) / np.float32(deviation)
    return image


def _write(case: PetCtCase, onto: str, place: Path) -> None:
    study, lesions = case.read(onto=onto)
    where = lesions.values > 0
    part = place.with_name(f"{place.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    np.save(part / _CHANNELS, network_input(study, _CLIPPED).channels[:2].astype(np.float16))
    np.save(part / _LESIONS, lesions.values.astype(np.uint8))
    np.save(part / _FOREGROUND, np.stack([study.ct.values[where], study.pet.values[where]]))
    write_json(part / _GRID, {"shape": list(study.grid.shape), "affine": study.grid.affine.tolist()})
    part.replace(place)


def _foregrounds(cases: Iterable[Prepared]) -> Iterator[tuple[Volume, Volume, Labelmap]]:
    """Each case's lesions as a line of voxels."""
    for case in cases:
        if not case.healthy:
            grid = Grid((case.foreground.shape[1], 1, 1), np.eye(4))
            ct, pet = (values.reshape(grid.shape) for values in case.foreground)
            yield Volume(ct, grid, "HU"), Volume(pet, grid, "SUV"), Labelmap(np.ones(grid.shape, np.uint8), grid)
