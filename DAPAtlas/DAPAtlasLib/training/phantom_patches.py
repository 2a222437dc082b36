"""Examples for training out of nothing: patches of made patients, bent, scaled, cut off and scanned in many ways."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.grid import FloatArray
from AnatomyGuidedLib.labels import labels
from AnatomyGuidedLib.phantom import Body, make_body
from AnatomyGuidedLib.phantom.ct import make_ct
from AnatomyGuidedLib.phantom.lesions import make_lesions
from AnatomyGuidedLib.phantom.randomised import make_randomised_ct
from AnatomyGuidedLib.phantom.scan import draw_scan
from AnatomyGuidedLib.study_options import require_positive
from scipy import ndimage

AIR_HU = -1024.0
LOWEST_HU, HIGHEST_HU, UNIT_HU = -1000.0, 1500.0, 1000.0
_BODIES_KEPT = 2
_COARSE = 5  # points along an axis of the random deformation


@dataclass(frozen=True)
class PatchSettings:
    """The voxels of a patch and how far examples stray from the plain phantom; lengths in mm, turns in radians.

    A body serves `patches_per_body` patches. `randomised` is the share of patches with contrasts that no scanner makes,
    `variant` that of bodies with something abnormal, `narrow` that of patches whose field of view ends inside the body.
    """

    shape: tuple[int, int, int] = (64, 48, 64)
    spacing_mm: float = 6.0
    patches_per_body: int = 4
    randomised: float = 0.35
    variant: float = 0.35
    narrow: float = 0.3
    scale: float = 0.15
    turn: float = 0.12
    bend_mm: float = 9.0
    seed: int = 0

    def __post_init__(self) -> None:
        require_positive(self, "shape", "spacing_mm", "patches_per_body")


def class_ids() -> tuple[int, ...]:
    """By class of the network's output the DAP id: background, Unknown Tissue, the 142 structures."""
    return (0, *sorted(label.id for label in labels() if label.id))


def normalised(hu: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """HU as a network of ours sees them: air -1, water 0, dense bone 1.5, soft tissue spread within."""
    return np.asarray(np.clip(hu, LOWEST_HU, HIGHEST_HU) / UNIT_HU, dtype=np.float32)


class PhantomPatches:
    """Patch `number` is always the same: `example` gives HU (1, i, j, k) along RAS, normalised, and classes."""

    def __init__(self, settings: PatchSettings) -> None:
        self.settings = settings
        self._class_of = np.zeros(256, np.int64)
        self._class_of[list(class_ids())] = np.arange(len(class_ids()))
        self._body = lru_cache(_BODIES_KEPT)(self._made_body)

    def example(self, number: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        rng = np.random.default_rng([self.settings.seed, 1, number])
        body = self._body(number // self.settings.patches_per_body)
        hu = self._scanned(body, rng)
        places = self._places(body, rng)
        image = ndimage.map_coordinates(hu, places, order=1, mode="constant", cval=AIR_HU, prefilter=False)
        found = ndimage.map_coordinates(body.labels, places, order=0, mode="constant", cval=0, prefilter=False)
        classes = self._class_of[found]
        if rng.random() < self.settings.narrow:
            outside = self._beyond_view(rng)
            image[outside], classes[outside] = AIR_HU, 0
        return normalised(_recalibrated(image, rng))[None], classes

    def _made_body(self, number: int) -> Body:
        rng = np.random.default_rng([self.settings.seed, 0, number])
        sex, variant = "FM"[int(rng.integers(2))], bool(rng.random() < self.settings.variant)
        seed = int(rng.integers(1 << 31)) | (1 << 31)  # made patients that are tried out have small seeds
        return make_body(spacing_mm=self.settings.spacing_mm, sex=sex, seed=seed, variants=variant)

    def _scanned(self, body: Body, rng: np.random.Generator) -> npt.NDArray[np.float32]:
        lesions = make_lesions(body, count=int(rng.integers(3)), pattern="scattered", rng=rng)
        if rng.random() < self.settings.randomised:
            return make_randomised_ct(body, lesions, strength=float(rng.uniform(0.1, 1.0)), rng=rng)
        return make_ct(body, lesions, draw_scan(body.plan, rng, abnormal=True), rng=rng)

    def _places(self, body: Body, rng: np.random.Generator) -> FloatArray:
        """Where the patch's voxels lie in the body's array, (3, i, j, k)."""
        size = np.array(self.settings.shape)
        offsets = np.stack(np.meshgrid(*[np.arange(n) - (n - 1) / 2 for n in size], indexing="ij")).astype(np.float64)
        bend = rng.normal(0.0, self.settings.bend_mm / self.settings.spacing_mm, (3, _COARSE, _COARSE, _COARSE))
        smooth = np.stack(
            [ndimage.zoom(part, size / _COARSE, order=2, mode="nearest", grid_mode=True) for part in bend]
        )
        turned = np.einsum("ab,bijk->aijk", self._matrix(rng), offsets)
        return np.asarray(turned + smooth + self._middle(body, rng)[:, None, None, None])

    def _matrix(self, rng: np.random.Generator) -> FloatArray:
        """Turn, and scale: in common for all axes, and a little for each."""
        x, y, z = rng.normal(0.0, self.settings.turn / 2, 3)
        turn = np.eye(3) + np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        amount = self.settings.scale
        scale = np.exp(rng.uniform(-amount, amount) + rng.uniform(-amount / 2, amount / 2, 3))
        return np.asarray(turn * scale)

    def _middle(self, body: Body, rng: np.random.Generator) -> FloatArray:
        """A patch's centre: anywhere along the body; near its axis where the patch is wide enough to hold it."""
        half, size = np.array(self.settings.shape) / 2, np.array(body.labels.shape)
        room = np.maximum(size / 2 - half, 0.0) + np.array([6.0, 6.0, 0.0])
        centre = (size - 1) / 2 + rng.uniform(-1.0, 1.0, 3) * room
        low = min(half[2] * 0.6, size[2] / 2)
        centre[2] = rng.uniform(low, size[2] - low)
        return np.asarray(centre)

    def _beyond_view(self, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
        """True outside a field of view that ends within the patch: above, below, and a circle around the middle."""
        i, j, k = (np.arange(n, dtype=np.float32) for n in self.settings.shape)
        low, high = np.sort(rng.uniform(-0.3, 1.3, 2))
        if high - low < 0.35:
            low, high = -1.0, 2.0
        above = (k < low * len(k)) | (k > high * len(k))
        radius_mm = rng.uniform(160.0, 280.0)
        away = np.hypot((i - (len(i) - 1) / 2)[:, None], (j - (len(j) - 1) / 2)[None, :]) * self.settings.spacing_mm
        return np.asarray((away > radius_mm)[:, :, None] | above[None, None, :])


def _recalibrated(hu: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """What scanners and protocols add: a gain, an offset, noise, and now and then a blur."""
    if rng.random() < 0.3:
        hu = ndimage.gaussian_filter(hu, rng.uniform(0.3, 0.9))
    gain, offset, noise = rng.uniform(0.93, 1.07), rng.normal(0.0, 10.0), abs(rng.normal(0.0, 12.0))
    changed = (hu + 1000.0) * np.float32(gain) - np.float32(1000.0 - offset)
    return np.asarray(changed + rng.standard_normal(hu.shape, dtype=np.float32) * np.float32(noise), dtype=np.float32)
