"""How CT and PET are scaled for each method of the thesis, by name.

| preset | CT | PET | source |
|---|---|---|---|
| `apex` | -1000..1000 HU to 0..1 | SUV 0..20 to 0..1 | 4.1.2: slices of CT, PET and an empty third channel |
| `grasp` | clip to -1000..1500 HU, / 1000 | clip to SUV 0..50, / 10 | 4.2.2: the CT goes to the anatomy model, too |
| `benchmark` | clip to 50..95 %, z-score | clip to 1..99.9 %, z-score | E.1.2: mean and SD of a training fingerprint |

Only E.1.2 tells numbers; those of `apex` and `grasp` are our reading. Both scale by constants, so that an SUV means the
same in every patient (the released APEx stretches each slice from its lowest to its highest value, which destroys
that); `grasp` takes the CT as this project's atlas models do, since the thesis feeds one CT to both networks.
"""

from __future__ import annotations

from dataclasses import dataclass

from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.predictors.normalisation import CT, PERCENTILES, Normalisation

from PathologySegLib.petct.fingerprint import Fingerprint


@dataclass(frozen=True)
class Preset:
    """The normalisations of CT (HU) and PET (SUV), and how many empty channels stand where no anatomy is given."""

    name: str
    ct: Normalisation
    pet: Normalisation
    empty_channels: int = 0


APEX = Preset(
    "apex",
    ct=Normalisation(CT, low=-1000.0, high=1000.0, mean=-1000.0, deviation=2000.0),
    pet=Normalisation(CT, low=0.0, high=20.0, mean=0.0, deviation=20.0),
    empty_channels=1,
)
GRASP = Preset(
    "grasp",
    ct=Normalisation(CT, low=-1000.0, high=1500.0, mean=0.0, deviation=1000.0),
    pet=Normalisation(CT, low=0.0, high=50.0, mean=0.0, deviation=10.0),
)
BENCHMARK = "benchmark"
PRESETS = (APEX.name, GRASP.name, BENCHMARK)

_CT_PERCENTILES, _PET_PERCENTILES = (50.0, 95.0), (1.0, 99.9)


def preset_named(name: str, fingerprint: Fingerprint | None = None) -> Preset:
    """The preset of a name; "benchmark" is made from the training set's fingerprint.

    >>> preset_named("grasp").pet.high
    50.0

    Raises:
        UsageError: The name is unknown, or "benchmark" came without a fingerprint.
    """
    if name == BENCHMARK:
        return benchmark_preset(fingerprint)
    found = {preset.name: preset for preset in (APEX, GRASP)}.get(name)
    if found is None:
        raise UsageError(f"There is no preset {name!r}; known are {', '.join(PRESETS)}.")
    return found


def benchmark_preset(fingerprint: Fingerprint | None) -> Preset:
    """E.1.2's preset: values clipped to percentiles of the whole image, then z-scores by the foreground's fingerprint.

    Raises:
        UsageError: There is no fingerprint.
    """
    if fingerprint is None:
        raise UsageError("The preset benchmark needs the training set's fingerprint; compute it with fingerprint_of.")
    return Preset(
        BENCHMARK,
        ct=_z_score(_CT_PERCENTILES, fingerprint.ct_mean_hu, fingerprint.ct_deviation_hu),
        pet=_z_score(_PET_PERCENTILES, fingerprint.pet_mean_suv, fingerprint.pet_deviation_suv),
        empty_channels=1,
    )


def _z_score(percentiles: tuple[float, float], mean: float, deviation: float) -> Normalisation:
    low, high = percentiles
    return Normalisation(PERCENTILES, low=low, high=high, mean=mean, deviation=deviation)
