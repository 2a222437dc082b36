"""Labels of an image by any network, window by window: whole-volume logits are never held."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from AnatomyGuidedLib.devices import chosen_device
from AnatomyGuidedLib.inference.decoding import Decoder
from AnatomyGuidedLib.inference.frontier import Frontier
from AnatomyGuidedLib.inference.labelling import Labelling
from AnatomyGuidedLib.inference.lattice import LINEAR, Feed
from AnatomyGuidedLib.inference.windows import Shape, Window, Windows
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, stop_if

Image = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Task:
    """What is asked of networks: windows, how logits become labels, the wanted grid, and probabilities of classes.

    `wanted_shape` covers the same extent as the image (its own shape where it is left out); `methods` are, by axis,
    "linear" or "nearest". `divisors` are what a window's sides must stay multiples of when memory is short.
    With `averages_chances` probabilities are averaged and interpolated in place of logits.
    """

    window: Window
    decoder: Decoder
    wanted_shape: Shape | None = None
    methods: tuple[str, str, str] = (LINEAR, LINEAR, LINEAR)
    chances_of: tuple[int, ...] = ()
    divisors: tuple[int, ...] = (1, 1, 1)
    averages_chances: bool = False


@dataclass(frozen=True)
class Effort:
    """Where the work is done: the network's device, the device that keeps unfinished logits, and the window."""

    device: str
    keeping: str
    window: Window

    def words(self) -> str:
        """For a note to the user."""
        sides = " x ".join(str(side) for side in self.window.shape)
        return f"windows of {sides} voxels on {self.device}, unfinished logits on {self.keeping}"


