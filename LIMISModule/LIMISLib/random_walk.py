"""From a prompt to probabilities: a random walk between what surely is the structure and what surely is not.

The walk (Grady 2006, doi 10.1109/TPAMI.2006.233, with priors: Grady 2005, doi 10.1109/CVPR.2005.239) goes easily
between pixels of like HU; a pixel's probability is that a walker from it meets the structure first. Seeded growth gives
the prior, clicks are certain.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.grid import FloatArray
from scipy import ndimage, sparse
from scipy.sparse.linalg import spsolve

from LIMISLib.prompt import Click, Prompt
from LIMISLib.prompt_segmenter import Mask, SeededGrowth
from LIMISLib.segmenters.capabilities import Capabilities, require_understood

Chances = npt.NDArray[np.float32]

_CAPABILITIES = Capabilities()
_LEAST_WEIGHT = 1e-4
_CERTAIN = 1e4  # of a click, beside weights of at most 1


@dataclass(frozen=True)
class RandomWalk:
    """Probabilities that pixels are the structure's; 0 outside the box.

    `contrast_hu` is the difference between neighbours at which a step becomes unlikely; a narrower window than
    `full_window_hu` makes it smaller in proportion. `trust` is the weight of the prior beside that of a step.
    """

    name: str = "random_walk"
    growth: SeededGrowth = field(default_factory=SeededGrowth)
    contrast_hu: float = 15.0
    full_window_hu: float = 400.0
    trust: float = 0.05
    click_radius_mm: float = 3.0
    most_pixels: int = 128  # along a side of the box; larger boxes are walked on a coarser grid
    capabilities: Capabilities = field(default=_CAPABILITIES, repr=False)
    weights_sha256: str = ""

    def chances(self, pixels_hu: npt.NDArray[np.float32], prompt: Prompt, *, pixel_mm: tuple[float, float]) -> Chances:
        """The probabilities, of the slice's shape.

        >>> from LIMISLib.box import Box
        >>> image = np.full((40, 40), -100, np.float32)
        >>> image[10:30, 12:28] = 50
        >>> found = RandomWalk().chances(image, Prompt(Box(9, 7, 31, 33)), pixel_mm=(1.0, 1.0))
        >>> bool(found[20, 20] > 0.8), bool(found[8, 14] < 0.1), bool(found[2, 2] == 0)
        (True, True, True)

        Raises:
            AnatomyGuidedError: The box lies outside the slice, or the prompt has an earlier mask.
        """
        require_understood(prompt, self.capabilities, self.name)
        inside = prompt.box.pixels((pixels_hu.shape[0], pixels_hu.shape[1]))
        seen_hu = (
            pixels_hu if prompt.window is None else np.clip(pixels_hu, prompt.window.low_hu, prompt.window.high_hu)
        )
        prior = self._prior(seen_hu, prompt, inside, pixel_mm)
        step = max(1, -(-max(prior.shape) // self.most_pixels))
        coarse = self._walked(
            _shrunk(seen_hu[inside].astype(np.float64), step), _shrunk(prior, step), self._contrast(prompt),
            [(click, (click.row - inside[0].start) // step, (click.column - inside[1].start) // step)
             for click in prompt.clicks],
            self.click_radius_mm / (step * float(np.mean(pixel_mm))),
        )  # fmt: skip
        found = np.zeros(pixels_hu.shape, np.float32)
        found[inside] = coarse if step == 1 else _enlarged(coarse, prior.shape, step)
        return found

    def from_prior(self, values_hu: FloatArray, prior: FloatArray) -> FloatArray:
        """The probabilities of a walk on an image [row, column] with a prior of its own."""
        step = max(1, -(-max(prior.shape) // self.most_pixels))
        found = self._walked(_shrunk(values_hu, step), _shrunk(prior, step), self.contrast_hu, [], 0.0)
        return found if step == 1 else _enlarged(found, prior.shape, step)

    def _contrast(self, prompt: Prompt) -> float:
        width = self.full_window_hu if prompt.window is None else prompt.window.width_hu
        return self.contrast_hu * min(1.0, width / self.full_window_hu)

    def _prior(
        self,
        seen_hu: npt.NDArray[np.float32],
        prompt: Prompt,
        inside: tuple[slice, slice],
        pixel_mm: tuple[float, float],
    ) -> FloatArray:
        """How likely pixels of the box are the structure's before the walk: growth, and HU like those of clicks."""
        grown = self.growth.segment(seen_hu, prompt.box, pixel_mm=pixel_mm)[inside]
        depth = ndimage.distance_transform_edt(grown, sampling=pixel_mm) - ndimage.distance_transform_edt(
            ~grown, sampling=pixel_mm
        )
        prior = np.asarray(1.0 / (1.0 + np.exp(-depth / max(pixel_mm))))
        smooth = ndimage.gaussian_filter(seen_hu[inside].astype(np.float64), 1.0)
        for click in prompt.clicks:
            row, column = click.row - inside[0].start, click.column - inside[1].start
            if not (0 <= row < prior.shape[0] and 0 <= column < prior.shape[1]):
                continue
            alike = _connected(np.abs(smooth - smooth[row, column]) <= self._contrast(prompt), row, column)
            if click.is_foreground != bool(grown[row, column]):  # the prior was wrong here, and so in what is like it
                prior[alike & (grown != click.is_foreground)] = 0.9 if click.is_foreground else 0.1
        return prior

    def _walked(
        self,
        values_hu: FloatArray,
        prior: FloatArray,
        contrast_hu: float,
        clicks: list[tuple[Click, int, int]],
        radius: float,
    ) -> FloatArray:
        rows, columns = values_hu.shape
        numbers = np.arange(rows * columns).reshape(rows, columns)
        pairs = [(numbers[:-1], numbers[1:]), (numbers[:, :-1], numbers[:, 1:])]
        one, other = (np.concatenate([pair[side].ravel() for pair in pairs]) for side in (0, 1))
        flat = values_hu.ravel()
        weights = np.exp(-(((flat[one] - flat[other]) / contrast_hu) ** 2)) + _LEAST_WEIGHT
        steps = sparse.coo_array((weights, (one, other)), shape=(flat.size, flat.size))
        steps = (steps + steps.T).tocsr()
        pull, towards = np.full(flat.size, self.trust), prior.ravel().copy()
        down, across = np.mgrid[:rows, :columns]
        for click, row, column in clicks:
            near = (np.hypot(down - row, across - column) <= max(radius, 0.5)).ravel()
            pull[near], towards[near] = _CERTAIN, float(click.is_foreground)
        laplacian = sparse.diags_array(np.asarray(steps.sum(axis=1)).ravel() + pull) - steps
        solved = spsolve(laplacian.tocsc(), pull * towards)
        return np.asarray(np.clip(solved.reshape(rows, columns), 0.0, 1.0))


def _connected(alike: Mask, row: int, column: int) -> Mask:
    """The component that holds the pixel."""
    components, _ = ndimage.label(alike)
    return np.asarray(alike & (components == components[row, column]))


def _shrunk(values: FloatArray, step: int) -> FloatArray:
    """Means over blocks of pixels; the last block may be smaller."""
    if step == 1:
        return values
    sums = values
    for axis in (0, 1):
        places = np.arange(0, sums.shape[axis], step)
        counts = np.diff([*places, sums.shape[axis]])
        sums = np.add.reduceat(sums, places, axis=axis) / np.expand_dims(counts, 1 - axis)
    return np.asarray(sums)


def _enlarged(values: FloatArray, shape: tuple[int, ...], step: int) -> FloatArray:
    """Back on the fine grid, linear between the blocks' middles."""
    middles = [(np.arange(n) + 0.5) / step - 0.5 for n in shape]
    return np.asarray(ndimage.map_coordinates(values, np.meshgrid(*middles, indexing="ij"), order=1, mode="nearest"))
