"""Whether an atlas model's encoder understands the CT that a lesion network shows it."""

from __future__ import annotations

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.predictors.predictor import Predictor

from PathologySegLib.learning.arms import Arm
from PathologySegLib.petct.presets import GRASP

_AXES = (0, 1, 2)


def require_readable(atlas: Predictor, arm: Arm) -> None:
    """Nothing, if the atlas model learned from a CT that is scaled and turned as ours is, or the arm does not mind.

    Weights that are only counted, or drawn anew, understand nothing in any case.

    Raises:
        AnatomyGuidedError: It did not: its features of our CT would mean nothing.
    """
    if not reads(arm):
        return
    preparation = atlas.preparation
    if preparation.normalisations != (GRASP.ct,):
        raise AnatomyGuidedError(
            f"The encoder of {atlas.name} takes {_told(atlas)}, but is shown one CT, of {GRASP.ct.low:g} to "
            f"{GRASP.ct.high:g} HU by {GRASP.ct.deviation:g}; choose an atlas model that `train atlas` made."
        )
    if preparation.orientation != "RAS" or preparation.axes != _AXES:
        raise AnatomyGuidedError(
            f"The encoder of {atlas.name} takes images along {preparation.orientation or 'unknown axes'}, but is shown "
            "them along RAS; choose an atlas model that `train atlas` made."
        )


def spacing_note(atlas: Predictor, arm: Arm, spacing_mm: float) -> str:
    """A sentence where the encoder learned from cubes of another size than it is shown; "" where not."""
    own = atlas.preparation.spacing_mm
    if not reads(arm) or all(abs(side - spacing_mm) < 0.01 * side for side in own):
        return ""
    sides = " x ".join(f"{side:g}" for side in own)
    return f"The encoder of {atlas.name} learned from voxels of {sides} mm, but is shown cubes of {spacing_mm:g} mm."


def reads(arm: Arm) -> bool:
    """Whether the arm uses what an atlas network learned."""
    return arm.fusion in ("mirror", "mixture") or arm.start == "atlas"


def _told(atlas: Predictor) -> str:
    each = [
        f"{name} ({way.scheme}, {way.low:g} to {way.high:g}, less {way.mean:g}, by {way.deviation:g})"
        for name, way in zip(atlas.channels, atlas.preparation.normalisations, strict=True)
    ]
    return " and ".join(each)
