"""Lesions of a made body: where they lie, how large they are, and how they look in CT and PET."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import FloatArray
from AnatomyGuidedLib.labels import id_of, label_by_id
from AnatomyGuidedLib.phantom.anatomy import Body
from AnatomyGuidedLib.phantom.lesion_patterns import SITES, Near, Pattern, Site, pattern_by_name
from AnatomyGuidedLib.phantom.lesion_shapes import BARRIER, Growth, ball_diameter_mm, draw_form, grow
from AnatomyGuidedLib.phantom.shapes import Field

_TRIES = 24
_SMALLER = 0.88  # of the diameter, after a place had no room
_SMALLEST_MM = 2.0
_NECROSIS_FROM_MM = 22.0
_YIELDING_COST = 0.5
_MOST_PLACES = 4000
_SEARCH_MM = 3.0
_CORE_HU = (8.0, 25.0)
_CORE_SUV = (0.6, 1.4)


@dataclass(frozen=True)
class Lesion:
    """One lesion; `hu` and `suv` are those of its living part, before the scanners' blur and noise.

    `diameter_mm` is that of a ball of the lesion's `volume_ml`, which may be less than the volume of its voxels.
    """

    number: int
    host: str
    site: str
    diameter_mm: float
    volume_ml: float
    suv: float
    hu: float
    core_suv: float
    core_hu: float


@dataclass(frozen=True, eq=False)
class Lesions:
    """Lesion numbers from 1 on a body's voxels, [i, j, k] along R, A and S, and which of them are necrotic."""

    numbers: npt.NDArray[Any]
    necrotic: npt.NDArray[np.bool_]
    each: tuple[Lesion, ...]


def make_lesions(
    body: Body, *, count: int | None = None, pattern: str = "scattered", rng: np.random.Generator
) -> Lesions:
    """Lesions that lie as this disease's do and never touch each other.

    Args:
        body: The body, whole or not; sites that it lacks are left out.
        count: How many; fewer come where no place is left. None draws the number as the pattern has it.
        pattern: One of `lesion_patterns.PATTERNS`.
        rng: The source of all that is drawn.

    Raises:
        AnatomyGuidedError: There is no such pattern, or the count is below 0.
    """
    disease = pattern_by_name(pattern)
    if count is not None and count < 0:
        raise AnatomyGuidedError(f"The count of lesions must be 0 or more, but came as {count}.")
    wanted = round(disease.count.draw(rng)) if count is None else count
    numbers = np.zeros(body.labels.shape, dtype=np.min_scalar_type(wanted))
    found = Lesions(numbers, np.zeros(numbers.shape, dtype=np.bool_), ())
    places = Places(body)
    for _ in range(wanted):
        lesion = _add(found, body, disease, places, rng)
        if lesion is None:
            break
        found = Lesions(numbers, found.necrotic, (*found.each, lesion))
    return found


class Places:
    """Where lesions of each site may have their middles, found when first asked for."""

    def __init__(self, body: Body) -> None:
        self._step = max(1, int(_SEARCH_MM / body.spacing_mm))
        self._labels = np.ascontiguousarray(body.labels[:: self._step, :: self._step, :: self._step])
        self._mm = body.spacing_mm * self._step
        self._boxes = ndimage.find_objects(self._labels, 255)
        self._known: dict[tuple[str, str], npt.NDArray[np.intp]] = {}

    def of(self, name: str, first_side: str, rng: np.random.Generator) -> npt.NDArray[np.intp]:
        """Voxels, one a row; those on the side that the site wants of the first lesion's."""
        site = SITES[name]
        key = (name, first_side if site.side else "")
        if key not in self._known:
            self._known[key] = self._found(site, _of_side(site, first_side), rng) * self._step
        return self._known[key]

    def _found(self, site: Site, hosts: Sequence[str], rng: np.random.Generator) -> npt.NDArray[np.intp]:
        box = self._reach(site, hosts)
        if box is None:
            return np.empty((0, 3), dtype=np.intp)
        voxels = np.argwhere(_wanted(hosts)[self._labels[box]]) + [side.start for side in box]
        if len(voxels) > 20 * _MOST_PLACES:
            voxels = voxels[rng.choice(len(voxels), 20 * _MOST_PLACES, replace=False)]
        for near in site.near:
            voxels = voxels[self._close(voxels, near)]
        if len(voxels) > _MOST_PLACES:
            voxels = voxels[rng.choice(len(voxels), _MOST_PLACES, replace=False)]
        return np.asarray(voxels, dtype=np.intp)

    def _close(self, voxels: npt.NDArray[np.intp], near: Near) -> npt.NDArray[np.bool_]:
        box = self._around(near.structures, 0.0)
        if box is None or not len(voxels):
            return np.zeros(len(voxels), dtype=np.bool_)
        points = np.argwhere(_wanted(near.structures)[self._labels[box]]) + [side.start for side in box]
        reach = near.within_mm / self._mm
        distances, _ = cKDTree(points).query(voxels, distance_upper_bound=reach + 1e-6)
        return np.asarray(distances <= reach)

    def _reach(self, site: Site, hosts: Sequence[str]) -> tuple[slice, ...] | None:
        """The box that holds all that can be a middle."""
        boxes = [self._around(hosts, 0.0), *(self._around(near.structures, near.within_mm) for near in site.near)]
        present = [box for box in boxes if box is not None]
        if len(present) < len(boxes):
            return None
        sides = [(max(s.start for s in same), min(s.stop for s in same)) for same in zip(*present, strict=True)]
        return tuple(slice(*side) for side in sides) if all(low < high for low, high in sides) else None

    def _around(self, names: Sequence[str], reach_mm: float) -> tuple[slice, ...] | None:
        """The box around these structures and so many mm more; None where none of them is there."""
        boxes = [self._boxes[id_of(name) - 1] for name in names if self._boxes[id_of(name) - 1] is not None]
        if not boxes:
            return None
        more = int(np.ceil(reach_mm / self._mm))
        return tuple(
            slice(max(0, min(s.start for s in same) - more), min(size, max(s.stop for s in same) + more))
            for same, size in zip(zip(*boxes, strict=True), self._labels.shape, strict=True)
        )


