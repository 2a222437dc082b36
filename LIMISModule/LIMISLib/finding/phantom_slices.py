"""Slices of made patients for training a finder: bent, turned, scaled, scanned in many ways, with every organ's box."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.grid import FloatArray
from AnatomyGuidedLib.phantom import make_body
from AnatomyGuidedLib.phantom.ct import make_ct
from AnatomyGuidedLib.phantom.lesions import make_lesions
from AnatomyGuidedLib.phantom.randomised import make_randomised_ct
from AnatomyGuidedLib.phantom.scan import draw_scan
from AnatomyGuidedLib.study_options import require_positive
from scipy import ndimage

from LIMISLib.finding.augmentation import Augmentation
from LIMISLib.finding.frames import AIR_HU, Frame, channels, corner_around
from LIMISLib.finding.intensities import Image, Intensities, intensities_of
from LIMISLib.finding.organs import organ_ids

_COARSE = 4  # points along a side of the random deformation
_SMALLEST_PX = 3  # a box with fewer pixels of an organ is not taught


@dataclass(frozen=True)
class SliceSettings:
    """How made patients are drawn: `bodies_at_once` take turns, each giving `slices_per_body` slices in all.

    `randomised` is the share of slices with contrasts that no scanner makes (`strangest` is their strength at most),
    `variant` that of bodies with something abnormal, `elsewhere` that of slices drawn anywhere, also where no organ is,
    `narrow` that of fields of view which end within the body. HU are normalised by the first `measured_bodies`.
    """

    frame: Frame = field(default_factory=Frame)
    spacing_mm: float = 4.0
    bodies_at_once: int = 8
    slices_per_body: int = 96
    randomised: float = 0.35
    strangest: float = 0.6
    variant: float = 0.35
    elsewhere: float = 0.15
    narrow: float = 0.2
    bend_mm: float = 5.0
    measured_bodies: int = 6
    augmentation: Augmentation = field(default_factory=Augmentation)
    seed: int = 0

    def __post_init__(self) -> None:
        require_positive(self, "spacing_mm", "bodies_at_once", "slices_per_body", "measured_bodies")


@dataclass(frozen=True, eq=False)
class _Scanned:
    """A body turned as the screen shows it, [slice, row, column], and its two scans in HU: plain and randomised."""

    labels: npt.NDArray[np.uint8]
    scans: tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]


class PhantomSlices:
    """Example `number` is always the same: the network's channels, and a box (left, top, right, bottom) each organ."""

    def __init__(self, settings: SliceSettings) -> None:
        self.settings = settings
        self._classes = np.full(256, -1)
        self._classes[list(organ_ids())] = np.arange(len(organ_ids()))
        self._scanned = lru_cache(2 * settings.bodies_at_once)(self._made)
        self.intensities = self._measured()

    def example(self, number: int) -> tuple[Image, npt.NDArray[np.int64]]:
        stack, classes = self.slices(number)
        return channels(stack, self.intensities), boxes_of(classes, len(organ_ids()))

    def slices(self, number: int) -> tuple[Image, npt.NDArray[np.int64]]:
        """HU of the slice, the one below and the one above, and the first one's classes (-1 is none)."""
        rng = np.random.default_rng([self.settings.seed, 1, number])
        at_once, each = self.settings.bodies_at_once, self.settings.slices_per_body
        group, within = divmod(number, at_once * each)
        scanned = self._scanned(group * at_once + within % at_once)
        classes = self._classes[scanned.labels]
        hu = scanned.scans[int(rng.random() < self.settings.randomised)]
        place = self._place(classes, rng)
        away = self.settings.frame.beyond_mm / self.settings.spacing_mm * rng.uniform(0.7, 1.3)
        levels = [min(max(round(place + step), 0), len(hu) - 1) for step in (0.0, -away, away)]
        places = self._pixels(hu[place].astype(np.float32), rng)
        stack = np.stack(
            [
                ndimage.map_coordinates(
                    hu[level].astype(np.float32), places, order=1, mode="constant", cval=AIR_HU, prefilter=False
                )
                for level in levels
            ]
        )
        found = ndimage.map_coordinates(classes[place], places, order=0, mode="constant", cval=-1, prefilter=False)
        if rng.random() < self.settings.narrow:
            outside = self._beyond_view(rng)
            stack[:, outside], found[outside] = AIR_HU, -1
        return _recalibrated(stack, rng), found

    def _place(self, classes: npt.NDArray[np.int64], rng: np.random.Generator) -> int:
        """A slice that shows an organ which is drawn first, so that short ones are seen as often as long ones."""
        shows = [np.flatnonzero((classes == number).any(axis=(1, 2))) for number in range(len(organ_ids()))]
        shows = [where for where in shows if len(where)]
        if not shows or rng.random() < self.settings.elsewhere:
            return int(rng.integers(len(classes)))
        return int(rng.choice(shows[int(rng.integers(len(shows)))]))

    def _pixels(self, hu: Image, rng: np.random.Generator) -> FloatArray:
        """Where the input's pixels lie in the body's slice, (2, rows, columns)."""
        settings, shape = self.settings, self.settings.frame.shape
        ratio = settings.frame.pixel_mm / settings.spacing_mm
        coarse = [round(size * ratio) for size in shape]
        corner = corner_around(hu, (coarse[0], coarse[1]))
        centre = np.array([start + (size - 1) / 2 for start, size in zip(corner, coarse, strict=True)])
        offsets = np.stack(np.meshgrid(*[np.arange(size) - (size - 1) / 2 for size in shape], indexing="ij"))
        matrix, shift = settings.augmentation.drawn(rng)
        bend = rng.normal(0.0, settings.bend_mm / settings.frame.pixel_mm, (2, _COARSE, _COARSE))
        smooth = np.stack(
            [ndimage.zoom(part, np.array(shape) / _COARSE, order=2, mode="nearest", grid_mode=True) for part in bend]
        )
        moved = np.einsum("ab,bij->aij", matrix, offsets) + smooth + shift[:, None, None]
        return np.asarray(moved * ratio + centre[:, None, None])

    def _beyond_view(self, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
        """True outside a circle around about the middle."""
        rows, columns = self.settings.frame.shape
        middle = np.array([(rows - 1) / 2, (columns - 1) / 2]) + rng.normal(0.0, 6.0, 2)
        radius = rng.uniform(140.0, 230.0) / self.settings.frame.pixel_mm
        row, column = np.ogrid[:rows, :columns]
        return np.asarray(np.hypot(row - middle[0], column - middle[1]) > radius)

    def _made(self, number: int) -> _Scanned:
        settings = self.settings
        rng = np.random.default_rng([settings.seed, 0, number])
        sex, variant = "FM"[int(rng.integers(2))], bool(rng.random() < settings.variant)
        seed = int(rng.integers(1 << 31)) | (1 << 31)  # made patients that are tried out have small seeds
        body = make_body(spacing_mm=settings.spacing_mm, sex=sex, seed=seed, variants=variant)
        lesions = make_lesions(body, count=int(rng.integers(3)), pattern="scattered", rng=rng)
        plain = make_ct(body, lesions, draw_scan(body.plan, rng, abnormal=True), rng=rng)
        strange = make_randomised_ct(body, lesions, strength=float(rng.uniform(0.1, settings.strangest)), rng=rng)
        return _Scanned(shown(body.labels), (_whole(plain), _whole(strange)))

    def _measured(self) -> Intensities:
        """The normalisation of the first bodies' plain scans: clipped by all that is body, scaled by the organs."""
        inside, organs = [], []
        for number in range(self.settings.measured_bodies):
            scanned = self._scanned(number)
            inside.append(scanned.scans[0][scanned.labels > 0])
            organs.append(scanned.scans[0][self._classes[scanned.labels] >= 0])
        return intensities_of(np.concatenate(inside).astype(np.float32), np.concatenate(organs).astype(np.float32))


def shown(values: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """A made body's array along R, A, S as [slice, row, column] of the screen: right to the left, front up."""
    return np.ascontiguousarray(values.transpose(2, 1, 0)[:, ::-1, ::-1])


def boxes_of(classes: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    """The box around each class's pixels (count, 4: left, top, right, bottom), zeros where it has next to none.

    >>> boxes_of(np.array([[-1, 1, 1], [-1, 1, 1]]), 2).tolist()
    [[0, 0, 0, 0], [1, 0, 3, 2]]
    """
    boxes = np.zeros((count, 4), dtype=np.int64)
    for number, spans in enumerate(ndimage.find_objects(classes + 1, max_label=count)):
        if spans is not None and np.count_nonzero(classes[spans] == number) >= _SMALLEST_PX:
            rows, columns = spans
            boxes[number] = columns.start, rows.start, columns.stop, rows.stop
    return boxes


def _whole(hu: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    turned = hu.transpose(2, 1, 0)[:, ::-1, ::-1]
    return np.ascontiguousarray(np.rint(turned), dtype=np.int16)


def _recalibrated(hu: Image, rng: np.random.Generator) -> Image:
    """What scanners and protocols add: a gain, an offset, noise, and now and then a blur."""
    if rng.random() < 0.3:
        sigma = rng.uniform(0.3, 0.9)
        hu = ndimage.gaussian_filter(hu, (0.0, sigma, sigma))
    gain, offset, noise = rng.uniform(0.93, 1.07), rng.normal(0.0, 10.0), abs(rng.normal(0.0, 12.0))
    changed = (hu + 1000.0) * np.float32(gain) - np.float32(1000.0 - offset)
    return np.asarray(changed + rng.standard_normal(hu.shape, dtype=np.float32) * np.float32(noise), dtype=np.float32)
