"""SAM, MedSAM and ScribblePrompt-SAM through transformers' classes, from a folder or file on this machine.

The crop around the box, windowed to 0 to 1, is put in all three colours. MedSAM (Ma et al. 2024,
doi 10.1038/s41467-024-44824-z) takes colours from 0 to 1 and makes one mask from the box alone; SAM (Kirillov et al.
2023, arXiv 2304.02643) and ScribblePrompt-SAM (Wong et al., ECCV 2024) take colours standardised as ImageNet's, and of
three masks the one that they score best.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from LIMISLib.prompt import Prompt
from LIMISLib.segmenters.capabilities import Capabilities, require_understood
from LIMISLib.segmenters.crop import MARGIN_SHARE, Crop, Pixels, crop_around
from LIMISLib.segmenters.prompted import logits_of, scaled
from LIMISLib.segmenters.sam_weights import load_sam, sha256_of_place

if TYPE_CHECKING:
    from torch import Tensor

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's colours, 0 to 1
_CLICKED = Capabilities(mask=True, raw_hu=False)
_BOX_ALONE = Capabilities(clicks=False, raw_hu=False)


@dataclass(frozen=True)
class Sam:
    """Probabilities by a network of SAM's family.

    `standardised` is about the colours, `several` whether three masks are made and the best taken.
    """

    name: str
    place: Path
    weights_sha256: str
    standardised: bool = True
    several: bool = True
    margin_share: float = MARGIN_SHARE
    capabilities: Capabilities = field(default=_CLICKED, repr=False)

    def chances(self, pixels_hu: Pixels, prompt: Prompt, *, pixel_mm: tuple[float, float]) -> Pixels:
        """As `PromptSegmenter.chances`.

        Raises:
            AnatomyGuidedError: The box lies outside the slice; the prompt holds what this one does not take;
                transformers is missing, or the weights do not fit.
        """
        import torch

        require_understood(prompt, self.capabilities, self.name)
        shape = pixels_hu.shape[0], pixels_hu.shape[1]
        inside = prompt.box.pixels(shape)
        model = _model(self.place, self.weights_sha256)
        side = int(model.config.vision_config.image_size)
        crop = crop_around(prompt.box, pixel_mm=pixel_mm, side=side, margin_share=self.margin_share)
        given = self.inputs(crop.sampled(scaled(pixels_hu, prompt.window)), crop, prompt)
        with torch.inference_mode():
            found = model(**given, multimask_output=self.several)
        best = int(found.iou_scores[0, 0].argmax())
        logits = torch.nn.functional.interpolate(
            found.pred_masks[:, 0, best : best + 1], size=(side, side), mode="bilinear", align_corners=False
        )
        return crop.laid_back(torch.sigmoid(logits)[0, 0].numpy(), shape, inside)

    def inputs(self, image: Pixels, crop: Crop, prompt: Prompt) -> dict[str, Tensor]:
        """What transformers' model is called with: one image and one prompt, in the crop's pixels.

        The network adds half a pixel to every coordinate, which is taken off here.
        """
        import torch

        corners = (crop.cell(prompt.box.top, prompt.box.left), crop.cell(prompt.box.bottom, prompt.box.right))
        edges = [edge - 0.5 for row, column in corners for edge in (column, row)]
        given = {"pixel_values": torch.from_numpy(self._colours(image))[None], "input_boxes": torch.tensor([[edges]])}
        if prompt.clicks:
            cells = [crop.cell(click.row + 0.5, click.column + 0.5) for click in prompt.clicks]
            given["input_points"] = torch.tensor([[[[column - 0.5, row - 0.5] for row, column in cells]]])
            given["input_labels"] = torch.tensor([[[int(click.is_foreground) for click in prompt.clicks]]])
        if prompt.before is not None:
            coarse = _quartered(logits_of(crop.sampled(prompt.before)))
            given["input_masks"] = torch.from_numpy(coarse)[None, None]
        return given

    def _colours(self, image: Pixels) -> Pixels:
        colours = np.repeat(image[None], 3, axis=0)
        if self.standardised:
            colours = (colours - np.array(_MEAN)[:, None, None]) / np.array(_DEVIATION)[:, None, None]
        return np.asarray(colours, np.float32)


def sam(place: str) -> Sam:
    """SAM as it was published.

    Raises:
        AnatomyGuidedError: The folder or file is not there.
    """
    return Sam("sam", Path(place), sha256_of_place(Path(place)))


def scribbleprompt_sam(place: str) -> Sam:
    """ScribblePrompt's SAM.

    Raises:
        AnatomyGuidedError: The folder or file is not there.
    """
    return Sam("scribbleprompt_sam", Path(place), sha256_of_place(Path(place)))


def medsam(place: str) -> Sam:
    """MedSAM.

    Raises:
        AnatomyGuidedError: The folder or file is not there.
    """
    digest = sha256_of_place(Path(place))
    return Sam("medsam", Path(place), digest, standardised=False, several=False, capabilities=_BOX_ALONE)


@lru_cache(maxsize=1)
def _model(place: Path, weights_sha256: str) -> Any:  # noqa: ARG001 - other weights in the same place are another model
    return load_sam(place)


def _quartered(values: Pixels) -> Pixels:
    """Means over 4 x 4 pixels: SAM takes masks at a quarter of the image's resolution."""
    rows, columns = (size // 4 for size in values.shape)
    return np.asarray(values.reshape(rows, 4, columns, 4).mean(axis=(1, 3)), np.float32)
