"""nnInteractive through its server: box and clicks go there, a mask comes back (arXiv 2503.08373)."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import AnatomyGuidedError

from LIMISLib.planes import SliceView
from LIMISLib.prompt import Prompt
from LIMISLib.segmenters.capabilities import Capabilities, require_understood
from LIMISLib.segmenters.crop import Pixels
from LIMISLib.segmenters.nninteractive_client import Client, own_machine_or_allowed

_CAPABILITIES = Capabilities(dimensions=3, mask=True, probabilities=False)
_Voxel = tuple[int, int, int]


@dataclass(frozen=True)
class NNInteractive:
    """Masks by an nnInteractive server; its weights are its own, so that a replay can only compare the masks.

    A slice goes there as a volume of one slice; `volume` gives it the whole image and gets a mask in 3D. A server has
    one image and one object at a time, so each mask begins with a fresh object, and calls take turns.
    """

    client: Client
    name: str = "nninteractive"
    weights_sha256: str = ""
    capabilities: Capabilities = field(default=_CAPABILITIES, repr=False)
    turn: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @classmethod
    def at(cls, address: str, *, allow_remote: bool = False, timeout_s: float = 60.0) -> NNInteractive:
        """The segmenter at an address such as http://127.0.0.1:1527; nothing is sent yet.

        Raises:
            UsageError: It is no such address.
            AnatomyGuidedError: It is on another machine, and that was not allowed.
        """
        return cls(Client(own_machine_or_allowed(address, allow_remote=allow_remote), timeout_s))

    def chances(self, pixels_hu: Pixels, prompt: Prompt, *, pixel_mm: tuple[float, float]) -> Pixels:  # noqa: ARG002
        """1 in the mask, 0 elsewhere and outside the box.

        Raises:
            AnatomyGuidedError: The box or a click lies outside the slice (nothing is sent then); the server is gone,
                slow, or answers something else than a mask of this shape.
        """
        require_understood(prompt, self.capabilities, self.name)
        shape = pixels_hu.shape[0], pixels_hu.shape[1]
        inside = prompt.box.pixels(shape)
        corners = _corners(inside, shape, prompt)
        clicks = [((0, click.row, click.column), click.is_foreground) for click in prompt.clicks]
        before = None if prompt.before is None else (prompt.before >= 0.5)[None]
        seen = pixels_hu if prompt.window is None else np.clip(pixels_hu, prompt.window.low_hu, prompt.window.high_hu)
        found = self._asked(seen[None], corners, clicks, before)[0]
        mask = np.zeros(shape, np.float32)
        mask[inside] = found[inside]
        return mask

    def volume(
        self, values_hu: npt.NDArray[np.float32], view: SliceView, slice_number: int, prompt: Prompt
    ) -> npt.NDArray[np.uint8]:
        """The mask in all slices, 1 in the structure, on the image's grid, from a prompt in one slice.

        Raises:
            AnatomyGuidedError: As `chances` does.
        """
        corners = _corners(prompt.box.pixels(view.shape), view.shape, prompt)
        slices = np.ascontiguousarray(view.turned(values_hu), np.float32)
        there = slice_number - 1
        clicks = [((there, click.row, click.column), click.is_foreground) for click in prompt.clicks]
        ends = tuple((there, *corner[1:]) for corner in corners)
        found = np.zeros(view.grid.shape, np.uint8)
        view.turned(found)[:] = self._asked(slices, (ends[0], ends[1]), clicks, None)
        return found

    def _asked(
        self,
        image: npt.NDArray[np.float32],
        corners: tuple[_Voxel, _Voxel],
        clicks: list[tuple[_Voxel, bool]],
        before: npt.NDArray[np.bool_] | None,
    ) -> npt.NDArray[np.bool_]:
        """The mask after the box and then each click, of a fresh object on the image."""
        with self.turn:
            self.client.upload_image(image)
            self.client.upload_segment(np.zeros(image.shape, np.bool_) if before is None else before)
            found = self.client.add_box(*corners, image.shape)
            for voxel, is_foreground in clicks:
                found = self.client.add_point(voxel, image.shape, is_foreground=is_foreground)
        return found


def _corners(inside: tuple[slice, slice], shape: tuple[int, int], prompt: Prompt) -> tuple[_Voxel, _Voxel]:
    """The first and last voxel of the box, in a volume whose only slice is number 0.

    Raises:
        AnatomyGuidedError: A click lies outside the slice.
    """
    for click in prompt.clicks:
        if not (0 <= click.row < shape[0] and 0 <= click.column < shape[1]):
            raise AnatomyGuidedError("A click lies outside the image; it was not sent to the server.")
    rows, columns = inside
    return (0, rows.start, columns.start), (0, rows.stop - 1, columns.stop - 1)