@dataclass(frozen=True, eq=False)
class Prediction:
    """Labels on the wanted grid (uint8, or uint16 above 255), probabilities by class, and how they were made."""

    labels: npt.NDArray[np.uint8 | np.uint16]
    chances: dict[int, npt.NDArray[np.float16]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def predict(
    networks: Sequence[nn.Module],
    image: Image,
    task: Task,
    *,
    device: str = "auto",
    progress: Progress = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> Prediction:
    """The labels of an image (channels, i, j, k); several networks' logits are averaged.

    Where the GPU's memory is not enough, unfinished logits move to the computer's, then windows become smaller, then
    the computer does all the work; the notes say so.

    Raises:
        AnatomyGuidedError: The computer's memory is not enough, or the device is none that there is.
        Cancelled: The user stopped between two windows.
    """
    effort, *others = _efforts(task, chosen_device(device))
    notes: list[str] = []
    while True:
        try:
            labels, chances = _predict(networks, image, task, effort, progress, cancelled)
        except torch.OutOfMemoryError as error:
            if not others:
                raise MemoryError from error
            short, (effort, *others) = effort, others
            notes.append(f"The memory of {short.device} was not enough: went on with {effort.words()}.")
            continue
        return Prediction(labels, chances, tuple(notes))


def _efforts(task: Task, device: str) -> list[Effort]:
    """What is tried, in turn."""
    whole = Effort(device, device, task.window)
    if device == "cpu":
        return [whole]
    keeping = replace(whole, keeping="cpu")
    halves = [replace(keeping, window=window) for window in _smaller(task)]
    return [whole, keeping, *halves, Effort("cpu", "cpu", task.window)]


def _smaller(task: Task) -> list[Window]:
    """Windows of half and a quarter the longest sides, as far as the network allows."""
    windows: list[Window] = []
    shape = list(task.window.shape)
    for _ in range(2):
        shape = [max(d, side // 2 // d * d) if side > 1 else 1 for side, d in zip(shape, task.divisors, strict=True)]
        if tuple(shape) not in [task.window.shape, *(w.shape for w in windows)]:
            windows.append(replace(task.window, shape=(shape[0], shape[1], shape[2])))
    return windows


def _predict(
    networks: Sequence[nn.Module],
    image: Image,
    task: Task,
    effort: Effort,
    progress: Progress,
    cancelled: CancelCheck,
) -> tuple[npt.NDArray[np.uint8 | np.uint16], dict[int, npt.NDArray[np.float16]]]:
    padded, before = _padded(image, effort.window)
    windows = Windows.over(_space(padded), effort.window)
    wanted = task.wanted_shape or _space(image)
    labels = np.zeros(wanted, np.uint8 if max(task.decoder.values) < 256 else np.uint16)
    chances = {number: np.zeros(wanted, np.float16) for number in task.chances_of}
    feeds = _feeds(_space(image), wanted, task.methods, before)
    labelling = Labelling(windows, feeds, task.decoder, labels, chances)
    frontier = Frontier(windows, device=effort.keeping)
    ready = [network.to(effort.device).eval() for network in networks]
    started, total = time.monotonic(), len(windows)
    with torch.inference_mode(), _precision(effort.device):
        for done, number in enumerate(windows.in_order()):
            stop_if(cancelled)
            progress(done / total, _words(done, total, time.monotonic() - started))
            box = windows.box(number)
            patch = torch.from_numpy(padded[(slice(None), *box)].copy())[None].to(effort.device)
            for cell, logits in frontier.add(number, _logits(ready, patch, effort.window, task.averages_chances)):
                labelling.write(cell, logits)
    progress(1.0, f"All {total} windows predicted")
    return labels, chances


def _logits(networks: Sequence[nn.Module], patch: Tensor, window: Window, as_chances: bool) -> Tensor:
    """Mean logits (classes, *window), in single precision, of networks and mirrored patches."""
    flips = [axes for n in range(len(window.mirror_axes) + 1) for axes in combinations(window.mirror_axes, n)]
    views = [(network, [axis + 2 for axis in axes]) for network in networks for axes in flips]
    total = torch.zeros(())
    for number, (network, there) in enumerate(views):
        found = _seen(network, patch.flip(there) if there else patch, window.dimensions)
        found = (found.flip(there) if there else found).float()
        found = found.softmax(1) if as_chances else found
        total = total.add_(found) if number else found
    return total[0].div_(len(views)) if len(views) > 1 else total[0]


def _seen(network: Callable[[Tensor], Tensor], patch: Tensor, dimensions: int) -> Tensor:
    return network(patch[:, :, 0])[:, :, None] if dimensions == 2 else network(patch)


def _precision(device: str) -> AbstractContextManager[object]:
    return torch.autocast("cuda", torch.float16) if device.startswith("cuda") else nullcontext()


def _padded(image: Image, window: Window) -> tuple[Image, Shape]:
    """The image at least as large as a window, as evenly on both sides as can be, and what was put before it."""
    missing = [max(0, side - n) for side, n in zip(window.shape, image.shape[1:], strict=True)]
    before = (missing[0] // 2, missing[1] // 2, missing[2] // 2)
    if not any(missing):
        return image, before
    sides = [(0, 0), *((b, m - b) for b, m in zip(before, missing, strict=True))]
    if window.padding == "edge":
        return np.pad(image, sides, mode="edge"), before
    # The lowest of each channel alone: air in a CT, but no uptake in a PET and nothing in a channel of labels.
    outside = [channel.min() if window.padding == "lowest" else 0.0 for channel in image]
    padded = [np.pad(c, sides[1:], constant_values=value) for c, value in zip(image, outside, strict=True)]
    return np.stack(padded), before


def _feeds(given: Shape, wanted: Shape, methods: tuple[str, str, str], before: Shape) -> tuple[Feed, Feed, Feed]:
    i, j, k = (
        _shifted(Feed.between(g, w, method), b) for g, w, method, b in zip(given, wanted, methods, before, strict=True)
    )
    return i, j, k


def _shifted(feed: Feed, voxels: int) -> Feed:
    return Feed(feed.below + voxels, feed.above + voxels, feed.part)


def _space(image: Image) -> Shape:
    return image.shape[1], image.shape[2], image.shape[3]


def _words(done: int, total: int, seconds: float) -> str:
    left = f", {seconds / done * (total - done):.0f} s left" if done else ""
    return f"Window {done + 1} of {total}{left}"
