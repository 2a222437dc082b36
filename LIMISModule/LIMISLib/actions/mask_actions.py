"""What commands do that give a new mask: a structure, a refinement of its mask, the ensemble, the mask in 3D."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from AnatomyGuidedLib.errors import AnatomyGuidedError

from LIMISLib.actions.refinements import REFINEMENTS
from LIMISLib.commands import Command
from LIMISLib.dialogue import ADAPTED_PX, Offer
from LIMISLib.guidance import usual_window
from LIMISLib.prompt import PRESETS
from LIMISLib.prompt_segmenter import Mask, VolumeSegmenter
from LIMISLib.propagation import asked_for_all, propagated
from LIMISLib.random_walk import Chances
from LIMISLib.states import Setup, State
from LIMISLib.workbench import Workbench


def segment(bench: Workbench, command: Command) -> str:
    """The first mask of a structure; the default adaptation is then on offer."""
    if bench.finder is None:
        raise AnatomyGuidedError(
            "Without an anatomy or a finder no structure can be found; give a label map of this image with the session "
            "(Anatomy in the panel), or a finder."
        )
    structure = command.word("structure")
    finding = bench.finder.find(structure, command.count("slice"))
    setup = Setup(structure, finding.slice_number, finding.box, bench.view.plane)
    chances, offer = bench.chances(setup), _adapted(bench, setup)
    text = bench.add(command, setup, chances=chances)
    bench.dialogue.offer = offer
    return f"{text} {finding.remark}".strip()


def refine(bench: Workbench, command: Command) -> str:
    """The mask of a changed box, prompt, threshold, window, or set of components."""
    state = bench.tree.required()
    return bench.add(command, REFINEMENTS[command.intent](state, command, bench.view_of(state)))


def ensemble(bench: Workbench, command: Command) -> str:
    """The mask of the mean of a larger box, a centre click and the structure's usual window."""
    state = bench.tree.required()
    return bench.add(command, state.setup, chances=_mean_chances(bench, state))


def propagate(bench: Workbench, command: Command) -> str:
    """The mask carried through the slices, to 3D; one that was carried the other way before is joined.

    Raises:
        AnatomyGuidedError: The mask is empty.
    """
    state = bench.tree.required()
    if not state.mask.any():
        raise AnatomyGuidedError(
            f"The mask of step {state.number} is empty, so there is nothing to carry; lower the threshold, make the "
            'box larger, or "undo".'
        )
    direction = command.word("direction", "both")
    where = bench.image.values, bench.view_of(state), state.mask, state.slice_number
    if isinstance(bench.segmenter, VolumeSegmenter):
        volume = asked_for_all(bench.segmenter, *where, state.setup.prompt, direction=direction)
    else:
        volume = propagated(*where, direction=direction, window=state.setup.window)
    if state.volume is None:
        return bench.add(command, state.setup, chances=state.chances, volume=volume)
    text = bench.add(command, state.setup, chances=state.chances, volume=np.maximum(volume, state.volume))
    return f"{text} What step {state.number} had in 3D is in it."


def preview(bench: Workbench, command: Command) -> Mask:
    """The mask that a refinement would give; nothing changes.

    Raises:
        AnatomyGuidedError: It cannot be run here.
    """
    state = bench.tree.required()
    if command.intent == "ensemble":
        return bench.masked(state.setup, _mean_chances(bench, state))
    setup = REFINEMENTS[command.intent](state, command, bench.view_of(state))
    return bench.masked(setup, bench.chances(setup))


def _adapted(bench: Workbench, setup: Setup) -> Offer:
    """The default adaptation: the structure's usual window, and a larger box."""
    px = dict.fromkeys(("left", "right", "top", "bottom"), ADAPTED_PX)
    adapted = replace(setup, box=setup.box.grown(**px), window=PRESETS[usual_window(setup.structure)])
    chances = bench.chances(adapted)
    return Offer(adapted, chances, bench.masked(adapted, chances))


def _mean_chances(bench: Workbench, state: State) -> Chances:
    view = bench.view_of(state)
    changes = (
        Command("resize_box", {"amount": 10, "unit": "px"}),
        Command("center_click"),
        Command("set_window", {"preset": usual_window(state.structure)}),
    )
    all_chances = [bench.chances(REFINEMENTS[one.intent](state, one, view)) for one in changes]
    return np.asarray(np.mean(all_chances, axis=0), dtype=np.float32)
