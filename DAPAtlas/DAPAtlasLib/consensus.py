"""Consensus of experts in place of their union: each structure by majority or STAPLE among those who know it.

Only who knows a structure and looked at a voxel has a vote on it, so that partial label sets and fields of view do no
harm. The structures are then put together coarse to fine, as in the union.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.grid import Labelmap
from AnatomyGuidedLib.labels import UNKNOWN_TISSUE, id_of
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, stop_if

from DAPAtlasLib.merge import levels
from DAPAtlasLib.opinions import Box, Opinion, box_around

Ballots = npt.NDArray[np.bool_]  # [expert, voxel]


def consensus(
    opinions: Sequence[Opinion],
    method: str,
    *,
    progress: Progress = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> Labelmap:
    """The label map that most experts agree to; a voxel that no structure wins is Unknown Tissue if one named it.

    With "majority" half of the votes are enough, so that two experts who differ are united as in the thesis (3.1.3);
    with "staple" it is SimpleITK's STAPLE at a probability of 0.5 (Warfield et al. 2004, doi 10.1109/TMI.2004.828354).
    At one level the structure with the larger share of the votes wins, then the one with the lower id.

    Raises:
        ValueError: There is no opinion.
        Cancelled: The user stopped between two structures.
    """
    if not opinions:
        raise ValueError("At least one opinion is needed.")
    grid = opinions[0].labelmap.grid
    height = levels()
    merged = np.zeros(grid.shape, np.uint8)
    for opinion in opinions:
        merged[opinion.labelmap.values > 0] = id_of(UNKNOWN_TISSUE)
    won = np.zeros(grid.shape, np.float32)
    named = sorted(_named(opinions), key=lambda label: (height[label], label))
    for place, label in enumerate(named):
        stop_if(cancelled)
        progress(place / len(named), "Counting the experts' votes")
        box = _common_box(opinions, label)
        share = _shares(opinions, label, box, method)
        part, best = merged[box], won[box]
        wins = (share >= 0.5) & ((height[label] > height[part]) | (share > best))
        part[wins], best[wins] = label, share[wins]
    return Labelmap(merged, grid)


def _named(opinions: Sequence[Opinion]) -> set[int]:
    present = np.zeros(256, np.bool_)
    for opinion in opinions:
        present[np.bincount(opinion.labelmap.values[opinion.box].ravel(), minlength=256) > 0] = True
    return set(np.flatnonzero(present).tolist()) - {0, id_of(UNKNOWN_TISSUE)}


def _common_box(opinions: Sequence[Opinion], label: int) -> Box:
    """The box around all that any expert gives this label."""
    found = (box_around(opinion.labelmap.values == label) for opinion in opinions)
    boxes = [box for box in found if box]
    i, j, k = (slice(min(box[axis].start for box in boxes), max(box[axis].stop for box in boxes)) for axis in range(3))
    return i, j, k


def _shares(opinions: Sequence[Opinion], label: int, box: Box, method: str) -> npt.NDArray[np.float32]:
    """How much of the vote each voxel of the box has for the label; 0 where nobody votes."""
    voters = [opinion for opinion in opinions if label in opinion.knows]
    if not voters:
        return np.zeros([side.stop - side.start for side in box], np.float32)
    said = np.array([voter.labelmap.values[box] == label for voter in voters])
    looked = np.array([_looked(voter, box) for voter in voters])
    shares = np.zeros(said.shape[1:], np.float32)
    for who, where in _electorates(looked):
        ballots = said[who][:, where]
        shares[where] = _staple(ballots) if method == "staple" and len(who) > 1 else ballots.mean(axis=0)
    return shares


def _looked(voter: Opinion, box: Box) -> npt.NDArray[np.bool_]:
    i, j, k = (_within(side, own) for side, own in zip(box, voter.box, strict=True))
    return np.asarray(i[:, None, None] & j[:, None] & k, np.bool_)


def _within(side: slice, own: slice) -> npt.NDArray[np.bool_]:
    places = np.arange(side.start, side.stop)
    return np.asarray((places >= own.start) & (places < own.stop), np.bool_)


def _electorates(looked: npt.NDArray[np.bool_]) -> Iterator[tuple[list[int], npt.NDArray[np.bool_]]]:
    """Each set of experts who looked at the same voxels, and these voxels."""
    codes = np.tensordot(1 << np.arange(len(looked)), looked, 1)
    for code in np.unique(codes).tolist():
        who = [number for number in range(len(looked)) if code >> number & 1]
        if who:
            yield who, codes == code


def _staple(ballots: Ballots) -> npt.NDArray[np.float32]:
    """The probability that SimpleITK's STAPLE gives each voxel; where all agree, their word."""
    import SimpleITK

    yes = np.asarray(ballots.mean(axis=0), np.float32)
    if not ((yes > 0) & (yes < 1)).any():
        return yes
    images = [SimpleITK.GetImageFromArray(ballot[None, None].astype(np.uint8)) for ballot in ballots]
    estimate = SimpleITK.GetArrayFromImage(SimpleITK.STAPLE(images, 1.0))[0, 0]
    return np.asarray(np.where(np.isfinite(estimate), estimate, yes), np.float32)
