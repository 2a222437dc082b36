"""A trained model at work: images in, a label map on their own grid out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from AnatomyGuidedLib.errors import AnatomyGuidedError, NotEvaluable
from AnatomyGuidedLib.grid import Labelmap, Volume
from AnatomyGuidedLib.predictors.preparation import Preparation, Prepared
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, part_of, stop_if

if TYPE_CHECKING:
    from torch import nn

    from AnatomyGuidedLib.inference.predict import Prediction
    from AnatomyGuidedLib.inference.windows import Window

_FEWEST_VOXELS = 4

NEEDS_TORCH = (
    "Models need torch, which is not installed: pip install 'slicer-anatomy-guided[networks]', or in Slicer the "
    "PyTorch extension; or use --experts rules."
)


@dataclass(frozen=True)
class Labels:
    """What a network's channels mean: each class's value in the label map, in a named scheme where it has one.

    With `regions` the channels overlap, and `values` are written in their order where a channel is above 0.
    """

    values: tuple[int, ...]
    names: Mapping[int, str]
    scheme: str = ""
    regions: bool = False


@dataclass(frozen=True)
class Predictor:
    """A model: the images it takes, how they are prepared, its windows, its labels, and where its networks come from.

    `network` is the card's entry (architecture and arguments); `load` gives the networks with their weights (one a
    fold), and reads nothing before it is called. With `averages_chances` windows, mirrors and folds are averaged as
    probabilities, not as logits. `notes` are for the report.
    """

    name: str
    channels: tuple[str, ...]
    preparation: Preparation
    window: Window
    network: Mapping[str, Any]
    labels: Labels
    load: Callable[[], Sequence[nn.Module]]
    averages_chances: bool = False
    notes: tuple[str, ...] = ()

    def labelmap(
        self,
        volumes: Sequence[Volume],
        *,
        device: str = "auto",
        progress: Progress = no_progress,
        cancelled: CancelCheck = never_cancelled,
    ) -> tuple[Labelmap, tuple[str, ...]]:
        """The model's own labels on the volumes' grid, and notes on how they were made.

        Raises:
            AnatomyGuidedError: The images are not what the model takes, or torch is missing.
            NotEvaluable: The image has too few slices for a network of blocks.
            Cancelled: The user stopped.
        """
        progress(0.0, f"Preparing the image for {self.name}")
        prepared = self.preparation.prepared(volumes)
        self._require_thick(prepared)
        stop_if(cancelled)
        found = self._predicted(prepared, device, part_of(progress, 0.1, 1.0), cancelled)
        return Labelmap(prepared.restored(found.labels), prepared.grid), (*self.notes, *found.notes)

    def _require_thick(self, prepared: Prepared) -> None:
        """Nothing, if a network of blocks has more than a few layers to look at along each axis."""
        voxels = min(prepared.image.shape[1:])
        if self.window.dimensions == 3 and voxels < _FEWEST_VOXELS:
            axis = prepared.image.shape[1:].index(voxels)
            spacing = self.preparation.spacing_mm[axis] or prepared.grid.spacing_mm[prepared.turn.axes[axis]]
            raise NotEvaluable(
                f"{self.name} was trained on blocks and needs {_FEWEST_VOXELS * spacing:g} mm along each axis, but the "
                f"image has about {voxels * spacing:g} mm along one; give it more slices."
            )

    def _predicted(self, prepared: Prepared, device: str, progress: Progress, cancelled: CancelCheck) -> Prediction:
        try:
            from AnatomyGuidedLib.inference.decoding import Largest, Regions
            from AnatomyGuidedLib.inference.lattice import LINEAR, NEAREST
            from AnatomyGuidedLib.inference.predict import Task, predict
            from AnatomyGuidedLib.networks.build import divisors_of
        except ModuleNotFoundError as error:
            raise AnatomyGuidedError(NEEDS_TORCH) from error
        i, j, k = (NEAREST if axis == prepared.thick_axis else LINEAR for axis in range(3))
        values = self.labels.values
        task = Task(
            self.window,
            Regions(values) if self.labels.regions else Largest(values),
            prepared.wanted_shape,
            (i, j, k),
            divisors=divisors_of(self.network),
            averages_chances=self.averages_chances,
        )
        networks = self.load()
        return predict(networks, prepared.image, task, device=device, progress=progress, cancelled=cancelled)
