"""ScribblePrompt's U-Net as LIMIS uses it: the crop around the box, windowed, as a square of 128 (thesis 3.3.3.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from LIMISLib.box import Box
from LIMISLib.prompt import Click, Prompt
from LIMISLib.segmenters.capabilities import Capabilities
from LIMISLib.segmenters.crop import MARGIN_SHARE, Crop, Pixels, crop_around
from LIMISLib.segmenters.prompted import channels, logits_of, scaled
from LIMISLib.segmenters.weights import BUNDLED, WeightsFile, find_weights, load_network

if TYPE_CHECKING:
    from torch import nn

CAPABILITIES = Capabilities(mask=True, raw_hu=False)


@dataclass(frozen=True)
class ScribblePrompt:
    """Probabilities by a network of ScribblePrompt's family.

    Clicks are shown together with the logits of a pass without them (or of the prompt's earlier mask), as the network
    was trained. `whole_image` shows it the whole slice instead of the crop; the thesis compares the two.
    """

    weights: WeightsFile
    name: str = "scribbleprompt"
    margin_share: float = MARGIN_SHARE
    whole_image: bool = False
    capabilities: Capabilities = field(default=CAPABILITIES, repr=False)

    @property
    def weights_sha256(self) -> str:
        return self.weights.sha256

    def chances(self, pixels_hu: Pixels, prompt: Prompt, *, pixel_mm: tuple[float, float]) -> Pixels:
        """As `PromptSegmenter.chances`.

        Raises:
            AnatomyGuidedError: The box lies outside the slice; torch is missing, or the weights do not fit.
        """
        shape = pixels_hu.shape[0], pixels_hu.shape[1]
        inside = prompt.box.pixels(shape)
        crop = self.crop(prompt.box, shape, pixel_mm)
        image = crop.sampled(scaled(pixels_hu, prompt.window))
        before = None if prompt.before is None else logits_of(crop.sampled(prompt.before))
        if prompt.clicks and before is None:
            before = self._logits_of(image, crop, prompt.box, (), None)
        found = self._logits_of(image, crop, prompt.box, prompt.clicks, before)
        return crop.laid_back(np.asarray(1.0 / (1.0 + np.exp(-found)), np.float32), shape, inside)

    def crop(self, box: Box, shape: tuple[int, int], pixel_mm: tuple[float, float]) -> Crop:
        """What the network sees: the square around the box and a margin, or around the whole slice."""
        if self.whole_image:
            return crop_around(
                Box(0, 0, shape[1], shape[0]), pixel_mm=pixel_mm, side=self.weights.side, margin_share=0.0
            )
        return crop_around(box, pixel_mm=pixel_mm, side=self.weights.side, margin_share=self.margin_share)

    def _logits_of(self, image: Pixels, crop: Crop, box: Box, clicks: Sequence[Click], before: Pixels | None) -> Pixels:
        import torch

        shown = torch.from_numpy(channels(image, crop, box, clicks, before))
        with torch.inference_mode():
            found = _network(self.weights)(shown[None])
        return np.asarray(found[0, 0].numpy(), np.float32)


def scribbleprompt(place: str = BUNDLED) -> ScribblePrompt:
    """The segmenter with the weights of an installed model, a model's folder, or a published checkpoint's file.

    Raises:
        AnatomyGuidedError: There are none, or they are damaged.
    """
    return ScribblePrompt(find_weights(place))


@lru_cache(maxsize=2)
def _network(weights: WeightsFile) -> nn.Module:
    return load_network(weights)
