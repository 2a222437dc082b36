"""Examples for box to mask out of nothing: slices of made patients, bent, in many contrasts, boxes that are off."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.grid import FloatArray, Grid
from AnatomyGuidedLib.labels import id_of, label_by_id, structures
from AnatomyGuidedLib.phantom import Body, make_body
from AnatomyGuidedLib.phantom.ct import make_ct
from AnatomyGuidedLib.phantom.lesions import make_lesions
from AnatomyGuidedLib.phantom.randomised import make_randomised_ct
from AnatomyGuidedLib.phantom.scan import draw_scan
from AnatomyGuidedLib.study_options import require_positive
from scipy import ndimage

from LIMISLib.box import Box, box_around
from LIMISLib.guidance import usual_window
from LIMISLib.limis_organs import LIMIS_ORGANS
from LIMISLib.planes import PLANES, SliceView
from LIMISLib.prompt import PRESETS, Window
from LIMISLib.segmenters.crop import Crop, Pixels, crop_around
from LIMISLib.segmenters.prompted import channels, scaled
from LIMISLib.training.bends import Bend, BendSettings, drawn_bend

MOST_CLICKS = 3

_SMALLEST_MM2, _FEWEST_VOXELS = 60.0, 6
_LEAST_PIXELS = 1.01  # of a box each way; a hair more than it needs
_LOOKED_AT = 96  # cells along the crop in which the bent structure's box is found


@dataclass(frozen=True)
class SliceSettings:
    """What slices look like; lengths in mm. `side` is the network's.

    `bodies` are kept at a time, each serving `slices_per_body`. `randomised` is the share of bodies with contrasts that
    no scanner makes, `organs` that of slices of LIMIS's eleven organs (the others are of any structure), `windowed`
    that with the structure's own window, `clicked` that with clicks. A side of the box is off by up to `loose_mm`.
    """

    side: int = 128
    spacing_mm: float = 3.0
    bodies: int = 6
    slices_per_body: int = 128
    randomised: float = 0.5
    variant: float = 0.3
    organs: float = 0.4
    windowed: float = 0.5
    clicked: float = 0.4
    loose_mm: float = 20.0
    tight_mm: float = 3.0
    bends: BendSettings = field(default_factory=BendSettings)
    seed: int = 0

    def __post_init__(self) -> None:
        require_positive(self, "side", "spacing_mm", "bodies", "slices_per_body", "loose_mm")


@dataclass(frozen=True, eq=False)
class ScannedBody:
    """A made patient with its CT, and where each structure lies."""

    hu: npt.NDArray[np.float32]
    labels: npt.NDArray[np.uint8]
    grid: Grid
    places: Mapping[int, tuple[slice, ...]]


class SliceExamples:
    """Example `number` is always the same: (7, side, side) and the structure (side, side).

    The first five channels are the network's; then the structure, and noise that `Interactive` draws clicks by (all 0
    where there are to be none).
    """

    def __init__(self, settings: SliceSettings) -> None:
        self.settings = settings
        self._body: Callable[[int], ScannedBody] = lru_cache(settings.bodies)(self._made_body)

    def example(self, number: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        rng = np.random.default_rng([self.settings.seed, 1, number])
        pixels_hu, structure, name = self._slice(self._body(self._body_of(number)), rng)
        wide = self._crop(box_around(structure).grown(left=6, right=6, top=6, bottom=6), _LOOKED_AT)
        bend = drawn_bend(rng, self.settings.bends, about=wide)
        box = self._off(_bent_box(structure, wide, bend), rng)
        crop = self._crop(box, self.settings.side)
        mask = _bent(structure.astype(np.float32), crop, bend) > 0.5
        image = scaled(pixels_hu, self._window(name, rng))
        seen = _disturbed(_bent(image, crop, bend), rng)
        shown = channels(seen, crop, box)
        noise = self._click_noise(rng)
        return np.concatenate((shown, mask[None].astype(np.float32), noise[None])), mask.astype(np.int64)

    def _body_of(self, number: int) -> int:
        """Bodies take turns, so that a batch has several."""
        kept = self.settings.bodies
        return number // (kept * self.settings.slices_per_body) * kept + number % kept

    def _made_body(self, number: int) -> ScannedBody:
        rng = np.random.default_rng([self.settings.seed, 0, number])
        sex, variant = "FM"[int(rng.integers(2))], bool(rng.random() < self.settings.variant)
        seed = int(rng.integers(1 << 31)) | (1 << 31)  # made patients that are tried out have small seeds
        body = make_body(spacing_mm=self.settings.spacing_mm, sex=sex, seed=seed, variants=variant)
        hu = self._scanned(body, rng)
        grid = Grid((hu.shape[0], hu.shape[1], hu.shape[2]), np.diag([body.spacing_mm] * 3 + [1.0]))
        known = {label.id for label in structures()}
        found = enumerate(ndimage.find_objects(body.labels), start=1)
        return ScannedBody(hu, body.labels, grid, {value: at for value, at in found if at and value in known})

    def _scanned(self, body: Body, rng: np.random.Generator) -> npt.NDArray[np.float32]:
        lesions = make_lesions(body, count=int(rng.integers(3)), pattern="scattered", rng=rng)
        if rng.random() < self.settings.randomised:
            return make_randomised_ct(body, lesions, strength=float(rng.uniform(0.1, 1.0)), rng=rng)
        return make_ct(body, lesions, draw_scan(body.plan, rng, abnormal=True), rng=rng)

    def _slice(
        self, body: ScannedBody, rng: np.random.Generator
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_], str]:
        """HU and structure [row, column] of a slice that shows enough of it, as the screen does; and its name."""
        fewest = _SMALLEST_MM2 / body.grid.spacing_mm[0] ** 2
        while True:
            value = self._structure(body, rng)
            view = SliceView(body.grid, list(PLANES.values())[int(rng.integers(3))])
            areas = _areas(body, view, value)
            numbers = np.flatnonzero(areas >= min(fewest, areas.max()))
            number = int(rng.choice(numbers)) + 1
            if areas[number - 1] >= _FEWEST_VOXELS:
                structure = np.asarray(view.slice_of(body.labels, number) == value)
                return view.slice_of(body.hu, number), structure, label_by_id(value).name

    def _structure(self, body: ScannedBody, rng: np.random.Generator) -> int:
        organs = [value for value in map(id_of, LIMIS_ORGANS) if value in body.places]
        candidates = organs if organs and rng.random() < self.settings.organs else sorted(body.places)
        return int(rng.choice(candidates))

    def _crop(self, box: Box, side: int) -> Crop:
        return crop_around(box, pixel_mm=(self.settings.spacing_mm,) * 2, side=side)

    def _off(self, box: Box, rng: np.random.Generator) -> Box:
        """The box with its sides off: inwards by a quarter of it at most, and never to less than a pixel."""
        left, right, top, bottom = (self._off_mm(rng) / self.settings.spacing_mm).tolist()
        left, right = _at_least_a_pixel(box.width, left, right)
        top, bottom = _at_least_a_pixel(box.height, top, bottom)
        return box.grown(left=left, right=right, top=top, bottom=bottom)

    def _off_mm(self, rng: np.random.Generator) -> FloatArray:
        """By side, how far the box is off: all alike, or each its own."""
        common = rng.uniform(0.0, self.settings.loose_mm)
        own = rng.uniform(-self.settings.tight_mm, self.settings.tight_mm, 4)
        if rng.random() < 0.3:
            own = rng.uniform(-self.settings.tight_mm, self.settings.loose_mm, 4)
            common = 0.0
        return np.asarray(common + own)

    def _window(self, name: str, rng: np.random.Generator) -> Window | None:
        """The structure's own window, another one, or none; the level and width are a little off."""
        draw = rng.random()
        if draw > (1 + self.settings.windowed) / 2:
            return None
        own = PRESETS[usual_window(name)]
        window = own if draw < self.settings.windowed else list(PRESETS.values())[int(rng.integers(len(PRESETS)))]
        width = window.width_hu * float(np.exp(rng.normal(0.0, 0.25)))
        return Window(window.level_hu + float(rng.normal(0.0, 0.1)) * window.width_hu, width)

    def _click_noise(self, rng: np.random.Generator) -> Pixels:
        """Noise whose highest value says how many clicks there are to be: 1/3 for one, 1 for three."""
        side = self.settings.side
        if rng.random() >= self.settings.clicked:
            return np.zeros((side, side), np.float32)
        clicks = int(rng.integers(1, MOST_CLICKS + 1))
        return np.asarray(rng.uniform(0.01, 1.0, (side, side)) * clicks / MOST_CLICKS, np.float32)


