"""Sarcomas of soft tissue: one large tumour in a limb's or the trunk's muscles, partly dead, unevenly warm.

Ranges: 2,366 patients' tumours measured 9.9 cm on average (Smith et al. 2011, doi 10.1308/147870811X13137608455055);
three in five lie in limbs, most of them in the thigh (Ramu et al. 2017, doi 10.1051/sicotj/2017010); SUVmax was 2.7 to
52 in 93 of 102 patients and less in the others (Benz et al. 2010, PMC3197812). Shares of necrosis, unevenness and
shape are assumptions. A tumour displaces nothing and does not bulge: it takes the place of muscle and fat.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.phantom.anatomy import Body
from AnatomyGuidedLib.phantom.lesion_patterns import SITES
from AnatomyGuidedLib.phantom.lesion_shapes import Form, Growth, Mask, Place, ball_diameter_mm, grow
from AnatomyGuidedLib.phantom.lesions import Lesion, Lesions, Places, growing_costs, is_free
from AnatomyGuidedLib.phantom.shapes import Ellipsoid, Field, Waves
from AnatomyGuidedLib.phantom.texture import smooth_noise
from AnatomyGuidedLib.study_options import require_positive

SHARES: Mapping[str, float] = {"thigh": 0.55, "upper arm": 0.1, "trunk wall": 0.35}
_TRIES = 40
_SMALLER = 0.85  # of the volume, after a place had no room
_ROOM = 0.8  # of the volume that must have found room
_WAVES = 0.06
_TILT = 0.35
_FLATTEST = 0.8
_IRREGULAR = 0.3  # how far chance, beside depth, decides what is dead
_WIDEST = 2.0  # deviations of the unevenness' logarithm that are kept
_CORE_HU = (5.0, 30.0)


@dataclass(frozen=True)
class SarcomaSettings:
    """From where to where a tumour's measures are drawn; volume and SUV so that their logarithm is spread evenly.

    `length` is how much longer than wide. `necrosis` is the share of dead voxels, which lie deep, but irregularly, and
    have `necrosis_suv`. A living voxel has the tumour's `suv`, times exp(`hot_rim` (1/2 - depth / greatest depth)),
    times exp(`unevenness` x noise from -2 to 2) that changes over `grain_mm`.

    Raises:
        UsageError: A range is none that tumours can be drawn from.
    """

    volume_ml: tuple[float, float] = (60.0, 900.0)
    length: tuple[float, float] = (1.0, 1.8)
    suv: tuple[float, float] = (1.2, 10.0)
    necrosis: tuple[float, float] = (0.0, 0.5)
    necrosis_suv: tuple[float, float] = (0.3, 1.0)
    hot_rim: tuple[float, float] = (0.0, 0.8)
    unevenness: tuple[float, float] = (0.1, 0.45)
    grain_mm: tuple[float, float] = (12.0, 35.0)

    def __post_init__(self) -> None:
        require_positive(self, "volume_ml", "length", "suv", "necrosis_suv", "grain_mm")
        for name in ("volume_ml", "length", "suv", "necrosis", "necrosis_suv", "hot_rim", "unevenness", "grain_mm"):
            values = getattr(self, name)
            if len(values) != 2 or not 0.0 <= values[0] <= values[1] < math.inf:
                raise UsageError(f"The setting {name} must be a range from 0 or more upwards, but is {values!r}.")
        if self.necrosis[1] >= 1.0:
            raise UsageError(f"The setting necrosis must end below 1, but is {self.necrosis!r}.")


@dataclass(frozen=True, eq=False)
class Sarcoma:
    """A tumour in a box of its body's voxels, [i, j, k] along R, A and S: which are it, which of them dead, SUV."""

    box: Place
    voxels: Mask
    necrotic: Mask
    suv: Field
    lesion: Lesion

    def within(self, suv: Field) -> Field:
        """The same uptake with the tumour's, before the scanner's blur."""
        mixed = suv.copy()
        mixed[self.box][self.voxels] = self.suv[self.voxels]
        return mixed

    def among(self, lesions: Lesions) -> Lesions:
        """These lesions and the tumour, whose number is the last."""
        kind = np.promote_types(lesions.numbers.dtype, np.min_scalar_type(self.lesion.number))
        numbers, necrotic = lesions.numbers.astype(kind), lesions.necrotic.copy()
        numbers[self.box][self.voxels] = self.lesion.number
        necrotic[self.box][self.voxels] = self.necrotic[self.voxels]
        return Lesions(numbers, necrotic, (*lesions.each, self.lesion))


def make_sarcoma(
    body: Body, lesions: Lesions, settings: SarcomaSettings | None = None, *, rng: np.random.Generator
) -> Sarcoma | None:
    """A tumour that touches none of the lesions; a smaller one where there is no room, None where there is none."""
    settings = settings or SarcomaSettings()
    places, wanted_ml = Places(body), _even_log(rng, settings.volume_ml)
    for _ in range(_TRIES):
        site = str(rng.choice(list(SHARES), p=list(SHARES.values())))
        middles = places.of(site, "", rng)
        if len(middles):
            middle = middles[int(rng.integers(len(middles)))]
            costs = growing_costs(SITES[site], int(body.labels[tuple(middle)]))
            exact = middle + rng.uniform(-0.5, 0.5, 3)
            growth = grow(_form(wanted_ml, settings, rng), exact, body.labels, body.spacing_mm, costs, necrotic=False)
            if growth is not None and _has_room(growth, wanted_ml, body) and is_free(lesions.numbers, growth):
                return _described(growth, len(lesions.each) + 1, site, settings, body.spacing_mm, rng)
        wanted_ml = max(settings.volume_ml[0], wanted_ml * _SMALLER)
    return None