def _add(found: Lesions, body: Body, disease: Pattern, places: Places, rng: np.random.Generator) -> Lesion | None:
    """The next lesion, written into the numbers; None where no place was found for it."""
    number = len(found.each) + 1
    first_side = label_by_id(id_of(found.each[0].host)).side if found.each else ""
    primary = number == 1 and bool(disease.first)
    sizes = disease.first_diameter_mm if primary and disease.first_diameter_mm else disease.diameter_mm
    diameter = sizes.draw(rng)
    for _ in range(_TRIES):
        name = _site(disease, primary, first_side, places, rng)
        if not name:
            return None
        middles = places.of(name, first_side, rng)
        middle = middles[int(rng.integers(len(middles)))]
        growth = _grown(body, disease, SITES[name], middle, min(diameter, SITES[name].largest_mm), rng)
        if growth is not None and is_free(found.numbers, growth):
            found.numbers[growth.box][growth.voxels] = number
            found.necrotic[growth.box][growth.core] = True
            host = label_by_id(int(body.labels[tuple(middle)])).name
            return _described(number, host, name, growth, disease, rng)
        diameter = max(_SMALLEST_MM, diameter * _SMALLER)
    return None


def _site(disease: Pattern, primary: bool, first_side: str, places: Places, rng: np.random.Generator) -> str:
    """A site that this body has, drawn by the shares; "" where it has none."""
    if primary and len(places.of(disease.first, "", rng)):
        return disease.first
    names = list(disease.shares)
    for index in rng.choice(len(names), len(names), replace=False, p=_shares(disease)):
        if len(places.of(names[int(index)], first_side, rng)):
            return names[int(index)]
    return ""


def _shares(disease: Pattern) -> FloatArray:
    weights = np.array(list(disease.shares.values()), dtype=np.float64)
    return np.asarray(weights / weights.sum())


def _grown(
    body: Body, disease: Pattern, site: Site, middle: npt.NDArray[np.intp], diameter: float, rng: np.random.Generator
) -> Growth | None:
    form = draw_form(diameter, lobed=bool(rng.random() < disease.lobed_share), rng=rng)
    exact = middle + rng.uniform(-0.5, 0.5, 3)
    necrotic = diameter >= _NECROSIS_FROM_MM and bool(rng.random() < disease.necrotic_share)
    host = int(body.labels[tuple(middle)])
    return grow(form, exact, body.labels, body.spacing_mm, growing_costs(site, host), necrotic=necrotic)


def growing_costs(site: Site, host: int) -> Field:
    """What a lesion of this site pays for growing into each DAP id, in radii."""
    costs = np.full(256, BARRIER, dtype=np.float32)
    costs[[id_of(name) for name in site.yielding]] = _YIELDING_COST
    costs[[host, *(id_of(name) for name in site.through)]] = 0.0
    return costs


def is_free(numbers: npt.NDArray[Any], growth: Growth) -> bool:
    """Whether no voxel of another lesion is among the growth's or beside them, by a corner even."""
    around = tuple(
        slice(max(0, side.start - 1), min(size, side.stop + 1))
        for side, size in zip(growth.box, numbers.shape, strict=True)
    )
    others = numbers[around] > 0
    if not others.any():
        return True
    padding = [(side.start - wide.start, wide.stop - side.stop) for side, wide in zip(growth.box, around, strict=True)]
    wider = ndimage.binary_dilation(np.pad(growth.voxels, padding), np.ones((3, 3, 3), dtype=np.bool_))
    return not bool((others & wider).any())


def _described(number: int, host: str, name: str, growth: Growth, disease: Pattern, rng: np.random.Generator) -> Lesion:
    return Lesion(
        number=number,
        host=host,
        site=name,
        diameter_mm=round(ball_diameter_mm(growth.volume_ml), 3),
        volume_ml=growth.volume_ml,
        suv=disease.suv.draw(rng),
        hu=float(rng.uniform(*SITES[name].hu)),
        core_suv=float(rng.uniform(*_CORE_SUV)),
        core_hu=float(rng.uniform(*_CORE_HU)),
    )


def _of_side(site: Site, first_side: str) -> list[str]:
    """The site's hosts on the same or the other side as the first lesion's host; all where no side is wanted."""
    if not site.side or not first_side:
        return list(site.hosts)
    return [host for host in site.hosts if (label_by_id(id_of(host)).side == first_side) == (site.side == "same")]


def _wanted(names: Sequence[str]) -> npt.NDArray[np.bool_]:
    wanted = np.zeros(256, dtype=np.bool_)
    wanted[[id_of(name) for name in names]] = True
    return wanted