def _areas(body: ScannedBody, view: SliceView, value: int) -> npt.NDArray[np.int64]:
    """Voxels of the structure by slice of the view; only where it lies is looked at."""
    i, j, k = body.places[value]
    near = view.turned(body.labels[i, j, k] == value)
    first = min(view.number_of((i.start, j.start, k.start)), view.number_of((i.stop - 1, j.stop - 1, k.stop - 1))) - 1
    areas = np.zeros(view.count, np.int64)
    areas[first : first + len(near)] = np.count_nonzero(near, axis=(1, 2))
    return areas


def _bent(pixels: Pixels, crop: Crop, bend: Bend) -> Pixels:
    """The crop of the bent slice."""
    return np.asarray(ndimage.map_coordinates(pixels, bend.pixels_of(crop), order=1, mode="nearest"), np.float32)


def _at_least_a_pixel(size: float, one: float, other: float) -> tuple[float, float]:
    """How far two opposite sides are off, so that a box of this size keeps half of it, and a pixel."""
    one, other = max(one, -size / 4), max(other, -size / 4)
    return (one, other) if size + one + other >= 1 else (0.0, 0.0)


def _bent_box(structure: npt.NDArray[np.bool_], wide: Crop, bend: Bend) -> Box:
    """The box around the structure once it is bent, at least a pixel each way."""
    found = _bent(structure.astype(np.float32), wide, bend) > 0.5
    found[wide.side // 2, wide.side // 2] |= not found.any()
    cells = box_around(found)
    least = _LEAST_PIXELS * wide.pixel_mm[0] / wide.step_mm
    more_x, more_y = max(0.0, least - cells.width) / 2, max(0.0, least - cells.height) / 2
    return wide.box_of(cells.grown(left=more_x, right=more_x, top=more_y, bottom=more_y))


def _disturbed(image: Pixels, rng: np.random.Generator) -> Pixels:
    """What scanners and displays add: blur, a power, a slow shading, noise fine and coarse."""
    if rng.random() < 0.4:
        image = ndimage.gaussian_filter(image, rng.uniform(0.3, 1.5))
    image = image ** np.float32(np.exp(rng.normal(0.0, 0.2)))
    side = image.shape[0]
    shading = ndimage.zoom(
        rng.normal(0.0, 0.04 * rng.random(), (4, 4)), side / 4, order=1, mode="nearest", grid_mode=True
    )
    grain = ndimage.gaussian_filter(rng.standard_normal(image.shape), rng.uniform(0.0, 1.5))
    grain *= abs(rng.normal(0.0, 0.05)) / max(float(grain.std()), 1e-6)
    return np.asarray(np.clip(image + shading + grain, 0.0, 1.0), np.float32)