def necrotic_part(voxels: Mask, spacing_mm: float, share: float, rng: np.random.Generator) -> Mask:
    """So large a share of the voxels, in whole voxels: those deep inside, with an irregular border.

    >>> cube = np.ones((5, 5, 4), np.bool_)
    >>> int(necrotic_part(cube, 4.0, 0.25, np.random.default_rng(0)).sum())
    25
    """
    noise = smooth_noise(voxels.shape, spacing_mm, 25.0, rng)
    order = np.argsort(-np.where(voxels, _depth(voxels) + _IRREGULAR * noise, -np.inf), axis=None, kind="stable")
    found = np.zeros(voxels.size, dtype=np.bool_)
    found[order[: round(share * int(voxels.sum()))]] = True
    return np.asarray(found.reshape(voxels.shape))


def living_suv(
    voxels: Mask, spacing_mm: float, suv: float, *, hot_rim: float, unevenness: float, grain_mm: float,
    rng: np.random.Generator,
) -> Field:  # fmt: skip
    """The SUV that every voxel would have if it lived; 0 outside of the tumour.

    >>> living_suv(np.ones((2, 2, 2), np.bool_), 4.0, 3.0, hot_rim=0.0, unevenness=0.0, grain_mm=20.0,
    ...            rng=np.random.default_rng(0)).ravel().tolist()
    [3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0]
    """
    noise = np.clip(smooth_noise(voxels.shape, spacing_mm, grain_mm, rng), -_WIDEST, _WIDEST)
    factors = np.exp(hot_rim * (0.5 - _depth(voxels)) + unevenness * noise)
    return np.where(voxels, suv * factors, 0.0).astype(np.float32)


def _described(
    growth: Growth, number: int, site: str, settings: SarcomaSettings, spacing_mm: float, rng: np.random.Generator
) -> Sarcoma:
    voxels, suv = growth.voxels, _even_log(rng, settings.suv)
    necrotic = necrotic_part(voxels, spacing_mm, float(rng.uniform(*settings.necrosis)), rng)
    core_suv = float(rng.uniform(*settings.necrosis_suv))
    hot_rim, unevenness, grain_mm = (
        float(rng.uniform(*limits)) for limits in (settings.hot_rim, settings.unevenness, settings.grain_mm)
    )
    living = living_suv(voxels, spacing_mm, suv, hot_rim=hot_rim, unevenness=unevenness, grain_mm=grain_mm, rng=rng)
    volume_ml = float(voxels.sum()) * spacing_mm**3 / 1000.0
    lesion = Lesion(
        number=number,
        host="Muscles",
        site=site,
        diameter_mm=round(ball_diameter_mm(volume_ml), 3),
        volume_ml=volume_ml,
        suv=suv,
        hu=float(rng.uniform(*SITES[site].hu)),
        core_suv=core_suv,
        core_hu=float(rng.uniform(*_CORE_HU)),
    )
    return Sarcoma(growth.box, voxels, necrotic, np.where(necrotic, np.float32(core_suv), living), lesion)


def _form(volume_ml: float, settings: SarcomaSettings, rng: np.random.Generator) -> Form:
    """An ellipsoid along the body's axis, more or less, with a waving surface."""
    diameter = ball_diameter_mm(volume_ml)
    length, flat = float(rng.uniform(*settings.length)), float(rng.uniform(_FLATTEST, 1.0))
    across = diameter / 2.0 * (length * flat) ** (-1.0 / 3.0)
    turn, (lean_r, lean_a) = float(rng.uniform(0.0, math.pi)), rng.uniform(-_TILT, _TILT, 2).tolist()
    along = (math.cos(turn), math.sin(turn), lean_r)
    solid = Ellipsoid(
        (0.0, 0.0, 0.0), (across, across * flat, across * length), along, (-along[1], along[0], float(lean_a))
    )
    waves = Waves(tuple(rng.uniform(0.0, 2.0 * math.pi, 6).tolist()), 1.3 * diameter, 0.0)
    return Form(diameter, solid, waves, _WAVES * diameter / 2.0)


def _has_room(growth: Growth, wanted_ml: float, body: Body) -> bool:
    return float(growth.voxels.sum()) * body.spacing_mm**3 / 1000.0 >= _ROOM * wanted_ml


def _depth(voxels: Mask) -> npt.NDArray[Any]:
    """How deep inside voxels lie, in greatest depths: 1 there, and 0 outside."""
    depth = ndimage.distance_transform_edt(np.pad(voxels, 1))[1:-1, 1:-1, 1:-1]
    return np.asarray(depth / depth.max())


def _even_log(rng: np.random.Generator, limits: tuple[float, float]) -> float:
    return math.exp(float(rng.uniform(math.log(limits[0]), math.log(limits[1]))))
